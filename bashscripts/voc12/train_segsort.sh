#!/usr/bin/env bash
# SegSort on PASCAL VOC 2012, on a single GPU: stage 1 on train+ (VOC and SBD),
# stage 2 on train with a tenth of the learning rate. RECIPE=released has all
# settings of the 2019 release, RECIPE=found (the default) those that were better
# on a part of VOC at half size (recipe.bash).
#
# Usage: DATAROOT=/data source bashscripts/voc12/train_segsort.sh
#        (bash or zsh, from any directory; or run it with bash)
#
# A stage trains, extracts prototypes, labels val at a single scale and at
# several with mirroring, and prints the mean IOU of both:
# SNAPSHOT_DIR/stage{1,2}/results/{train/prototypes,val,val_msc}. Every setting
# printed at the start, and those of settings.sh, can be set in the environment.
#
# Data and the ImageNet checkpoint: bash bashscripts/voc12/prepare_data.sh
# Without that checkpoint, from scratch: RESTORE_FROM=
# Without SBD, stage 1 on train: TRAIN_LIST=dataset/voc12/train.txt
# Stage 2 alone: IS_TRAIN_1=0 IS_PROTOTYPE_1=0 IS_INFERENCE_1=0 ...
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
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12/segsort}"

  export BACKBONE="${BACKBONE:-resnet_v1_101}"
  imagenet="$root/snapshots/imagenet/trained/$BACKBONE.ckpt"
  export RESTORE_FROM_1="${RESTORE_FROM_1-${RESTORE_FROM-$imagenet}}"
  export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.9997}"
  export BATCH_SIZE="${BATCH_SIZE:-8}" INPUT_SIZE="${INPUT_SIZE:-336,336}"

  export TRAIN_LIST_1="${TRAIN_LIST_1:-${TRAIN_LIST:-$LIST_DIR/train+.txt}}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-30000}}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-2e-3}"

  export TRAIN_LIST_2="${TRAIN_LIST_2:-${TRAIN_LIST:-$LIST_DIR/train.txt}}"
  export NUM_STEPS_2="${NUM_STEPS_2:-${NUM_STEPS:-30000}}"
  export LEARNING_RATE_2="${LEARNING_RATE_2:-2e-4}"

  export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-720,720}"

  source "$root/bashscripts/voc12/recipe.bash"
  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    show_settings 1 2 && check 1 2 && set_up &&
    run_stages train 1 2
)
