"""Writes masks and lists of CamVid.

Usage: python pyscripts/prepare_camvid.py
  --source_dir CamVid --data_dir DATAROOT/CamVid
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort.data.datasets import camvid as camvid_dataset
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(camvid_dataset.prepare, camvid_dataset.CamvidConfig)
