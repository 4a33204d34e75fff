"""Writes pages that show why: the training segments that each label comes from.

    python pyscripts/explain.py --restore_from snapshots/mine \\
        --prototype_dir snapshots/mine/results/train/prototypes \\
        --data_list dataset/voc12/val.txt --data_dir $DATAROOT \\
        --save_dir snapshots/mine/results/why

Open SAVE_DIR/index.html in any browser, from the disk or from a web server; the
folder can be copied and sent. With --image_dir in place of --data_list and
--data_dir, one's own photographs are explained.
"""

import _path  # noqa: F401
from segsort.explanation import flags
from segsort.explanation import stage
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(stage.explain, flags.ExplainFlags)
