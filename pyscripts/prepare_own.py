"""Writes masks and lists of your own pictures; dataset/README.md tells more.

Usage: python pyscripts/prepare_own.py
  --data_dir mydata --dataset mydata/classes.json
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort.data.datasets import own as own_dataset
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(own_dataset.prepare, own_dataset.OwnConfig)
