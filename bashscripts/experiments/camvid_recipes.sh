# CamVid, the two recipes to their full length, and which of the differences
# between them and the released settings matter: `banks` is segment sorting with
# two filled banks, `plain` a network without balance, `8x8` the released
# clusters; `gradient` and `hed` are labelled in regions, as the recipes are
# (with HED's if the extra is installed), the others by pixels or clusters;
# `affinity` and `adaptive` are softmax with those losses beside it.
# shellcheck shell=bash disable=SC2154  # `tables` is experiments.sh's
SEEDS="${SEEDS:-1 2 3}"
source "$tables/camvid_regions.bash"

rows() {
  row softmax camvid/train_softmax
  row segsort camvid/train_segsort
  row banks camvid/train_segsort NUM_BANKS=2
  reading softmax_plain softmax camvid/train_softmax VOTE_BALANCE=0
  reading segsort_plain segsort camvid/train_segsort VOTE_BALANCE=0
  reading segsort_plain_8x8 segsort camvid/train_segsort VOTE_BALANCE=0 \
    INFERENCE_NUM_CLUSTERS=8 SEGMENT_COLOR_WEIGHT=0
  regions softmax_gradient softmax camvid/train_softmax gradient
  regions segsort_gradient segsort camvid/train_segsort gradient
  regions softmax_hed softmax camvid/train_softmax hed
  regions segsort_hed segsort camvid/train_segsort hed
  row affinity camvid/train_softmax AFFINITY=affinity
  row adaptive camvid/train_softmax AFFINITY=adaptive
}
