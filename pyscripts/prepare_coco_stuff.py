"""Writes masks and lists of COCO-Stuff.

Usage: python pyscripts/prepare_coco_stuff.py
  --source_dir coco --data_dir DATAROOT/CocoStuff
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort.data.datasets import coco_stuff as coco_stuff_dataset
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(coco_stuff_dataset.prepare, coco_stuff_dataset.CocoStuffConfig)
