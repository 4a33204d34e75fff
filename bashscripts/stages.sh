# The stages of an experiment: the only place where their flags are spelled.
#
# A script in demo/, voc12/ ... sets its settings (settings.sh has the
# rest), sources this file in a bash of its own and chains stages with `&&`. A
# setting with _1 or _2 at its end belongs to that stage of training. A relative
# path is relative to the caller's directory.
# shellcheck shell=bash disable=SC2153,SC2154,SC2046
# (the settings, $root and $script come from the scripts)

# What is printed first, as far as it is set.
SETTINGS='RECIPE METHOD AFFINITY DATASET DATAROOT CAMVID_SOURCE CITYSCAPES_SOURCE
  COCO_SOURCE TRAIN_SPLITS EVAL_SPLIT DATA_DIR
  LIST_DIR SNAPSHOT_DIR RESULTS_NAME PROTOTYPES_NAME OVERWRITE OVERWRITE_RESULTS
  OVERWRITE_REGIONS STRATEGY NUM_GPU
  LOGICAL_DEVICES WORKERS WORKER_INDEX TF_CONFIG WORKER_TIMEOUT
  BACKBONE BACKBONE_FEATURES BACKBONE_INPUT FREEZE_BACKBONE FREEZE_BATCH_NORM
  CACHE_FEATURES HEAD EMBEDDING_DIM NUM_CLUSTERS KMEANS_ITERATIONS
  LOCATION_WEIGHT SEGMENT_COLOR_WEIGHT
  RESTORE_FROM_1 NOT_RESTORE_CLASSIFIER_1 RESTORE_FROM_2
  NOT_RESTORE_CLASSIFIER_2 TRAIN_LIST_1 TRAIN_LIST_2 NUM_STEPS_1 NUM_STEPS_2
  LEARNING_RATE_1 LEARNING_RATE_2 BATCH_SIZE ITER_SIZE INPUT_SIZE WEIGHT_DECAY
  BATCH_NORM_DECAY CONCENTRATION NUM_BANKS FROZEN_BANK
  SOFTMAX_WEIGHT REGIONS_DIR IS_REGIONS LABEL_GRADIENT LABEL_HED
  LABEL_THRESHOLD LABEL_MAX_REGIONS
  IS_COMPONENTS
  RANDOM_SCALE RANDOM_ROTATION RANDOM_COLOR RANDOM_SEED
  SAVE_PRED_EVERY UPDATE_TB_EVERY PROTOTYPE_LIST PROTOTYPE_SPLIT
  PROTOTYPE_INPUT_SIZE
  PROTOTYPE_STRIDES INFERENCE_LIST INFERENCE_SPLIT INFERENCE_INPUT_SIZE
  INFERENCE_STRIDES MSC_INPUT_SIZE MSC_STRIDES INFERENCE_NUM_CLUSTERS
  K_IN_NEAREST_NEIGHBORS VOTE_BALANCE VOTE_CONCENTRATION CLASSIFIER_WEIGHT
  GT_DIR IS_BOUNDARY
  DETECTOR DETECTOR_PATH THRESHOLD MAX_REGIONS MIN_PIXELS
  IS_OVERSEGMENT IS_GROUPED NUM_ROUNDS NUM_GROUPS NUM_PIXEL_GROUPS NUM_TEXTONS
  COLOR_WEIGHT ROW_WEIGHT MERGE_COST
  IS_TRAIN_1 IS_PROTOTYPE_1
  IS_INFERENCE_1 IS_INFERENCE_MSC_1 IS_BENCHMARK_1 IS_TRAIN_2 IS_PROTOTYPE_2
  IS_INFERENCE_2 IS_INFERENCE_MSC_2 IS_BENCHMARK_2'

source "$root/bashscripts/data.sh"
source "$root/bashscripts/regions.sh"
source "$root/bashscripts/workers.sh"

# So that headings and what Python prints keep their order in a file.
export PYTHONUNBUFFERED=1

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# A word as one would type it: quoted only where it must be.
quoted() {
  case "$1" in
    '' | *[!A-Za-z0-9_./,:+-]*) printf '%q' "$1" ;;
    *) printf '%s' "$1" ;;
  esac
}

# Words as one would type them.
quote_all() {
  local word words=''
  for word in "$@"; do
    words+=" $(quoted "$word")"
  done
  echo "${words# }"
}

# A path as short as it can be typed from here.
typed() {
  quoted "${1#"$PWD"/}"
}

is_on() {
  [ "${!1}" = 1 ]
}

# Prints the resolved settings of the given stages (1 2), each as one would
# type it before the command.
show_settings() {
  local name
  printf '== settings of %s ==\n' "$(typed "$script")"
  for name in $SETTINGS; do
    case "$name" in *_2) [ "$2" ] || continue ;; esac
    [ -z "${!name+x}" ] ||
      printf '%s=%s\n' "$name" "$(quoted "${!name}")"
  done
}

set_up() {
  PYTHON="$(bash "$root/bashscripts/setup.sh")"
}

# --- stages; the first argument is the stage of training ---------------------

# By METHOD: segsort, or the baseline softmax.
train() {
  if is_softmax; then
    run_training train_softmax.py "$1" --affinity "$AFFINITY"
  else
    run_training train_segsort.py "$1" $(sorting_flags) $(joint_flags)
  fi
}

# The flags of segment sorting; all are numbers, so words need no quotes.
sorting_flags() {
  echo --embedding_dim "$EMBEDDING_DIM" --num_clusters "$NUM_CLUSTERS" \
    --kmeans_iterations "$KMEANS_ITERATIONS" \
    --location_weight "$LOCATION_WEIGHT" \
    --concentration "$CONCENTRATION" --num_banks "$NUM_BANKS"
  ! is_on FROZEN_BANK || echo --frozen_bank
}

# Of segment sorting with labels alone.
joint_flags() {
  [ "$SOFTMAX_WEIGHT" = 0 ] || echo --softmax_weight "$SOFTMAX_WEIGHT"
}

is_softmax() {
  [ "$METHOD" = softmax ]
}

train_unsup() {
  local grouped=()
  ! is_on IS_GROUPED || grouped=(--grouped)
  if [ "$1" = 1 ] && is_on IS_COMPONENTS; then
    fit_components || return
    ! is_untrained 1 || return 0
  fi
  if [ "$1" = 1 ]; then group_regions; else group_pixels; fi || return
  run_training train_segsort_unsup.py "$1" $(sorting_flags) \
    ${grouped[@]+"${grouped[@]}"}
}

# Principal components of the backbone's features, which training starts from;
# without steps they are the network of the stage.
fit_components() {
  local folder="$SNAPSHOT_DIR/components" optional=()
  ! is_untrained 1 || folder="$SNAPSHOT_DIR/stage1"
  [ -z "$RESTORE_FROM_1" ] || optional+=(--restore_from "$RESTORE_FROM_1")
  [ -z "$CACHE_FEATURES" ] || optional+=(--cache_features "$CACHE_FEATURES")
  ! is_on OVERWRITE || optional+=(--overwrite)
  if is_on OVERWRITE || ! [ "$(find "$folder" -name '*.index' 2>&-)" ]; then
    "$PYTHON" "$root/pyscripts/fit_embedding.py" --snapshot_dir "$folder" \
      --data_list "$TRAIN_LIST_1" --data_dir "$DATA_DIR" --dataset "$DATASET" \
      --backbone "$BACKBONE" --embedding_dim "$EMBEDDING_DIM" \
      --backbone_features "$BACKBONE_FEATURES" \
      --backbone_input "$BACKBONE_INPUT" \
      --input_size "$PROTOTYPE_INPUT_SIZE" ${optional[@]+"${optional[@]}"} ||
      return
  fi
  RESTORE_FROM_1="$folder" NOT_RESTORE_CLASSIFIER_1=0
}

# Whether the network of a stage is that of components, as it is.
is_untrained() {
  local steps="NUM_STEPS_$1"
  is_on IS_COMPONENTS && [ "${!steps}" = 0 ]
}

run_training() {
  local list="TRAIN_LIST_$2" steps="NUM_STEPS_$2" rate="LEARNING_RATE_$2"
  local restore="RESTORE_FROM_$2" fresh_head="NOT_RESTORE_CLASSIFIER_$2"
  local optional=()
  [ -z "${!restore}" ] || optional+=(--restore_from "${!restore}")
  [ -z "${!restore}" ] || ! is_on "$fresh_head" ||
    optional+=(--not_restore_classifier)
  ! is_on OVERWRITE || optional+=(--overwrite)
  is_on RANDOM_SCALE || optional+=(--no-random_scale)
  ! is_on RANDOM_ROTATION || optional+=(--random_rotation)
  ! is_on RANDOM_COLOR || optional+=(--random_color)
  ! is_on FREEZE_BACKBONE || optional+=(--freeze_backbone)
  ! is_on FREEZE_BATCH_NORM || optional+=(--freeze_batch_norm)
  [ -z "$BACKBONE_FEATURES" ] ||
    optional+=(--backbone_features "$BACKBONE_FEATURES")
  [ -z "$BACKBONE_INPUT" ] || optional+=(--backbone_input "$BACKBONE_INPUT")
  [ -z "$CACHE_FEATURES" ] || optional+=(--cache_features "$CACHE_FEATURES")
  "$PYTHON" "$root/pyscripts/$1" \
    --snapshot_dir "$SNAPSHOT_DIR/stage$2" \
    --data_list "${!list}" --data_dir "$DATA_DIR" --dataset "$DATASET" \
    --backbone "$BACKBONE" --head "$HEAD" \
    --batch_size "$BATCH_SIZE" --iter_size "$ITER_SIZE" \
    --input_size "$INPUT_SIZE" --num_steps "${!steps}" \
    --learning_rate "${!rate}" --weight_decay "$WEIGHT_DECAY" \
    --batch_norm_decay "$BATCH_NORM_DECAY" \
    --strategy "$STRATEGY" --num_gpu "$NUM_GPU" \
    --logical_devices "$LOGICAL_DEVICES" \
    --worker_timeout "$WORKER_TIMEOUT" --random_mirror --random_crop \
    --random_seed "$RANDOM_SEED" --save_pred_every "$SAVE_PRED_EVERY" \
    --update_tb_every "$UPDATE_TB_EVERY" "${@:3}" \
    ${optional[@]+"${optional[@]}"}
}

# What extraction and inference share: network, clusters, data and devices.
# Of several workers the first one is alone by then, with all of its GPUs.
restored() {
  local optional=() strategy="${STRATEGY/multi_worker/mirrored}"
  ! is_on OVERWRITE_RESULTS || optional+=(--overwrite)
  [ -z "$CACHE_FEATURES" ] || optional+=(--cache_features "$CACHE_FEATURES")
  "$PYTHON" "$root/pyscripts/$1" \
    --restore_from "$SNAPSHOT_DIR/stage$2" \
    --data_dir "$DATA_DIR" --dataset "$DATASET" \
    --strategy "$strategy" --num_gpu "$NUM_GPU" \
    --logical_devices "$LOGICAL_DEVICES" \
    --num_clusters "$INFERENCE_NUM_CLUSTERS" \
    --color_weight "$SEGMENT_COLOR_WEIGHT" \
    --kmeans_iterations "$KMEANS_ITERATIONS" ${optional[@]+"${optional[@]}"} \
    "${@:3}"
}

extract_prototypes() {
  restored extract_prototypes.py "$1" --data_list "$PROTOTYPE_LIST" \
    --save_dir "$(results "$1" "$PROTOTYPE_SPLIT")" \
    --input_size "$PROTOTYPE_INPUT_SIZE" --strides "$PROTOTYPE_STRIDES"
}

inference() {
  retrieve "$1" "$INFERENCE_SPLIT" \
    --input_size "$INFERENCE_INPUT_SIZE" --strides "$INFERENCE_STRIDES"
}

inference_msc() {
  retrieve "$1" "${INFERENCE_SPLIT}_msc" --scale_aug --flip_aug \
    --input_size "$MSC_INPUT_SIZE" --strides "$MSC_STRIDES"
}

retrieve() {
  [ -z "$REGIONS_DIR" ] || set -- "$@" --regions_dir "$REGIONS_DIR"
  if is_softmax; then
    restored inference.py "$1" --method softmax --data_list "$INFERENCE_LIST" \
      --save_dir "$(results "$1" "$2")" --vote_balance "$VOTE_BALANCE" \
      "${@:3}"
    return
  fi
  [ "$CLASSIFIER_WEIGHT" = 0 ] ||
    set -- "$@" --classifier_weight "$CLASSIFIER_WEIGHT"
  restored inference.py "$1" --data_list "$INFERENCE_LIST" \
    --save_dir "$(results "$1" "$2")" \
    --prototype_dir "$(RESULTS_NAME="$PROTOTYPES_NAME" \
      results "$1" "$PROTOTYPE_SPLIT")/prototypes" \
    --k_in_nearest_neighbors "$K_IN_NEAREST_NEIGHBORS" \
    --vote_balance "$VOTE_BALANCE" \
    --vote_concentration "$VOTE_CONCENTRATION" "${@:3}"
}

# Scores the single-scale result, and the multi-scale one if it is there.
benchmark() {
  local multi_scale
  multi_scale="$(results "$1" "${INFERENCE_SPLIT}_msc")"
  if is_on "IS_INFERENCE_$1" || [ ! -d "$multi_scale/gray" ] ||
      [ -d "$(results "$1" "$INFERENCE_SPLIT")/gray" ]; then
    evaluate "$(results "$1" "$INFERENCE_SPLIT")" || return
  fi
  [ ! -d "$multi_scale/gray" ] || evaluate "$multi_scale"
}

evaluate() {
  local boundary=()
  ! is_on IS_BOUNDARY || boundary=(--boundary)
  printf 'scores of %s:\n' "$1"
  "$PYTHON" "$root/pyscripts/eval_miou.py" ${boundary[@]+"${boundary[@]}"} \
    --pred_dir "$1/gray" --gt_dir "$GT_DIR" --dataset "$DATASET" \
    --data_list "$INFERENCE_LIST" --save_json "$1/scores.json"
}

# The folder of results of a stage and a split.
results() {
  printf '%s/stage%s/%s/%s\n' "$SNAPSHOT_DIR" "$1" "$RESULTS_NAME" "$2"
}

# for_rounds FUNCTION [ARGUMENT...]: with the rounds of unsupervised training,
# which are its stages, as last arguments.
for_rounds() {
  case "$NUM_ROUNDS" in
    1) "$@" 1 ;;
    2)
      is_on IS_GROUPED || fail 'NUM_ROUNDS=2 needs the groups of round 1:' \
        'IS_GROUPED=1, or NUM_ROUNDS=1'
      [ "$STRATEGY" != multi_worker ] || fail 'NUM_ROUNDS=2 groups pixels' \
        'between the rounds, for which several workers do not wait:' \
        'NUM_ROUNDS=1, or another STRATEGY'
      "$@" 1 2
      ;;
    *) fail "NUM_ROUNDS is '$NUM_ROUNDS'; it must be 1 or 2" ;;
  esac
}

# --- the chain ---------------------------------------------------------------

# timed SWITCH STAGE FUNCTION: runs it if the switch is on, under a heading.
timed() {
  local start="$SECONDS" status
  if ! is_on "$1"; then
    printf '\n== stage %s %s: off (%s=0) ==\n' "$2" "$3" "$1"
    return
  fi
  printf '\n== stage %s %s ==\n' "$2" "$3"
  "$3" "$2"
  status="$?"
  if [ "$status" -ne 0 ]; then
    printf 'stage %s %s failed with status %s\n' "$2" "$3" "$status" >&2
    return "$status"
  fi
  printf 'stage %s %s took %s s\n' "$2" "$3" "$((SECONDS - start))"
}

# run_stages TRAINER STAGE...: the five steps of each stage of training. Several
# workers train all stages together, and then the first one does the rest.
run_stages() {
  local stage
  if [ "$STRATEGY" = multi_worker ]; then
    find_workers || return
    for stage in "${@:2}"; do
      timed "IS_TRAIN_$stage" "$stage" "$1" || return
    done
    is_first_worker || return 0
    prepare make_label_regions "${@:2}" || return
    for stage in "${@:2}"; do
      evaluate_stage "$stage" || return
    done
    return
  fi
  prepare make_label_regions "${@:2}" || return
  for stage in "${@:2}"; do
    timed "IS_TRAIN_$stage" "$stage" "$1" && evaluate_stage "$stage" || return
  done
}

# The four steps after training.
evaluate_stage() {
  is_softmax || timed "IS_PROTOTYPE_$1" "$1" extract_prototypes || return
  timed "IS_INFERENCE_$1" "$1" inference &&
    timed "IS_INFERENCE_MSC_$1" "$1" inference_msc &&
    timed "IS_BENCHMARK_$1" "$1" benchmark
}
