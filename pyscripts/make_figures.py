"""Draws the figures of the README from a trained demo.

    source bashscripts/demo/train_segsort.sh
    python pyscripts/make_figures.py --num_clusters 5 --input_size 128,128 \\
        --restore_from snapshots/demo/segsort/stage1 \\
        --prototype_dir snapshots/demo/segsort/stage1/results/train \\
        --data_list dataset/demo/val.txt --data_dir dataset/demo/data \\
        --show val_0001,val_0006,val_0010,val_0012 --save_dir dataset/figures

With another network and list, and names in --show, the figures of any run.
"""

import _path  # noqa: F401
from segsort.explanation import figures
from segsort.explanation import flags
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(figures.make_figures, flags.FigureFlags)
