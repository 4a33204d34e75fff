"""Scores panoptic results by PQ, SQ and RQ.

    python pyscripts/inference.py --output panoptic \\
        --save_dir snapshots/mine/results/val ...
    python pyscripts/eval_panoptic.py --pred_dir snapshots/mine/results/val \\
        --gt_json panoptic_val.json --gt_dir panoptic_val --dataset voc12

Without --gt_json, --gt_dir holds masks of classes, whose connected parts are
taken for the instances.
"""

import _path  # noqa: F401
from segsort.evaluation import panoptic_evaluation
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(panoptic_evaluation.evaluate_panoptic,
          panoptic_evaluation.EvalPanopticConfig)
