# The demo without labels: its two rounds beside the same network with labels
# and without training, and what random colours and rotations are worth.
# `labels` has as many steps as both rounds.
# shellcheck shell=bash
SEEDS="${SEEDS:-1 2 3}"

rows() {
  row labels demo/train_segsort NUM_BANKS=0 RANDOM_COLOR=1 RANDOM_ROTATION=1 \
    NUM_STEPS="$((2 * ${NUM_STEPS:-1800}))"
  row unsup demo/train_segsort_unsup
  reading round1 unsup demo/train_segsort_unsup NUM_ROUNDS=1
  row untrained demo/train_segsort_unsup NUM_STEPS=0 NUM_ROUNDS=1
  if [ "$seed" = 1 ]; then
    row labels_half demo/train_segsort NUM_BANKS=0 RANDOM_COLOR=1 \
      RANDOM_ROTATION=1
    row no_color demo/train_segsort_unsup RANDOM_COLOR=0
    row no_rotation demo/train_segsort_unsup RANDOM_ROTATION=0
    row single_regions demo/train_segsort_unsup IS_GROUPED=0
  fi
}
