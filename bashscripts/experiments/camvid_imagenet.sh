# CamVid from ImageNet: the two recipes with BACKBONE, a network of Keras, beside
# camvid_recipes' networks from scratch. `plain` rows weigh no class; `8x8` has
# the released clusters. With seed 1 alone: as many steps as from scratch.
# shellcheck shell=bash disable=SC2154  # `seed` is experiments.sh's
SEEDS="${SEEDS:-1 2 3}"
export BACKBONE="${BACKBONE:-MobileNetV2}"

rows() {
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort
  reading softmax_plain softmax camvid/train_softmax VOTE_BALANCE=0
  reading segsort_plain segsort camvid/train_segsort VOTE_BALANCE=0
  reading segsort_plain_8x8 segsort camvid/train_segsort VOTE_BALANCE=0 \
    INFERENCE_NUM_CLUSTERS=8 SEGMENT_COLOR_WEIGHT=0
  [ "$seed" = 1 ] || return 0
  row softmax_3500 camvid/train_softmax NUM_STEPS=3500
  row segsort_3500 camvid/train_segsort NUM_STEPS=3500
}
