"""Scores predicted masks: IoU of each class, mean IoU, accuracy, boundaries.

Usage:
  python pyscripts/eval_miou.py --pred_dir snapshots/.../results/val/gray \
      --gt_dir DATAROOT/VOC2012/segcls --dataset voc12 \
      --boundary --compare_dir snapshots/OTHER/results/val/gray
"""

import _path  # noqa: F401  (puts the project root on sys.path)

from segsort.evaluation import evaluation
from segsort.evaluation import evaluation_flags
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(evaluation.evaluate_folders, evaluation_flags.EvaluateConfig)
