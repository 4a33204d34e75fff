"""Scores oversegmentations against people's, as BSDS500 does.

    python pyscripts/eval_regions.py --pred_dir hed --gt_dir groundTruth/val

`pred_dir` holds contour maps ID.npz (of make_oversegmentation.py --ucm), scored
at every threshold, or masks ID.png; `gt_dir` holds BSDS500's ID.mat.
"""

import _path  # noqa: F401
from segsort.evaluation import region_evaluation
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(region_evaluation.evaluate_regions,
          region_evaluation.EvalRegionsConfig)
