#!/usr/bin/env bash
# The baseline on the drawn demo data: the network, data, schedule and steps of
# train_segsort.sh, but each pixel classified by itself (1x1 convolution and
# cross-entropy) and no retrieval. Usage and settings as there; the run goes to
# snapshots/demo/softmax.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"
  export METHOD=softmax
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/demo/softmax}"
  source "$root/bashscripts/demo/train_segsort.sh"
)
