# VOC 2012 at half size without labels, on frozen features of ImageNet's network:
# the untrained one (`unsup`, the recipe) and what the paper's loss, each region a
# class of its own, makes of it by steps and rate, from its components and from a
# random head; `groups` trains on groups of pixels that the untrained features
# made. All are labelled in regions of contours, but for `clusters`.
# shellcheck shell=bash disable=SC2086  # `random` is several settings
SEEDS="${SEEDS:-1}"

# train NAME STEPS RATE [SETTING=VALUE...]
train() {
  row "$1" voc12_half/train_segsort_unsup NUM_STEPS="$2" LEARNING_RATE="$3" \
    "${@:4}"
}

rows() {
  local random='HEAD=pspnet EMBEDDING_DIM=32 BATCH_NORM_DECAY=0.97' steps
  row unsup voc12_half/train_segsort_unsup
  reading clusters unsup voc12_half/train_segsort_unsup IS_PROTOTYPE_1=0 \
    PROTOTYPES_NAME=results REGIONS_DIR=
  row untrained_64 voc12_half/train_segsort_unsup EMBEDDING_DIM=64
  for steps in 100 300 1000; do
    train "components_$steps" "$steps" 0.01
  done
  for steps in 100 1000; do
    train "components_slow_$steps" "$steps" 0.001
  done
  for steps in 300 1000; do
    train "random_$steps" "$steps" 0.01 $random
  done
  train groups 300 0.001 NUM_STEPS_1=0 IS_GROUPED=1 NUM_ROUNDS=2 \
    IS_PROTOTYPE_1=0 IS_INFERENCE_1=0 IS_BENCHMARK_1=0
}
