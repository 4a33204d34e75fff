# CamVid's rows are labelled by pixels or clusters, unless regions are asked for.
# shellcheck shell=bash disable=SC2154  # `where` is experiments.sh's
export REGIONS_DIR=

# regions NAME ROW RECIPE DETECTOR [SETTING=VALUE...]: a row's network read in
# the small regions of a detector; hed needs the extra.
regions() {
  reading "$1" "$2" "$3" REGIONS_DIR="$where/regions_$4" DETECTOR="$4" \
    "${@:5}"
}
