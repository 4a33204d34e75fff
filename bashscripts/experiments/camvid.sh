# CamVid, what matters: softmax, segment sorting, and the memory bank.
# shellcheck shell=bash
SEEDS="${SEEDS:-1 2 3}"
export NUM_STEPS="${NUM_STEPS:-1250}"
source "$tables/camvid_base.bash"

rows() {
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort $BASE
  row no_bank camvid/train_segsort $BASE NUM_BANKS=0
  row released_bank camvid/train_segsort $BASE FROZEN_BANK=1
}
