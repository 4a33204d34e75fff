#!/usr/bin/env bash
# A contour network of our own: trained on BSDS500, then scored by the regions
# that its contours enclose.
#
# Usage: DATAROOT=/data/BSDS500/data source bashscripts/bsds500/train_contours.sh
#        (bash or zsh, from any directory; or run it with bash)
#
# DATAROOT holds images/{train,val,test}/ID.jpg and groundTruth/SPLIT/ID.mat, as
# in BSR/BSDS500/data of the original archive. The network goes to
# SNAPSHOT_DIR/contours.keras; any data set's regions are then made by
#
#     python pyscripts/make_oversegmentation.py --detector keras \
#         --detector_path snapshots/bsds500/contours/contours.keras ...
#
# The network is a small one; HED's own recipe starts from VGG16:
#
#     BACKBONE=VGG16 RESTORE_FROM=imagenet source .../train_contours.sh
#
# or from any other network of keras.applications or FILE.keras, with
# BACKBONE_FEATURES (its last layer) and BACKBONE_INPUT; RESTORE_FROM may be a
# file of weights. Strides beyond 8 become dilations there.
#
# With TRAIN_SPLITS=val EVAL_SPLIT=val (a part of the data, where only val is
# there) every fifth image is held out. Every setting printed at the start can
# be set in the environment.
#
# Expected scores, hours and memory on the full set: not measured yet.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export PYTHON="${PYTHON:-}" VENV_DIR="${VENV_DIR:-}"
  export DATAROOT="${DATAROOT:-$root/dataset/bsds500}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/bsds500/contours}"
  export TRAIN_SPLITS="${TRAIN_SPLITS:-train,val}"
  export EVAL_SPLIT="${EVAL_SPLIT:-test}"
  export BACKBONE="${BACKBONE:-}" BACKBONE_FEATURES="${BACKBONE_FEATURES:-}"
  export BACKBONE_INPUT="${BACKBONE_INPUT:-}"
  export RESTORE_FROM_1="${RESTORE_FROM_1-${RESTORE_FROM-}}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-20000}}" BATCH_SIZE="${BATCH_SIZE:-8}"
  export INPUT_SIZE="${INPUT_SIZE:-256,256}"
  rate="${BACKBONE:+1e-4}"  # trained weights want a smaller one
  export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-${rate:-1e-3}}}"
  export RANDOM_SEED="${RANDOM_SEED:-1}" OVERWRITE="${OVERWRITE:-0}"
  export SAVE_PRED_EVERY="${SAVE_PRED_EVERY:-500}"
  export IS_TRAIN_1="${IS_TRAIN_1:-1}" IS_OVERSEGMENT="${IS_OVERSEGMENT:-1}"
  export IS_BENCHMARK_1="${IS_BENCHMARK_1:-1}"

  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    source "$root/bashscripts/contours.sh" &&
    show_settings 1 && check_switches && check_bsds500 && set_up &&
    timed IS_TRAIN_1 1 train_contours &&
    timed IS_OVERSEGMENT 1 divide_bsds500 &&
    timed IS_BENCHMARK_1 1 evaluate_regions
)
