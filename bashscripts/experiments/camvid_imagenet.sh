# CamVid from ImageNet: the two recipes with BACKBONE, a network of Keras, beside
# camvid_recipes' networks from scratch. `plain` rows weigh no class; `8x8` has
# the released clusters; `regions` are labelled in small regions of image
# gradients, `hed` in those of HED (which needs the extra). With seed 1 alone: as
# many steps as from scratch, and a classifier beside segment sorting, with its
# say.
# shellcheck shell=bash disable=SC2154  # `seed`, `where` are experiments.sh's
SEEDS="${SEEDS:-1 2 3}"
export BACKBONE="${BACKBONE:-MobileNetV2}"

# regions NAME ROW RECIPE DETECTOR THRESHOLD MAX_REGIONS BALANCE
regions() {
  reading "$1" "$2" "$3" VOTE_BALANCE="$7" IS_REGIONS=1 \
    REGIONS_DIR="$where/regions_$4" DETECTOR="$4" LABEL_THRESHOLD="$5" \
    LABEL_MAX_REGIONS="$6"
}

rows() {
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort
  reading softmax_plain softmax camvid/train_softmax VOTE_BALANCE=0
  reading segsort_plain segsort camvid/train_segsort VOTE_BALANCE=0
  reading segsort_plain_8x8 segsort camvid/train_segsort VOTE_BALANCE=0 \
    INFERENCE_NUM_CLUSTERS=8 SEGMENT_COLOR_WEIGHT=0
  regions softmax_regions softmax camvid/train_softmax gradient 0.01 400 0.5
  regions segsort_regions segsort camvid/train_segsort gradient 0.01 400 0.25
  regions softmax_hed softmax camvid/train_softmax hed 0.2 800 0.25
  regions segsort_hed segsort camvid/train_segsort hed 0.2 800 0.25
  [ "$seed" = 1 ] || return 0
  row softmax_3500 camvid/train_softmax NUM_STEPS=3500
  row segsort_3500 camvid/train_segsort NUM_STEPS=3500
  row joint camvid/train_segsort SOFTMAX_WEIGHT=1 CLASSIFIER_WEIGHT=1
}
