#!/usr/bin/env bash
# SegSort on a part of PASCAL VOC 2012 at half size, on two CPU cores: a head on
# a frozen network from ImageNet, segment sorting and a classifier beside it.
#
# Usage: DATAROOT=/data/voc12_half source bashscripts/voc12_half/train_segsort.sh
#        (bash or zsh, from any directory; or run it with bash)
#
# DATAROOT is made by pyscripts/prepare_voc12.py --half_dir. Annotated images are
# divided into clusters, those of val into regions of contours (made where absent
# in REGIONS_DIR). Labels go to SNAPSHOT_DIR/stage1/results/val/{gray,color}.
# Every setting printed at the start, and those of settings.sh, can be set in the
# environment.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12_half/segsort}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-1000}}"
  export NUM_BANKS="${NUM_BANKS:-8}" SOFTMAX_WEIGHT="${SOFTMAX_WEIGHT:-1}"
  # What votes and classifier say of a region is summed.
  case "$SOFTMAX_WEIGHT" in
    *[1-9]*) export CLASSIFIER_WEIGHT="${CLASSIFIER_WEIGHT:-1}" ;;
  esac
  export VOTE_BALANCE="${VOTE_BALANCE:-0.2}"
  export VOTE_CONCENTRATION="${VOTE_CONCENTRATION:-10}"

  source "$root/bashscripts/voc12_half/settings.bash"
  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    show_settings 1 && check 1 && set_up && run_stages train 1
)
