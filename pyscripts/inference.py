"""Labels images by retrieval: `gray/` ids and `color/` pictures.

    python pyscripts/inference.py --restore_from snapshots/mine \\
        --prototype_dir snapshots/mine/results/train/prototypes \\
        --data_list dataset/voc12/val.txt --data_dir $DATAROOT \\
        --save_dir snapshots/mine/results/val [--scale_aug --flip_aug]

One's own photographs, in any format, need no list:
`--image_dir photos/` in place of --data_list and --data_dir; then there are
`overlay/` and `legend.json` as well.
"""

import _path  # noqa: F401
from segsort.inference import inference
from segsort.inference import inference_flags
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(inference.infer, inference_flags.InferenceFlags)
