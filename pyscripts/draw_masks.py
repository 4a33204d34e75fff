"""Draws masks of regions, groups or classes beside their pictures.

    python pyscripts/draw_masks.py --data_list dataset/demo/train.txt \
        --data_dir dataset/demo/data --mask_dirs regions=hed,truth=segcls \
        --save_path masks.png
"""

import _path  # noqa: F401
from segsort.explanation import mask_sheet
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(mask_sheet.draw_masks, mask_sheet.MaskSheetConfig)
