#!/usr/bin/env bash
# Unsupervised SegSort on PASCAL VOC 2012; the labels of train serve retrieval
# and those of val the evaluation.
#
# Usage: DATAROOT=/data source bashscripts/voc12/train_segsort_unsup.sh
#        (bash or zsh, from any directory; or run it with bash)
#
# Nothing is trained unless NUM_STEPS is given: the embedding is the principal
# components of the features of ImageNet's network, which no training has beaten
# for certain at half size (bashscripts/experiments/README.md). RECIPE=released
# trains as the 2019 release did, on regions of contours, from a random head.
#
# The regions of DATAROOT/VOC2012/segcls/ID.png are in VOC2012/hed/ID.png, or
# named in a third column of the list. Where some are absent they are made, by
# pyscripts/make_oversegmentation.py with DETECTOR, DETECTOR_PATH, THRESHOLD and
# MAX_REGIONS (IS_OVERSEGMENT=0: no). Each region is a class of its own, as in
# the paper; IS_GROUPED=1 trains on groups of alike ones, and NUM_ROUNDS=2 then
# goes on with groups of pixels (stage 2). Every setting printed at the start,
# and those of settings.sh, can be set in the environment.
#
# Data and the ImageNet checkpoint: bash bashscripts/voc12/prepare_data.sh
# Without that checkpoint, from scratch: RESTORE_FROM=
#
# Expected mean IOU, hours and memory: not measured with this implementation.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export DATASET="${DATASET:-voc12}" GET_DATA=how_to_get_voc12
  export DATAROOT="${DATAROOT:-$root/dataset/voc12/data}"
  export DATA_DIR="$DATAROOT" LIST_DIR="${LIST_DIR:-$root/dataset/voc12}"
  export GT_DIR="${GT_DIR:-$DATAROOT/VOC2012/segcls}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12/segsort_unsup}"

  export BACKBONE="${BACKBONE:-resnet_v1_101}"
  imagenet="$root/snapshots/imagenet/trained/$BACKBONE.ckpt"
  export RESTORE_FROM_1="${RESTORE_FROM_1-${RESTORE_FROM-$imagenet}}"
  export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.9997}"
  if [ "${RECIPE:-found}" = found ]; then
    export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-0}}"
    export HEAD="${HEAD:-components}" EMBEDDING_DIM="${EMBEDDING_DIM:-128}"
    [ "$HEAD" != components ] || export IS_COMPONENTS="${IS_COMPONENTS:-1}"
    export SOFTMAX_WEIGHT=0 VOTE_BALANCE="${VOTE_BALANCE:-0.25}"
    export VOTE_CONCENTRATION="${VOTE_CONCENTRATION:-0}"
  fi
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-10000}}"
  export NUM_STEPS_2="${NUM_STEPS_2:-${NUM_STEPS:-10000}}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-2e-3}}"
  export LEARNING_RATE_2="${LEARNING_RATE_2:-${LEARNING_RATE:-2e-3}}"
  export BATCH_SIZE="${BATCH_SIZE:-8}" INPUT_SIZE="${INPUT_SIZE:-336,336}"
  # Regions carry no class: those of earlier batches are all other regions.
  export NUM_BANKS="${NUM_BANKS:-0}"

  export DETECTOR="${DETECTOR:-}" DETECTOR_PATH="${DETECTOR_PATH:-}"
  export THRESHOLD="${THRESHOLD:-}" MAX_REGIONS="${MAX_REGIONS:-255}"
  export OVERWRITE_REGIONS="${OVERWRITE_REGIONS:-0}"
  export IS_OVERSEGMENT="${IS_OVERSEGMENT:-1}"
  export IS_GROUPED="${IS_GROUPED:-0}" NUM_GROUPS="${NUM_GROUPS:-16}"
  export NUM_ROUNDS="${NUM_ROUNDS:-1}"
  export NUM_PIXEL_GROUPS="${NUM_PIXEL_GROUPS:-64}"
  export NUM_TEXTONS="${NUM_TEXTONS:-40}"
  export ROW_WEIGHT="${ROW_WEIGHT:-0}"
  export COLOR_WEIGHT="${COLOR_WEIGHT:-1}" MERGE_COST="${MERGE_COST:-0}"

  export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-720,720}"

  source "$root/bashscripts/voc12/recipe.bash"
  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    for_rounds show_settings && for_rounds check &&
    for_rounds check_oversegmentations && set_up &&
    # HED's regions are then 51 a picture (321 of VOC 2012 at half size).
    choose_detector '' 0.7 && for_rounds prepare make_oversegmentations &&
    for_rounds run_stages train_unsup
)
