#!/usr/bin/env bash
# SegSort on Cityscapes, 19 classes, with the settings that the method's author
# gave: github.com/jyhjinghwang/SegSort/issues/10.
#
# Usage: DATAROOT=/data source bashscripts/cityscapes/train_segsort.sh
#        CITYSCAPES_SOURCE=cityscapes bash \
#            bashscripts/cityscapes/train_segsort.sh
#        (bash or zsh, from any directory)
#
# With CITYSCAPES_SOURCE, the folder of leftImg8bit/ and gtFine/, masks and
# lists are made first if there are none (by pyscripts/prepare_cityscapes.py;
# nothing is written to that folder). The labels of val at a single scale and at
# several go to SNAPSHOT_DIR/stage1/results/{val,val_msc}; their mean IOU is
# printed. Every setting printed at the start, and those of settings.sh, can be
# set in the environment.
#
# The ImageNet checkpoint comes with bashscripts/voc12/prepare_data.sh; from
# scratch: RESTORE_FROM=
# All GPUs of the machine: STRATEGY=mirrored (the author had four). One GPU of
# little memory: BATCH_SIZE=2 ITER_SIZE=4.
#
# Expected mean IOU, hours and memory: not measured with this implementation.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export CITYSCAPES_SOURCE="${CITYSCAPES_SOURCE:-}"
  export GET_DATA=how_to_get_cityscapes
  export DATASET="${DATASET:-cityscapes}"
  export DATAROOT="${DATAROOT:-$root/dataset/cityscapes/data}"
  export DATA_DIR="$DATAROOT/Cityscapes"
  export LIST_DIR="${LIST_DIR:-$root/dataset/cityscapes}"
  export INFERENCE_SPLIT="${INFERENCE_SPLIT:-val}"
  export GT_DIR="${GT_DIR:-$DATA_DIR/segcls/$INFERENCE_SPLIT}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/cityscapes/segsort}"

  export BACKBONE="${BACKBONE:-resnet_v1_101}"
  imagenet="$root/snapshots/imagenet/trained/$BACKBONE.ckpt"
  export RESTORE_FROM_1="${RESTORE_FROM_1-${RESTORE_FROM-$imagenet}}"
  export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.9997}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-150000}}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-3e-3}}"
  export BATCH_SIZE="${BATCH_SIZE:-8}" INPUT_SIZE="${INPUT_SIZE:-720,720}"

  # A crop has 8 x 8 clusters, a whole street twice as many in each direction.
  export NUM_CLUSTERS="${NUM_CLUSTERS:-8}"
  export INFERENCE_NUM_CLUSTERS="${INFERENCE_NUM_CLUSTERS:-16}"
  export KMEANS_ITERATIONS="${KMEANS_ITERATIONS:-15}"
  export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-720,720}"

  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    show_settings 1 && { [ -n "$CITYSCAPES_SOURCE" ] || check 1; } && set_up &&
    prepare prepare_cityscapes && check 1 && run_stages train 1
)
