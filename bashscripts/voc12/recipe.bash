# Which recipe the scripts of this folder are: RECIPE=released is that of the
# 2019 release; found (the default) has what the tables voc12_half and
# voc12_half_unsup of experiments/ chose, at half size: a classifier beside
# segment sorting, which has its say beside the votes, more banks, clusters and
# neighbours, votes weighed by class, and images labelled in regions of
# contours, whatever the method. Sourced by the scripts in the caller's shell
# (bash or zsh) inside a subshell.
# shellcheck shell=bash disable=SC2154

export RECIPE="${RECIPE:-found}"
case "$RECIPE" in
  released) ;;
  found)
    export NUM_BANKS="${NUM_BANKS:-8}" SOFTMAX_WEIGHT="${SOFTMAX_WEIGHT:-1}"
    export INFERENCE_NUM_CLUSTERS="${INFERENCE_NUM_CLUSTERS:-8}"
    export K_IN_NEAREST_NEIGHBORS="${K_IN_NEAREST_NEIGHBORS:-31}"
    if [ "${METHOD:-segsort}" = softmax ]; then
      export VOTE_BALANCE="${VOTE_BALANCE:-0.15}"
    else
      case "$SOFTMAX_WEIGHT" in
        *[1-9]*) export CLASSIFIER_WEIGHT="${CLASSIFIER_WEIGHT:-1}" ;;
      esac
      export VOTE_BALANCE="${VOTE_BALANCE:-0.2}"
      export VOTE_CONCENTRATION="${VOTE_CONCENTRATION:-10}"
    fi
    # REGIONS_DIR= (empty) labels by clusters, or by pixels.
    export REGIONS_DIR="${REGIONS_DIR-$DATAROOT/VOC2012/regions}"
    export IS_REGIONS="${IS_REGIONS:-1}"
    ;;
  *)
    printf "error: RECIPE is '%s'; it must be found or released\n" \
      "$RECIPE" >&2
    exit 2
    ;;
esac
