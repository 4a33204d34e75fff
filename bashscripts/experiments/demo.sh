# The demo: does segment sorting beat softmax, and which of its parts matter?
# shellcheck shell=bash
SEEDS="${SEEDS:-1 2 3}"

rows() {
  row softmax demo/train_softmax
  row segsort demo/train_segsort
  reading k1 segsort demo/train_segsort K_IN_NEAREST_NEIGHBORS=1
  reading color segsort demo/train_segsort SEGMENT_COLOR_WEIGHT=1
  row no_bank demo/train_segsort NUM_BANKS=0
  row clusters_5x5 demo/train_segsort NUM_CLUSTERS=5
  row affinity demo/train_softmax AFFINITY=affinity
  row adaptive demo/train_softmax AFFINITY=adaptive
}
