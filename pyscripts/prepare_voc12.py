"""Writes masks and lists of PASCAL VOC 2012 and SBD.

Usage: python pyscripts/prepare_voc12.py
  --data_dir DATAROOT

With --half_dir HALF, a part of VOC 2012 at half size instead, which suffices to
compare methods on two cores: what bashscripts/voc12_half/ takes as DATAROOT.
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort.data.datasets import voc12 as voc12_dataset
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(voc12_dataset.prepare, voc12_dataset.VocConfig)
