# CamVid, what matters: softmax, segment sorting, the memory bank, colours in
# the k-means, and balanced classes, for both methods. What a row changes was
# chosen with seed 1 on val.
# shellcheck shell=bash disable=SC2086  # BASE is several settings
SEEDS="${SEEDS:-1 2 3}"
export NUM_STEPS="${NUM_STEPS:-1250}"
source "$tables/camvid_base.bash"
export REGIONS_DIR=

# The network with filled banks, and that without, read with settings changed.
banks() {
  reading "$1" segsort camvid/train_segsort $BASE "${@:2}"
}

no_bank() {
  reading "$1" no_bank camvid/train_segsort $BASE NUM_BANKS=0 "${@:2}"
}

rows() {
  row softmax camvid/train_softmax VOTE_BALANCE=0
  row segsort camvid/train_segsort $BASE
  row no_bank camvid/train_segsort $BASE NUM_BANKS=0
  [ "$seed" != 1 ] ||
    row released_bank camvid/train_segsort $BASE FROZEN_BANK=1
  no_bank clusters_12x12 INFERENCE_NUM_CLUSTERS=12
  banks banks_color INFERENCE_NUM_CLUSTERS=12 SEGMENT_COLOR_WEIGHT=1
  banks banks_color_balanced INFERENCE_NUM_CLUSTERS=12 SEGMENT_COLOR_WEIGHT=1 \
    VOTE_BALANCE=0.5
  no_bank color INFERENCE_NUM_CLUSTERS=12 SEGMENT_COLOR_WEIGHT=1
  no_bank color_balanced INFERENCE_NUM_CLUSTERS=12 SEGMENT_COLOR_WEIGHT=1 \
    VOTE_BALANCE=0.5
  no_bank color_balanced_similar INFERENCE_NUM_CLUSTERS=12 \
    SEGMENT_COLOR_WEIGHT=1 VOTE_BALANCE=0.5 VOTE_CONCENTRATION=10
  reading softmax_balanced softmax camvid/train_softmax VOTE_BALANCE=0.75
}
