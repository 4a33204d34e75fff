"""Draws the demo's data set; it needs nothing but this project.

Usage: python pyscripts/make_demo_dataset.py [--data_dir dataset/demo/data]
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort.data.datasets import demo as demo_dataset
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(demo_dataset.make, demo_dataset.DemoConfig)
