#!/usr/bin/env bash
# SegSort on COCO-Stuff, 171 classes on the images of COCO 2017. The paper has
# no such experiment: crops and clusters are those of VOC 2012, steps and batch
# are more, for a set ten times as large.
#
# Usage: DATAROOT=/data source bashscripts/coco_stuff/train_segsort.sh
#        COCO_SOURCE=coco bash bashscripts/coco_stuff/train_segsort.sh
#        (bash or zsh, from any directory)
#
# With COCO_SOURCE, the folder of train2017/, val2017/ and stuffthingmaps/,
# masks and lists are made first if there are none (by
# pyscripts/prepare_coco_stuff.py; nothing is written to that folder). The
# labels of val at a single scale and at several go to
# SNAPSHOT_DIR/stage1/results/{val,val_msc}; their mean IOU is printed. Every
# setting printed at the start, and those of settings.sh, can be set in the
# environment.
#
# The ImageNet checkpoint comes with bashscripts/voc12/prepare_data.sh; from
# scratch: RESTORE_FROM=
# All GPUs of the machine: STRATEGY=mirrored. Prototypes of 118287 images are
# many: a PROTOTYPE_LIST of some thousands of them may do.
#
# Expected mean IOU, hours and memory: not measured with this implementation.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export COCO_SOURCE="${COCO_SOURCE:-}" GET_DATA=how_to_get_coco_stuff
  export DATASET="${DATASET:-coco_stuff}"
  export DATAROOT="${DATAROOT:-$root/dataset/coco_stuff/data}"
  export DATA_DIR="$DATAROOT/CocoStuff"
  export LIST_DIR="${LIST_DIR:-$root/dataset/coco_stuff}"
  export INFERENCE_SPLIT="${INFERENCE_SPLIT:-val}"
  export GT_DIR="${GT_DIR:-$DATA_DIR/segcls/${INFERENCE_SPLIT}2017}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/coco_stuff/segsort}"

  export BACKBONE="${BACKBONE:-resnet_v1_101}"
  imagenet="$root/snapshots/imagenet/trained/$BACKBONE.ckpt"
  export RESTORE_FROM_1="${RESTORE_FROM_1-${RESTORE_FROM-$imagenet}}"
  export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.9997}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-100000}}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-2e-3}}"
  export BATCH_SIZE="${BATCH_SIZE:-16}" INPUT_SIZE="${INPUT_SIZE:-336,336}"
  export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-720,720}"

  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    show_settings 1 && { [ -n "$COCO_SOURCE" ] || check 1; } && set_up &&
    prepare prepare_coco_stuff && check 1 && run_stages train 1
)
