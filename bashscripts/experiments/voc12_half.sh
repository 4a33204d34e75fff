# 321 images of VOC 2012's val at half size: segment sorting with a classifier
# beside it against softmax, both labelled in regions of contours with votes, or
# probabilities, weighed by class, each as was best for it with seed 1. Segment
# sorting's segments go by votes and classifier, those of `votes` and
# `classifier` by one of them. `plain` rows weigh none, `pixels` and `clusters`
# have no regions. With seed 1 alone: `alone` is segment sorting without the
# classifier, and other learning rates.
# shellcheck shell=bash
SEEDS="${SEEDS:-1 2 3}"

# The networks of `softmax`, `segsort` and `alone`, read in another way.
softmax() {
  reading "$1" softmax voc12_half/train_softmax "${@:2}"
}

classifier() {
  reading "$1" segsort voc12_half/train_softmax IS_TRAIN_1=0 "${@:2}"
}

# shares NAME ROW [SETTING=VALUE...]: with the prototypes of that row.
shares() {
  reading "$1" "$2" voc12_half/train_segsort IS_PROTOTYPE_1=0 \
    PROTOTYPES_NAME=results "${@:3}"
}

rows() {
  local rate
  row softmax voc12_half/train_softmax
  row segsort voc12_half/train_segsort
  shares votes segsort CLASSIFIER_WEIGHT=0
  classifier classifier
  softmax softmax_plain VOTE_BALANCE=0
  shares segsort_plain segsort VOTE_BALANCE=0 VOTE_CONCENTRATION=0
  classifier classifier_plain VOTE_BALANCE=0
  softmax softmax_pixels REGIONS_DIR= VOTE_BALANCE=0
  shares segsort_clusters segsort REGIONS_DIR=
  classifier classifier_pixels REGIONS_DIR= VOTE_BALANCE=0
  [ "$seed" = 1 ] || return 0
  row alone voc12_half/train_segsort SOFTMAX_WEIGHT=0
  shares alone_clusters alone SOFTMAX_WEIGHT=0 REGIONS_DIR=
  for rate in 0.003 0.03; do
    row "softmax_rate_$rate" voc12_half/train_softmax LEARNING_RATE="$rate"
    row "segsort_rate_$rate" voc12_half/train_segsort LEARNING_RATE="$rate"
  done
}
