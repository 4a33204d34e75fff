#!/usr/bin/env bash
# Runs the tests, then the style check.
#
# Usage: source bashscripts/run_tests.sh      (bash or zsh, from any directory)
#        bash bashscripts/run_tests.sh tests/network -k loss   (pytest's own)
#
# The interpreter is that of setup.sh, with the extra `test`.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/..")"
  export PYTHON="${PYTHON:-}" VENV_DIR="${VENV_DIR:-}"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"

  python="$(bash "$root/bashscripts/setup.sh" test)" &&
    cd "$root" &&
    "$python" -m pytest -q "$@" &&
    "$python" -m ruff check .
)
