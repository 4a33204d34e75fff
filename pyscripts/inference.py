"""Labels images by retrieval: `gray/` ids and `color/` pictures.

    python pyscripts/inference.py --restore_from snapshots/mine \\
        --prototype_dir snapshots/mine/results/train/prototypes \\
        --data_list dataset/voc12/val.txt --data_dir $DATAROOT \\
        --save_dir snapshots/mine/results/val [--scale_aug --flip_aug]
"""

import _path  # noqa: F401
from segsort import cli
from segsort import config
from segsort import inference

if __name__ == '__main__':
  cli.run(inference.infer, config.InferenceConfig)
