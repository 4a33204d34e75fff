# CamVid from ImageNet: the two recipes with BACKBONE, a network of Keras, beside
# camvid_recipes' networks from scratch. `plain` rows weigh no class; `8x8` has
# the released clusters; `regions` are labelled in small regions of image
# gradients. With seed 1 alone: as many steps as from scratch, and a classifier
# beside segment sorting, with its say.
# shellcheck shell=bash disable=SC2154  # `seed`, `where` are experiments.sh's
SEEDS="${SEEDS:-1 2 3}"
export BACKBONE="${BACKBONE:-MobileNetV2}"

rows() {
  local regions=("REGIONS_DIR=$where/regions" IS_REGIONS=1 DETECTOR=gradient
    LABEL_THRESHOLD=0.01)
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort
  reading softmax_plain softmax camvid/train_softmax VOTE_BALANCE=0
  reading segsort_plain segsort camvid/train_segsort VOTE_BALANCE=0
  reading segsort_plain_8x8 segsort camvid/train_segsort VOTE_BALANCE=0 \
    INFERENCE_NUM_CLUSTERS=8 SEGMENT_COLOR_WEIGHT=0
  reading softmax_regions softmax camvid/train_softmax VOTE_BALANCE=0.5 \
    "${regions[@]}"
  reading segsort_regions segsort camvid/train_segsort VOTE_BALANCE=0.25 \
    "${regions[@]}"
  [ "$seed" = 1 ] || return 0
  row softmax_3500 camvid/train_softmax NUM_STEPS=3500
  row segsort_3500 camvid/train_segsort NUM_STEPS=3500
  row joint camvid/train_segsort SOFTMAX_WEIGHT=1 CLASSIFIER_WEIGHT=1
}
