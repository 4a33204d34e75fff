"""Trains a small contour network on BSDS500.

    python pyscripts/train_contours.py --data_dir BSDS500/data \
        --train_splits train,val --eval_split test --snapshot_dir snapshots/c

Its contours.keras serves make_oversegmentation.py --detector keras
--detector_path. bashscripts/bsds500/train_contours.sh does both, and scores.
"""

import _path  # noqa: F401
from segsort.contours import contour_settings
from segsort.contours import contour_training
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(contour_training.train_contours,
          contour_settings.ContourTrainConfig)
