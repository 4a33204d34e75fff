# The settings that most experiments share, wherever neither the environment
# nor the experiment has set them. Sourced by the scripts in demo/, voc12/ ...
# in the caller's shell (bash or zsh) inside a subshell, so that
# variables count even if the caller does not export them.
# shellcheck shell=bash disable=SC2153,SC2154

# Interpreter: see setup.sh
export PYTHON="${PYTHON:-}" VENV_DIR="${VENV_DIR:-}"

# Devices: one_device, mirrored (all GPUs, or NUM_GPU of them), multi_worker
export STRATEGY="${STRATEGY:-one_device}" NUM_GPU="${NUM_GPU:-0}"
export LOGICAL_DEVICES="${LOGICAL_DEVICES:-0}"
export WORKER_TIMEOUT="${WORKER_TIMEOUT:-600}"

# Segment sorting, or softmax, the baseline
export METHOD="${METHOD:-segsort}"
# Of softmax: none, or affinity or adaptive for affinity losses beside it
export AFFINITY="${AFFINITY:-none}"

# Network; the features and the input of one of Keras, and whether it stays as
# it is, with its features kept in a folder
export BACKBONE_FEATURES="${BACKBONE_FEATURES:-}"
export BACKBONE_INPUT="${BACKBONE_INPUT:-}"
export FREEZE_BACKBONE="${FREEZE_BACKBONE:-0}"
export FREEZE_BATCH_NORM="${FREEZE_BATCH_NORM:-0}"
export CACHE_FEATURES="${CACHE_FEATURES:-}"
# 1 starts training without labels from the components of the features
export IS_COMPONENTS="${IS_COMPONENTS:-0}"
export HEAD="${HEAD:-pspnet}" EMBEDDING_DIM="${EMBEDDING_DIM:-32}"
export NUM_CLUSTERS="${NUM_CLUSTERS:-5}"
export KMEANS_ITERATIONS="${KMEANS_ITERATIONS:-10}"
export LOCATION_WEIGHT="${LOCATION_WEIGHT:-1}"
export SEGMENT_COLOR_WEIGHT="${SEGMENT_COLOR_WEIGHT:-0}"
export CONCENTRATION="${CONCENTRATION:-10}" NUM_BANKS="${NUM_BANKS:-2}"
export FROZEN_BANK="${FROZEN_BANK:-0}"
# Of the cross-entropy of a classifier on the same head, beside the loss
export SOFTMAX_WEIGHT="${SOFTMAX_WEIGHT:-0}"

# Folder of make_oversegmentation.py: images are labelled by its regions, in
# place of clusters; annotated ones have clusters. IS_REGIONS=1 makes those that
# are absent, with DETECTOR (hed if the extra is installed, else gradient) and
# the flags of LABEL_HED or LABEL_GRADIENT, over which LABEL_THRESHOLD and
# LABEL_MAX_REGIONS have the last word; OVERWRITE_REGIONS=1 makes all anew. Images
# whose regions changed are labelled again: RESULTS_NAME=other keeps both
export REGIONS_DIR="${REGIONS_DIR:-}" IS_REGIONS="${IS_REGIONS:-0}"
export DETECTOR="${DETECTOR:-}" DETECTOR_PATH="${DETECTOR_PATH:-}"
export LABEL_GRADIENT="${LABEL_GRADIENT---threshold 0.1 --max_regions 400}"
export LABEL_HED="${LABEL_HED---threshold 0.6 --min_pixels 1 \
--max_regions 400}"
export LABEL_THRESHOLD="${LABEL_THRESHOLD:-}"
export LABEL_MAX_REGIONS="${LABEL_MAX_REGIONS:-}"
export OVERWRITE_REGIONS="${OVERWRITE_REGIONS:-0}"
# Of the regions that training without labels needs; '' is the detector's own
export MIN_PIXELS="${MIN_PIXELS:-}"
# Folder of prototypes and predictions in that of the stage, and that whose
# prototypes are looked up: with IS_PROTOTYPE_1=0 those of another reading
export RESULTS_NAME="${RESULTS_NAME:-results}"
export PROTOTYPES_NAME="${PROTOTYPES_NAME:-$RESULTS_NAME}"
# Prototypes and predictions of other settings are refused, and those of an
# older checkpoint made anew; 1 makes all of them anew
export OVERWRITE_RESULTS="${OVERWRITE_RESULTS:-0}"

# Training; RESTORE_FROM= (empty) is from scratch, OVERWRITE=1 starts anew
# where a run is already
export OVERWRITE="${OVERWRITE:-0}" RANDOM_SEED="${RANDOM_SEED:-1}"
export RANDOM_SCALE="${RANDOM_SCALE:-1}"
export RANDOM_ROTATION="${RANDOM_ROTATION:-0}" RANDOM_COLOR="${RANDOM_COLOR:-0}"
export ITER_SIZE="${ITER_SIZE:-1}" WEIGHT_DECAY="${WEIGHT_DECAY:-5e-4}"
export SAVE_PRED_EVERY="${SAVE_PRED_EVERY:-1000}"
export UPDATE_TB_EVERY="${UPDATE_TB_EVERY:-100}"
export TRAIN_LIST_1="${TRAIN_LIST_1:-${TRAIN_LIST:-$LIST_DIR/train.txt}}"
export TRAIN_LIST_2="${TRAIN_LIST_2:-${TRAIN_LIST:-$LIST_DIR/train.txt}}"

# Stage 1 starts with a fresh head; stage 2 goes on from stage 1, head included
# (the 2019 release threw the trained head away).
export RESTORE_FROM_1="${RESTORE_FROM_1-${RESTORE_FROM-}}"
export NOT_RESTORE_CLASSIFIER_1="${NOT_RESTORE_CLASSIFIER_1:-1}"
export RESTORE_FROM_2="${RESTORE_FROM_2-$SNAPSHOT_DIR/stage1}"
export NOT_RESTORE_CLASSIFIER_2="${NOT_RESTORE_CLASSIFIER_2:-0}"

# Prototypes and retrieval; strides 0,0 are two thirds of the window
export PROTOTYPE_SPLIT="${PROTOTYPE_SPLIT:-train}"
export PROTOTYPE_LIST="${PROTOTYPE_LIST:-$LIST_DIR/$PROTOTYPE_SPLIT.txt}"
export PROTOTYPE_INPUT_SIZE="${PROTOTYPE_INPUT_SIZE:-$INPUT_SIZE}"
export PROTOTYPE_STRIDES="${PROTOTYPE_STRIDES:-0,0}"
export INFERENCE_SPLIT="${INFERENCE_SPLIT:-val}"
export INFERENCE_LIST="${INFERENCE_LIST:-$LIST_DIR/$INFERENCE_SPLIT.txt}"
export INFERENCE_STRIDES="${INFERENCE_STRIDES:-0,0}"
export MSC_INPUT_SIZE="${MSC_INPUT_SIZE:-$INPUT_SIZE}"
export MSC_STRIDES="${MSC_STRIDES:-0,0}"
export INFERENCE_NUM_CLUSTERS="${INFERENCE_NUM_CLUSTERS:-$NUM_CLUSTERS}"
export K_IN_NEAREST_NEIGHBORS="${K_IN_NEAREST_NEIGHBORS:-15}"
export VOTE_BALANCE="${VOTE_BALANCE:-0}"
export VOTE_CONCENTRATION="${VOTE_CONCENTRATION:-0}"
# Of the classifier beside segment sorting (SOFTMAX_WEIGHT); 0: votes alone.
export CLASSIFIER_WEIGHT="${CLASSIFIER_WEIGHT:-0}"

# 1 scores boundaries as well
export IS_BOUNDARY="${IS_BOUNDARY:-0}"

# Switches: 0 leaves a stage out
export IS_TRAIN_1="${IS_TRAIN_1:-1}" IS_TRAIN_2="${IS_TRAIN_2:-1}"
export IS_PROTOTYPE_1="${IS_PROTOTYPE_1:-1}"
export IS_PROTOTYPE_2="${IS_PROTOTYPE_2:-1}"
export IS_INFERENCE_1="${IS_INFERENCE_1:-1}"
export IS_INFERENCE_2="${IS_INFERENCE_2:-1}"
export IS_INFERENCE_MSC_1="${IS_INFERENCE_MSC_1:-1}"
export IS_INFERENCE_MSC_2="${IS_INFERENCE_MSC_2:-1}"
export IS_BENCHMARK_1="${IS_BENCHMARK_1:-1}"
export IS_BENCHMARK_2="${IS_BENCHMARK_2:-1}"
