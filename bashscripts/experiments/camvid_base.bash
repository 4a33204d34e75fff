# What one factor after the other is changed of: the released settings, but for
# finer clusters after training, and one scale.
# shellcheck shell=bash disable=SC2034
BASE='NUM_CLUSTERS=5 INFERENCE_NUM_CLUSTERS=8 KMEANS_ITERATIONS=10
  EMBEDDING_DIM=32 CONCENTRATION=10 NUM_BANKS=2 LOCATION_WEIGHT=1
  SEGMENT_COLOR_WEIGHT=0 VOTE_BALANCE=0 VOTE_CONCENTRATION=0 K_IN_NEAREST_NEIGHBORS=15 IS_INFERENCE_MSC_1=0'
