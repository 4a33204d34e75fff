# CamVid without labels: its two rounds beside the same network with labels and
# without training, all read as the recipe does. `plain` rows are read without
# colours and balance. `labels` has as many steps as both rounds.
# shellcheck shell=bash
SEEDS="${SEEDS:-1 2 3}"
export DETECTOR="${DETECTOR:-gradient}"  # whatever is installed
export REGIONS_DIR=

plain() {
  reading "plain_$1" "$1" "${@:2}" SEGMENT_COLOR_WEIGHT=0 VOTE_BALANCE=0
}

rows() {
  local twice="NUM_STEPS=$((2 * ${NUM_STEPS:-1250}))"
  row labels camvid/train_segsort "$twice"
  row unsup camvid/train_segsort_unsup
  reading round1 unsup camvid/train_segsort_unsup NUM_ROUNDS=1
  row untrained camvid/train_segsort_unsup NUM_STEPS=0 NUM_ROUNDS=1
  plain labels camvid/train_segsort "$twice"
  plain unsup camvid/train_segsort_unsup
  plain untrained camvid/train_segsort_unsup NUM_STEPS=0 NUM_ROUNDS=1
}
