# VOC 2012 at half size with nothing trained: principal components of features of
# ImageNet's networks. `dN` is BACKBONE's with N components (`dN_clusters`
# labelled by clusters), `mobilenet_N` MobileNetV2's; `images_N` is d128 where no
# more than N images have masks, N spread over the list of train.
# shellcheck shell=bash disable=SC2154  # `where` is experiments.sh's
SEEDS="${SEEDS:-1}"

# spread N: makes the list of N images that have masks.
spread() {
  mkdir -p "$where" && awk -v n="$1" '{ line[NR] = $0 }
    END { for (i = 0; i < n; i++) print line[int(i * NR / n) + 1] }' \
    "${DATAROOT:-$root/dataset/voc12_half}/train.txt" > "$where/images_$1.txt"
}

# annotated N NEIGHBOURS
annotated() {
  spread "$1" && reading "images_$1" d128 voc12_half/train_segsort_unsup \
    EMBEDDING_DIM=128 PROTOTYPE_LIST="$where/images_$1.txt" \
    K_IN_NEAREST_NEIGHBORS="$2"
}

# components N: and the same, labelled by clusters.
components() {
  row "d$1" voc12_half/train_segsort_unsup EMBEDDING_DIM="$1"
  reading "d$1_clusters" "d$1" voc12_half/train_segsort_unsup \
    EMBEDDING_DIM="$1" REGIONS_DIR= IS_PROTOTYPE_1=0 PROTOTYPES_NAME=results
}

mobilenet() {
  row "mobilenet_$1" voc12_half/train_segsort_unsup EMBEDDING_DIM="$1" \
    BACKBONE=MobileNetV2 RESTORE_FROM="${MOBILENET_WEIGHTS:-imagenet}" \
    BACKBONE_FEATURES= BACKBONE_INPUT=
}

rows() {
  components 128
  # Few images have few segments that are alike: fewer neighbours have a vote.
  annotated 400 31
  annotated 200 31
  annotated 100 15
  annotated 50 15
  annotated 10 5
  mobilenet 128
  components 64
  mobilenet 64
  components 32
  mobilenet 32
}
