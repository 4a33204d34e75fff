# CamVid, the two recipes as they are, to their full length, and which of the
# differences between them and the released settings matter: `banks` is the
# recipe with two filled banks, `plain` a network without balance; `affinity` and
# `adaptive` are softmax with those losses beside it.
# shellcheck shell=bash
SEEDS="${SEEDS:-1 2 3}"

rows() {
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort
  row banks camvid/train_segsort NUM_BANKS=2
  reading softmax_plain softmax camvid/train_softmax VOTE_BALANCE=0
  reading segsort_plain segsort camvid/train_segsort VOTE_BALANCE=0
  reading segsort_plain_8x8 segsort camvid/train_segsort VOTE_BALANCE=0 \
    INFERENCE_NUM_CLUSTERS=8 SEGMENT_COLOR_WEIGHT=0
  row affinity camvid/train_softmax AFFINITY=affinity
  row adaptive camvid/train_softmax AFFINITY=adaptive
}
