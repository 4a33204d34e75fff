"""Records a run of an experiment and renews its table (CSV and Markdown).

    bash bashscripts/experiments.sh demo

calls it after every run; there is no need to type its flags.
"""

import _path  # noqa: F401
from segsort.evaluation import experiment_table
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(experiment_table.record_and_tabulate, experiment_table.TableConfig)
