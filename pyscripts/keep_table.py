"""Keeps a table of experiments, and renews what documents show of it.

    IS_KEPT=1 bash bashscripts/experiments.sh demo

calls it once every row has run; by hand, for a table that was run before:

    python pyscripts/keep_table.py --experiment_dir snapshots/experiments/demo
"""

import _path  # noqa: F401
from segsort.evaluation import experiment_document
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(experiment_document.keep, experiment_document.KeepConfig)
