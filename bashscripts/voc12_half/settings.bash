# What the recipes of this folder share: a frozen network from ImageNet, whose
# features are computed once (2.2 GB), and heads that train on them in minutes.
# Sourced by them in the caller's shell (bash or zsh) inside a subshell.
# shellcheck shell=bash disable=SC2154

export DATASET="${DATASET:-voc12}" GET_DATA=how_to_get_voc12_half
export DATAROOT="${DATAROOT:-$root/dataset/voc12_half}"
export DATA_DIR="$DATAROOT" LIST_DIR="${LIST_DIR:-$DATAROOT}"
export GT_DIR="${GT_DIR:-$DATAROOT/VOC2012/segcls}"

# A network of keras.applications, or a file with weights of its own.
export BACKBONE="${BACKBONE:-EfficientNetB0}"
case "$BACKBONE" in
  *.keras) export RESTORE_FROM="${RESTORE_FROM-}" ;;
  *) export RESTORE_FROM="${RESTORE_FROM-imagenet}" ;;
esac
export FREEZE_BACKBONE="${FREEZE_BACKBONE:-1}" RANDOM_SCALE="${RANDOM_SCALE:-0}"
export CACHE_FEATURES="${CACHE_FEATURES-$root/snapshots/voc12_half/features}"
export BATCH_NORM_DECAY="${BATCH_NORM_DECAY:-0.97}"
export BATCH_SIZE="${BATCH_SIZE:-8}" INPUT_SIZE="${INPUT_SIZE:-144,144}"
export LEARNING_RATE_1="${LEARNING_RATE_1:-${LEARNING_RATE:-0.01}}"

# Windows that hold a whole picture
export PROTOTYPE_INPUT_SIZE="${PROTOTYPE_INPUT_SIZE:-256,256}"
export INFERENCE_INPUT_SIZE="${INFERENCE_INPUT_SIZE:-256,256}"
export IS_INFERENCE_MSC_1="${IS_INFERENCE_MSC_1:-0}"
export INFERENCE_NUM_CLUSTERS="${INFERENCE_NUM_CLUSTERS:-8}"
export K_IN_NEAREST_NEIGHBORS="${K_IN_NEAREST_NEIGHBORS:-31}"

# REGIONS_DIR= (empty) labels by clusters, or by pixels.
export REGIONS_DIR="${REGIONS_DIR-$DATAROOT/regions}"
export IS_REGIONS="${IS_REGIONS:-1}" IS_BOUNDARY="${IS_BOUNDARY:-1}"
