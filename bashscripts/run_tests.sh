#!/usr/bin/env bash
# Runs the tests, then the style check.
#
# Usage: source bashscripts/run_tests.sh      (bash or zsh, from any directory)
#        bash bashscripts/run_tests.sh --quick   (after each change: no slow ones)
#        bash bashscripts/run_tests.sh tests/network -k loss   (pytest's own)
#
# All take 20 to 30 minutes on two cores. WORKERS is the number
# of processes that share the tests, by default one a core up to four: each
# takes 2 GB. The interpreter is that of setup.sh, with the extra `test`.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/..")"
  export PYTHON="${PYTHON:-}" VENV_DIR="${VENV_DIR:-}" WORKERS="${WORKERS:-}"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"

  if [ "${1:-}" = --quick ]; then
    shift
    set -- -m 'not slow' "$@"
  fi
  if [ -z "$WORKERS" ]; then
    WORKERS="$(getconf _NPROCESSORS_ONLN)"
    [ "$WORKERS" -le 4 ] || WORKERS=4
  fi
  python="$(bash "$root/bashscripts/setup.sh" test)" &&
    cd "$root" &&
    # A file's tests share what they train: they go to one worker, the files
    # with slow ones first.
    "$python" -m pytest -q -rs -n "$WORKERS" --dist loadfile \
      --no-loadscope-reorder "$@" &&
    "$python" -m ruff check .
)
