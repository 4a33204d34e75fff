#!/usr/bin/env bash
# Unsupervised SegSort on a part of PASCAL VOC 2012 at half size, on two CPU
# cores: a frozen network from ImageNet, the principal components of its features
# as embedding; the labels of train serve retrieval and those of val the
# evaluation.
#
# Usage: DATAROOT=/data/voc12_half \
#            source bashscripts/voc12_half/train_segsort_unsup.sh
#        (bash or zsh, from any directory; or run it with bash)
#
# Nothing is trained unless NUM_STEPS is given. NUM_STEPS=100 trains on contour
# regions, each a class of its own, which are made where VOC2012/hed/ID.png are
# absent; IS_GROUPED=1 and NUM_ROUNDS=2 as in voc12/train_segsort_unsup.sh.
# HEAD=pspnet starts from a random head. Other settings as in train_segsort.sh.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12_half/segsort_unsup}"
  export NUM_STEPS_1="${NUM_STEPS_1:-${NUM_STEPS:-0}}"
  export NUM_STEPS_2="${NUM_STEPS_2:-${NUM_STEPS:-0}}"
  export LEARNING_RATE_2="${LEARNING_RATE_2:-${LEARNING_RATE:-0.01}}"
  export HEAD="${HEAD:-components}" EMBEDDING_DIM="${EMBEDDING_DIM:-128}"
  [ "$HEAD" != components ] || export IS_COMPONENTS="${IS_COMPONENTS:-1}"
  export NUM_BANKS="${NUM_BANKS:-0}" VOTE_BALANCE="${VOTE_BALANCE:-0.25}"

  export THRESHOLD="${THRESHOLD:-}" MAX_REGIONS="${MAX_REGIONS:-255}"
  export OVERWRITE_REGIONS="${OVERWRITE_REGIONS:-0}"
  export IS_OVERSEGMENT="${IS_OVERSEGMENT:-1}"
  export IS_GROUPED="${IS_GROUPED:-0}" NUM_GROUPS="${NUM_GROUPS:-150}"
  export NUM_ROUNDS="${NUM_ROUNDS:-1}"
  export NUM_PIXEL_GROUPS="${NUM_PIXEL_GROUPS:-64}"
  export NUM_TEXTONS="${NUM_TEXTONS:-40}" ROW_WEIGHT="${ROW_WEIGHT:-0}"
  export COLOR_WEIGHT="${COLOR_WEIGHT:-1}" MERGE_COST="${MERGE_COST:-0}"
  export IS_INFERENCE_MSC_2="${IS_INFERENCE_MSC_2:-0}"

  source "$root/bashscripts/voc12_half/settings.bash"
  source "$root/bashscripts/settings.sh"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"
  source "$root/bashscripts/stages.sh" &&
    for_rounds show_settings && for_rounds check &&
    for_rounds check_oversegmentations && set_up &&
    choose_detector '' 0.7 && for_rounds prepare make_oversegmentations &&
    for_rounds run_stages train_unsup
)
