"""Extracts the prototypes of annotated images for retrieval.

    python pyscripts/extract_prototypes.py --restore_from snapshots/mine \\
        --data_list dataset/voc12/train.txt --data_dir $DATAROOT \\
        --save_dir snapshots/mine/results/train
"""

import _path  # noqa: F401
from segsort.inference import extraction
from segsort.inference import inference_settings
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(extraction.extract_prototypes, inference_settings.ExtractConfig)
