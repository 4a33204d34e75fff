#!/usr/bin/env bash
# Downloads PASCAL VOC 2012, SBD and TF-Slim's ResNet-101, and writes the masks
# and lists that training reads.
#
# Usage: DATAROOT=/path/to/data source bashscripts/voc12/prepare_data.sh
#        (bash or zsh, from any directory; `bash` instead of `source` as well)
#
# Time: the download (about 3.6 GB) and some minutes. Disk: about 8 GB in
# DATAROOT; the archives in DOWNLOAD_DIR can be deleted afterwards.
#
# Run it again after any interruption: a download goes on where it stopped, and
# what is unpacked already is neither fetched nor unpacked again. Every setting
# below can be overridden from the environment; a mirror is VOC_URL=... and so
# on. Images of VOC's test split are behind a login and are not fetched; unpack
# VOC2012test.tar in DATAROOT yourself and run this again for test.txt.
#
# Status: 2 wrong input, 3 wrong checksum, 4 download failed, 5 bad archive.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"
  # Settings of the caller's shell count even if it does not export them.
  export DATAROOT LIST_DIR DOWNLOAD_DIR CHECKPOINT PYTHON VENV_DIR
  export VOC_URL VOC_MD5 SBD_URL SBD_MD5 RESNET_URL
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"

  : "${DATAROOT:=$root/dataset/voc12/data}"
  : "${LIST_DIR:=$root/dataset/voc12}"
  : "${DOWNLOAD_DIR:=$DATAROOT/downloads}"
  : "${CHECKPOINT:=$root/snapshots/imagenet/trained/resnet_v1_101.ckpt}"
  voc_site='http://host.robots.ox.ac.uk/pascal/VOC/voc2012'
  : "${VOC_URL:=$voc_site/VOCtrainval_11-May-2012.tar}"
  : "${VOC_MD5:=6cd6e144f989b92b3379bac3b3de84fd}"
  sbd_site='https://www2.eecs.berkeley.edu/Research/Projects/CS/vision'
  : "${SBD_URL:=$sbd_site/grouping/semantic_contours/benchmark.tgz}"
  : "${SBD_MD5:=82b4d87ceb2ed10f6038a1cba92111cb}"
  slim_site='http://download.tensorflow.org/models'
  : "${RESNET_URL:=$slim_site/resnet_v1_101_2016_08_28.tar.gz}"

  fail() {
    printf 'error: %s\n' "${*:2}" >&2
    exit "$1"
  }

  show_settings() {
    local name
    printf '== settings of %s ==\n' "${script#"$PWD"/}"
    for name in DATAROOT LIST_DIR DOWNLOAD_DIR CHECKPOINT VOC_URL VOC_MD5 \
        SBD_URL SBD_MD5 RESNET_URL; do
      printf '%s=%q\n' "$name" "${!name}"
    done
  }

  # --- downloads -------------------------------------------------------------

  md5_of() {
    if command -v md5sum >/dev/null; then
      md5sum <"$1" | cut -d ' ' -f 1
    else
      md5 -q "$1"
    fi
  }

  # The name of the checkpoint inside TF-Slim's archive.
  slim_member() {
    tar -tzf "$1" 2>/dev/null | grep -xE '(\./)?resnet_v1_101\.ckpt'
  }

  # is_whole FILE MD5: without a known MD5, that TF-Slim's archive opens.
  is_whole() {
    [ -f "$1" ] || return
    if [ "$2" ]; then
      [ "$(md5_of "$1")" = "$2" ]
    else
      tar -tzf "$1" >/dev/null 2>&1 && slim_member "$1" >/dev/null
    fi
  }

  # What is_whole found wrong.
  flaw() {
    if [ "$2" ]; then
      echo "its MD5 is $(md5_of "$1"), not $2"
    else
      echo 'it does not open, or lacks resnet_v1_101.ckpt'
    fi
  }

  # Goes on with a download where it stopped.
  download() {
    if command -v curl >/dev/null; then
      curl --fail --location --connect-timeout 30 --retry 3 \
        --continue-at - --output "$2" "$1"
    elif command -v wget >/dev/null; then
      wget --continue --output-document "$2" "$1"
    else
      fail 4 'neither curl nor wget is installed; install one'
    fi
  }

  # fetch URL MD5: downloads into DOWNLOAD_DIR; sets `archive`.
  fetch() {
    archive="$DOWNLOAD_DIR/${1##*/}"
    if is_whole "$archive" "$2"; then
      echo "$archive is there already"
      return
    fi
    { mkdir -p "$DOWNLOAD_DIR" && [ -w "$DOWNLOAD_DIR" ]; } 2>/dev/null ||
      fail 2 "cannot write to $DOWNLOAD_DIR; mend the permissions, or give" \
        'another DATAROOT'
    # A half file from elsewhere, under its final name, is gone on with too.
    [ ! -f "$archive" ] || [ -f "$archive.partial" ] ||
      mv "$archive" "$archive.partial"
    if ! is_whole "$archive.partial" "$2"; then
      echo "fetching $1"
      download "$1" "$archive.partial" || fail 4 "cannot download $1" \
        "(status $?); run this again to go on, or delete $archive.partial to" \
        'start over'
    fi
    if ! is_whole "$archive.partial" "$2"; then
      mv -f "$archive.partial" "$archive.damaged"
      fail 3 "$1 is not the published archive:" \
        "$(flaw "$archive.damaged" "$2");" \
        "kept as $archive.damaged; run this again, or give another address"
    fi
    mv -f "$archive.partial" "$archive"
  }

  # unpack ARCHIVE FOLDER TARGET: moves FOLDER of the archive to TARGET, so
  # that TARGET is there whole or not at all.
  unpack() {
    local unpacking="$DOWNLOAD_DIR/unpacking"
    if tar -tf "$1" | grep -qE '^/|(^|/)\.\.(/|$)'; then
      fail 5 "$1 has files outside its own folder; it is not unpacked"
    fi
    echo "unpacking $1"
    { mkdir -p "$unpacking" "$(dirname "$3")" &&
        tar -xf "$1" -C "$unpacking"; } ||
      fail 5 "cannot unpack $1 into $unpacking; is the disk full?"
    [ -d "$unpacking/$2" ] || fail 5 "$1 has no folder $2"
    mv "$unpacking/$2" "$3" || fail 5 "cannot move $unpacking/$2 to $3"
  }

  # --- what is needed --------------------------------------------------------

  get_voc() {
    local folder
    for folder in VOC2012 VOCdevkit/VOC2012; do
      if [ -f "$DATAROOT/$folder/ImageSets/Segmentation/train.txt" ]; then
        echo "VOC 2012 is there already: $DATAROOT/$folder"
        return
      fi
    done
    fetch "$VOC_URL" "$VOC_MD5" &&
      unpack "$archive" VOCdevkit/VOC2012 "$DATAROOT/VOCdevkit/VOC2012"
  }

  get_sbd() {
    local folder
    for folder in sbd benchmark_RELEASE; do
      if [ -d "$DATAROOT/$folder/dataset/cls" ]; then
        echo "SBD is there already: $DATAROOT/$folder"
        return
      fi
    done
    fetch "$SBD_URL" "$SBD_MD5" &&
      unpack "$archive" benchmark_RELEASE "$DATAROOT/benchmark_RELEASE"
  }

  get_resnet() {
    if [ -f "$CHECKPOINT" ]; then
      echo "ResNet-101 is there already: $CHECKPOINT"
      return
    fi
    # One member to one file: the archive cannot choose where it goes.
    fetch "$RESNET_URL" ''
    { mkdir -p "$(dirname "$CHECKPOINT")" &&
        tar -xzOf "$archive" "$(slim_member "$archive")" \
          >"$CHECKPOINT.partial" &&
        mv -f "$CHECKPOINT.partial" "$CHECKPOINT"; } ||
      fail 5 "cannot unpack $archive to $CHECKPOINT"
  }

  write_masks_and_lists() {
    PYTHON="$(bash "$root/bashscripts/setup.sh")" &&
      "$PYTHON" "$root/pyscripts/prepare_voc12.py" \
        --data_dir "$DATAROOT" --list_dir "$LIST_DIR"
  }

  show_settings &&
    get_voc &&
    get_sbd &&
    get_resnet &&
    write_masks_and_lists
)
