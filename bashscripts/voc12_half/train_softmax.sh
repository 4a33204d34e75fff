#!/usr/bin/env bash
# The baseline of train_segsort.sh: the same network, data, schedule and steps,
# but each pixel classified by itself (1x1 convolution and cross-entropy), and
# its probabilities averaged in the same regions. Usage and settings as there;
# the run goes to snapshots/voc12_half/softmax.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"
  # The balance that is best for it in regions, of 0, .05, .1, .15, .2 and .3
  export METHOD=softmax VOTE_BALANCE="${VOTE_BALANCE:-0.15}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12_half/softmax}"
  source "$root/bashscripts/voc12_half/train_segsort.sh"
)
