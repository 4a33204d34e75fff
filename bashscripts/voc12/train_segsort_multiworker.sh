#!/usr/bin/env bash
# SegSort on PASCAL VOC 2012, the multi-GPU recipe (train_segsort_mgpu.sh) on
# several machines: start it on each of them.
#
# Usage, by hand, on host 0 and host 1 (bash or zsh, from any directory):
#   export WORKERS=host0:12345,host1:12345
#   WORKER_INDEX=0 DATAROOT=/data \
#       bash bashscripts/voc12/train_segsort_multiworker.sh
#   WORKER_INDEX=1 DATAROOT=/data \
#       bash bashscripts/voc12/train_segsort_multiworker.sh
# with Slurm:
#   DATAROOT=/data srun --nodes=2 --ntasks-per-node=1 --gpus-per-node=4 \
#       bash bashscripts/voc12/train_segsort_multiworker.sh
#
# The machines see the same DATAROOT and SNAPSHOT_DIR, reach each other's
# WORKER_PORT (12345), and wait WORKER_TIMEOUT (600) seconds for one another.
# BATCH_SIZE is that of all GPUs together. Worker 0 writes the checkpoints, and
# goes on alone, with all of its GPUs, to prototypes, labels and scores.
# TF_CONFIG, if set, counts instead of WORKERS. After an interruption, the same
# command on all of them goes on.
#
# Expected mean IOU, hours and memory: not measured with this implementation.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/../..")"

  export SNAPSHOT_DIR="${SNAPSHOT_DIR:-$root/snapshots/voc12/segsort_multiworker}"
  export STRATEGY="${STRATEGY:-multi_worker}"
  export WORKERS="${WORKERS:-}" WORKER_INDEX="${WORKER_INDEX:-}"
  export WORKER_PORT="${WORKER_PORT:-12345}"
  [ -z "${TF_CONFIG:-}" ] || export TF_CONFIG

  source "$root/bashscripts/voc12/train_segsort_mgpu.sh"
)
