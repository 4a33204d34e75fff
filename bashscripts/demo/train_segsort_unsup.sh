#!/usr/bin/env bash
# Unsupervised SegSort on a data set that is drawn on the spot: trained on
# contour regions, without labels; the labels of train serve retrieval and those
# of val the evaluation. No GPU is needed.
#
# Usage: source bashscripts/demo/train_segsort_unsup.sh   (bash or zsh, anywhere)
#        NUM_STEPS=100 bash bashscripts/demo/train_segsort_unsup.sh
#
# It draws 200 training and 60 validation pictures, divides the former into
# regions (dataset/demo/data/hed) and these, alike neighbours as one, into
# groups of alike texture, trains on them (stage 1), groups the pixels by the
# trained network and goes on with those (stage 2). The masks of groups are in
# dataset/demo/data/groups/. Each stage writes the labels of the validation
# pictures to SNAPSHOT_DIR/stageN/results/val/{gray,color} and prints their mean
# IOU. Every setting printed at the start, and those of settings.sh, can be set
# in the environment.
#
# Expected mean IOU: 66 to 75 after stage 1, 80 to 84 after stage 2 (untrained:
# 13, NUM_STEPS=0; with labels: 88 to 92).
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export DATASET="${DATASET:-demo}" GET_DATA=how_to_get_demo
  export LIST_DIR="${LIST_DIR:-$root/dataset/demo}"
  export DATA_DIR="${DATA_DIR:-$LIST_DIR/data}"
  export GT_DIR="${GT_DIR:-$DATA_DIR/segcls}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/demo/segsort_unsup}"

  # A small network from scratch; the release's decay of 0.9997 would need tens
  # of thousands of steps.
  export BACKBONE="${BACKBONE:-resnet_small}"
  export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.97}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-1800}}"
  export NUM_STEPS_2="${NUM_STEPS_2:-${NUM_STEPS:-1800}}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-0.05}}"
  export LEARNING_RATE_2="${LEARNING_RATE_2:-${LEARNING_RATE:-0.05}}"
  export BATCH_SIZE="${BATCH_SIZE:-16}" INPUT_SIZE="${INPUT_SIZE:-96,96}"
  export SAVE_PRED_EVERY="${SAVE_PRED_EVERY:-500}"

  # The textures are drawn at one scale, in any direction, in colours that mean
  # nothing: by those, the network would know each picture and its groups by
  # heart.
  export RANDOM_SCALE="${RANDOM_SCALE:-0}" RANDOM_COLOR="${RANDOM_COLOR:-1}"
  export RANDOM_ROTATION="${RANDOM_ROTATION:-1}" NUM_BANKS="${NUM_BANKS:-0}"

  # Windows that hold a whole picture
  export PROTOTYPE_INPUT_SIZE="${PROTOTYPE_INPUT_SIZE:-128,128}"
  export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-128,128}"
  export IS_INFERENCE_MSC_1="${IS_INFERENCE_MSC_1:-0}"
  export IS_INFERENCE_MSC_2="${IS_INFERENCE_MSC_2:-0}"

  # Masks of regions, made where absent. Small ones: objects that touch are kept
  # apart. What falls apart is put together by texture, in a picture (MERGE_COST)
  # and over all (NUM_GROUPS). Round 2 goes on with groups of pixels, by the
  # network of round 1. With IS_GROUPED=0 each region is a class of its own.
  export DETECTOR="${DETECTOR:-gradient}" DETECTOR_PATH="${DETECTOR_PATH:-}"
  export THRESHOLD="${THRESHOLD:-0.07}" MAX_REGIONS="${MAX_REGIONS:-255}"
  export OVERWRITE_REGIONS="${OVERWRITE_REGIONS:-0}"
  export IS_OVERSEGMENT="${IS_OVERSEGMENT:-1}" IS_GROUPED="${IS_GROUPED:-1}"
  [ "$IS_GROUPED" = 1 ] || export NUM_ROUNDS="${NUM_ROUNDS:-1}"
  export NUM_ROUNDS="${NUM_ROUNDS:-2}"
  export NUM_GROUPS="${NUM_GROUPS:-16}"
  export NUM_PIXEL_GROUPS="${NUM_PIXEL_GROUPS:-64}"
  export NUM_TEXTONS="${NUM_TEXTONS:-80}"
  export ROW_WEIGHT="${ROW_WEIGHT:-0}"
  export COLOR_WEIGHT="${COLOR_WEIGHT:-0}" MERGE_COST="${MERGE_COST:-250}"

  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    for_rounds show_settings && set_up && prepare make_demo_dataset &&
    for_rounds check && for_rounds check_oversegmentations &&
    for_rounds prepare make_oversegmentations &&
    for_rounds run_stages train_unsup
)
