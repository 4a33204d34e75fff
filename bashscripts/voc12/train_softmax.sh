#!/usr/bin/env bash
# The baseline on PASCAL VOC 2012: the network, data, schedule and steps of
# train_segsort.sh, but each pixel classified by itself (1x1 convolution and
# cross-entropy) and no retrieval. Usage and settings as there; the run goes to
# snapshots/voc12/softmax.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"
  export METHOD=softmax
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12/softmax}"
  source "$root/bashscripts/voc12/train_segsort.sh"
)
