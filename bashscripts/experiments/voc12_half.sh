# 321 images of VOC 2012's val at half size: segment sorting with a classifier
# beside it against softmax, each labelled in regions of contours, by clusters or
# by pixels. `alone` is segment sorting without the classifier; rows below
# `alone_clusters` are what the settings were chosen by, with seed 1.
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
  local rate balance
  row softmax voc12_half/train_softmax
  row segsort voc12_half/train_segsort
  classifier classifier
  row alone voc12_half/train_segsort SOFTMAX_WEIGHT=0
  softmax softmax_pixels REGIONS_DIR=
  shares segsort_clusters segsort REGIONS_DIR=
  classifier classifier_pixels REGIONS_DIR=
  shares alone_clusters alone SOFTMAX_WEIGHT=0 REGIONS_DIR=
  [ "$seed" = 1 ] || return 0
  for balance in 0 0.25; do
    shares "segsort_balance_$balance" segsort VOTE_BALANCE="$balance"
  done
  for balance in 0.1 0.25; do
    softmax "softmax_balance_$balance" VOTE_BALANCE="$balance"
  done
  for rate in 0.003 0.03; do
    row "softmax_rate_$rate" voc12_half/train_softmax LEARNING_RATE="$rate"
    row "segsort_rate_$rate" voc12_half/train_segsort LEARNING_RATE="$rate"
  done
}
