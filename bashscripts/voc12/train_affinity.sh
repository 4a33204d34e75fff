#!/usr/bin/env bash
# The baselines on PASCAL VOC 2012 with affinity losses (arXiv:1803.10335), after
# whose code the 2019 release trained its own: as train_softmax.sh, with
# AFFINITY=adaptive (three distances, learnt weights) or AFFINITY=affinity (the
# nearest neighbours) beside the cross-entropy, and half of the learning rate.
# Usage and settings as there; the run goes to snapshots/voc12/$AFFINITY.
#
# Expected mean IOU, hours and memory: not measured with this implementation.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"
  export METHOD=softmax AFFINITY="${AFFINITY:-adaptive}"
  export LEARNING_RATE_1="${LEARNING_RATE_1:-1e-3}"
  export LEARNING_RATE_2="${LEARNING_RATE_2:-1e-4}"
  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12/$AFFINITY}"
  source "$root/bashscripts/voc12/train_segsort.sh"
)
