# CamVid, one factor after the other; one seed, so that differences below 1 are
# noise. See camvid for what is run with three.
# shellcheck shell=bash disable=SC2086  # BASE is several settings
SEEDS="${SEEDS:-1}"
export NUM_STEPS="${NUM_STEPS:-1250}"
source "$tables/camvid_base.bash"
export REGIONS_DIR=

# Training with a setting changed.
trained() {
  row "$1" camvid/train_segsort $BASE "${@:2}"
}

# The first row's network read with a setting changed.
read_with() {
  reading "$1" segsort camvid/train_segsort $BASE "${@:2}"
}

rows() {
  trained segsort
  trained banks_1 NUM_BANKS=1
  trained banks_4 NUM_BANKS=4
  trained clusters_3x3 NUM_CLUSTERS=3
  trained clusters_8x8 NUM_CLUSTERS=8
  trained iterations_0 KMEANS_ITERATIONS=0
  trained iterations_1 KMEANS_ITERATIONS=1
  trained concentration_5 CONCENTRATION=5
  trained concentration_20 CONCENTRATION=20
  trained embedding_8 EMBEDDING_DIM=8
  trained embedding_16 EMBEDDING_DIM=16
  trained embedding_64 EMBEDDING_DIM=64
  trained no_location LOCATION_WEIGHT=0
  read_with inference_5x5 INFERENCE_NUM_CLUSTERS=5
  read_with inference_12x12 INFERENCE_NUM_CLUSTERS=12
  read_with color_1 SEGMENT_COLOR_WEIGHT=1
  read_with k_1 K_IN_NEAREST_NEIGHBORS=1
  read_with k_5 K_IN_NEAREST_NEIGHBORS=5
  read_with k_21 K_IN_NEAREST_NEIGHBORS=21
  read_with multi_scale IS_INFERENCE_MSC_1=1
}
