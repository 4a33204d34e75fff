#!/usr/bin/env bash
# Runs the rows of a table of experiments and writes the table.
#
# Usage: bash bashscripts/experiments.sh TABLE
#        TABLE is a file of bashscripts/experiments/ without .sh, as demo.
#        SEEDS='1' NUM_STEPS=100 bash bashscripts/experiments.sh demo
#        ROWS='softmax segsort' bash bashscripts/experiments.sh demo
#
# A row is a recipe of this folder with some settings, run with each of SEEDS.
# Whatever is finished is not run again, so that an interrupted table goes on
# where it was. Each run is in EXPERIMENTS_DIR/TABLE/ROW/seedN; its last stage
# of training counts. The table is
# EXPERIMENTS_DIR/TABLE/table.{csv,md} (and .png with the extra `figures`),
# renewed after every run. A run that fails is named at the end, with a status
# of 1; the other rows are run.
#
# IS_KEPT=1 keeps the table when all is done: its CSV goes into
# bashscripts/experiments/, its picture into dataset/figures/, and the tables of
# README.md and bashscripts/experiments/README.md are renewed.
(
  root="$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")"
  tables="$root/bashscripts/experiments"
  if [ ! -f "$tables/${1:-}.sh" ]; then
    known="$(basename -s .sh "$tables"/*.sh | tr '\n' ' ')"
    printf 'error: no table %s; give one of: %s\n' "'${1:-}'" "$known" >&2
    exit 2
  fi
  table="$1"
  where="${EXPERIMENTS_DIR:-$root/snapshots/experiments}/$table"
  failed=() number=0
  PYTHON="$(bash "$root/bashscripts/setup.sh")" || exit
  export PYTHON

  # row NAME RECIPE [SETTING=VALUE...]: a run of its own.
  row() {
    run "$1" "$1" "$2" RESULTS_NAME=results "${@:3}"
  }

  # reading NAME ROW RECIPE [SETTING=VALUE...]: the network of another row,
  # with other settings after training.
  reading() {
    run "$1" "$2" "$3" "RESULTS_NAME=results_$1" "${@:4}"
  }

  run() {
    local run_dir="$where/$2/seed$seed" log="$where/$1/seed$seed.log" results
    number="$((number + 1))"
    case " ${ROWS:-$1} " in *" $1 "*) ;; *) return ;; esac
    mkdir -p "$where/$1" || exit
    printf '== %s, seed %s: %s ==\n' "$1" "$seed" "${*:4}"
    env IS_BOUNDARY="${IS_BOUNDARY:-1}" "${@:5}" RANDOM_SEED="$seed" \
      SNAPSHOT_DIR="$run_dir" "$4" \
      bash "$root/bashscripts/$3.sh" > "$log" 2>&1 ||
      { failed+=("$1, seed $seed: $log"); tail -n 2 "$log"; return; }
    grep '^warning: .* was trained with ' "$log"  # by an earlier command
    # What the run scored last: of its last stage.
    results="$(sed -n 's/^scores of \(.*\)\/[^/]*:$/\1/p' "$log" | tail -n 1)"
    "$PYTHON" "$root/pyscripts/make_table.py" --experiment_dir "$where" \
      --row "$1" --trained_row "$2" --number "$number" --seed "$seed" \
      --settings "${*:3}" --results "$results" ||
      failed+=("$1, seed $seed: $log")
  }

  # All rows with one seed before the next: a table that is cut short is whole.
  source "$tables/$table.sh"
  for seed in $SEEDS; do
    number=0
    rows
  done
  printf '%s\n' "$where/table.csv" "$where/table.md"
  for one in ${failed[@]+"${failed[@]}"}; do
    printf 'error: failed: %s\n' "$one" >&2
  done
  [ "${#failed[@]}" -eq 0 ] || exit
  [ "${IS_KEPT:-0}" = 0 ] ||
    "$PYTHON" "$root/pyscripts/keep_table.py" --experiment_dir "$where" \
      --project_dir "$root"
)
