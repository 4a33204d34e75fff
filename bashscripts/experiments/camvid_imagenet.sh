# CamVid from ImageNet: the two recipes with BACKBONE, a network of Keras, beside
# camvid_recipes' networks from scratch. `plain` rows weigh no class; `8x8` has
# the released clusters; `regions` are labelled in small regions of image
# gradients, `hed` in those of HED (which needs the extra), as the recipes are
# (but in the former softmax has other weights of classes). `3500` has as many
# steps as from scratch. With seed 1 alone: a classifier beside segment sorting,
# with its say.
# shellcheck shell=bash disable=SC2154  # `seed`, `tables` are experiments.sh's
SEEDS="${SEEDS:-1 2 3}"
export BACKBONE="${BACKBONE:-MobileNetV2}"
source "$tables/camvid_regions.bash"

rows() {
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort
  reading softmax_plain softmax camvid/train_softmax VOTE_BALANCE=0
  reading segsort_plain segsort camvid/train_segsort VOTE_BALANCE=0
  reading segsort_plain_8x8 segsort camvid/train_segsort VOTE_BALANCE=0 \
    INFERENCE_NUM_CLUSTERS=8 SEGMENT_COLOR_WEIGHT=0
  regions softmax_regions softmax camvid/train_softmax gradient \
    VOTE_BALANCE=0.5
  regions segsort_regions segsort camvid/train_segsort gradient
  regions softmax_hed softmax camvid/train_softmax hed
  regions segsort_hed segsort camvid/train_segsort hed
  row softmax_3500 camvid/train_softmax NUM_STEPS=3500
  row segsort_3500 camvid/train_segsort NUM_STEPS=3500
  regions softmax_3500_hed softmax_3500 camvid/train_softmax hed NUM_STEPS=3500
  regions segsort_3500_hed segsort_3500 camvid/train_segsort hed NUM_STEPS=3500
  [ "$seed" = 1 ] || return 0
  row joint camvid/train_segsort SOFTMAX_WEIGHT=1 CLASSIFIER_WEIGHT=1
}
