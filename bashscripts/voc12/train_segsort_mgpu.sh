#!/usr/bin/env bash
# SegSort on PASCAL VOC 2012, the multi-GPU recipe of the 2019 release:
# train_segsort.sh with larger batches and crops, and more of them.
#
# Usage: DATAROOT=/data source bashscripts/voc12/train_segsort_mgpu.sh
#        (bash or zsh, from any directory; or run it with bash)
#
# All GPUs of the machine share each batch (NUM_GPU=4: four of them); segments
# are sorted over the whole batch. Without a GPU, LOGICAL_DEVICES=2 tries it on
# parts of the CPU. Where memory is short, BATCH_SIZE=4 ITER_SIZE=4 makes the
# same number of images an update.
#
# Expected mean IOU, hours and memory: not measured with this implementation.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12/segsort_mgpu}"
  export STRATEGY="${STRATEGY:-mirrored}"
  export BATCH_SIZE="${BATCH_SIZE:-16}" INPUT_SIZE="${INPUT_SIZE:-480,480}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-100000}}"
  export NUM_STEPS_2="${NUM_STEPS_2:-${NUM_STEPS:-30000}}"
  [ "${RECIPE:-}" != released ] ||
    export K_IN_NEAREST_NEIGHBORS="${K_IN_NEAREST_NEIGHBORS:-21}"

  source "$root/bashscripts/voc12/train_segsort.sh"
)
