# CamVid, what matters: softmax, segment sorting, and the memory bank.
# shellcheck shell=bash disable=SC2086  # BASE is several settings
SEEDS="${SEEDS:-1 2 3}"
export NUM_STEPS="${NUM_STEPS:-1250}"
source "$tables/camvid_base.bash"

rows() {
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort $BASE
  row no_bank camvid/train_segsort $BASE NUM_BANKS=0
  reading no_bank_color no_bank camvid/train_segsort $BASE NUM_BANKS=0 \
    INFERENCE_NUM_CLUSTERS=12 SEGMENT_COLOR_WEIGHT=1
  [ "$seed" != 1 ] ||
    row released_bank camvid/train_segsort $BASE FROZEN_BANK=1
}
