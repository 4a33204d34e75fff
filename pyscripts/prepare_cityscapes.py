"""Writes masks and lists of Cityscapes.

Usage: python pyscripts/prepare_cityscapes.py
  --source_dir cityscapes --data_dir DATAROOT/Cityscapes
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort.data.datasets import cityscapes as cityscapes_dataset
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(cityscapes_dataset.prepare, cityscapes_dataset.CityscapesConfig)
