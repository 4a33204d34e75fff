# Several machines that train together: who they are, and which one this is.
# Sourced by stages.sh.
# shellcheck shell=bash disable=SC2153,SC2154

# Sets TF_CONFIG, unless it is set: from WORKERS and WORKER_INDEX, or from the
# nodes of a Slurm step.
find_workers() {
  local port="${WORKER_PORT:-12345}"
  [ -z "${TF_CONFIG:-}" ] || return 0
  if [ -z "${WORKERS:-}" ] && [ -n "${SLURM_STEP_NODELIST:-}" ]; then
    WORKERS="$(scontrol show hostnames "$SLURM_STEP_NODELIST" |
      sed "s/\$/:$port/" | paste -sd, -)"
    WORKER_INDEX="${SLURM_NODEID:-}"
  fi
  [ -n "${WORKERS:-}" ] || fail 'who trains? Set WORKERS=HOST:PORT,HOST:PORT' \
    'and, on each host, its WORKER_INDEX from 0 on; or TF_CONFIG; or start it' \
    'with srun'
  case "${WORKER_INDEX:-}" in
    '' | *[!0-9]*) fail "WORKER_INDEX is '${WORKER_INDEX:-}'; it must be the" \
      "place of this host in WORKERS=$WORKERS, from 0 on" ;;
  esac
  TF_CONFIG="$(printf '{"cluster": {"worker": ["%s"]}, "task": {"type": %s}}' \
    "${WORKERS//,/\", \"}" "\"worker\", \"index\": $WORKER_INDEX")"
  export TF_CONFIG
  printf 'TF_CONFIG=%s\n' "$(quoted "$TF_CONFIG")"
}

# Whether this is the worker that extracts, labels and scores.
is_first_worker() {
  case "${TF_CONFIG//[[:space:]]/}" in
    *'"index":0'[!0-9]*) true ;;
    *) false ;;
  esac
}
