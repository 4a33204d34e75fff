"""Scores predicted masks: IoU of each class, mean IoU and pixel accuracy.

Usage:
  python pyscripts/eval_miou.py --pred_dir snapshots/.../results/val/gray \
      --gt_dir DATAROOT/VOC2012/segcls --dataset voc12
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort import cli
from segsort import config
from segsort import evaluation

if __name__ == '__main__':
  cli.run(evaluation.evaluate_folders, config.EvaluateConfig)
