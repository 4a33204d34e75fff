#!/usr/bin/env bash
# The baseline on CamVid: the network, data, schedule and steps of
# train_segsort.sh, but each pixel classified by itself (1x1 convolution and
# cross-entropy), probabilities averaged in regions, and no retrieval. Usage and
# settings as there; the run goes to snapshots/camvid/softmax.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"
  export METHOD=softmax
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/camvid/softmax}"
  source "$root/bashscripts/camvid/train_segsort.sh"
)
