"""Groups the pixels of all images by a trained embedding: another round.

    python pyscripts/group_pixels.py --restore_from snapshots/round1 \
        --data_list dataset/demo/train.txt --data_dir dataset/demo/data \
        --save_dir dataset/demo/data/groups2 \
        --save_list dataset/demo/train_groups2.txt --color_weight 0 \
        --merge_cost 250 --input_size 128,128
    python pyscripts/train_segsort_unsup.py --grouped \
        --data_list dataset/demo/train_groups2.txt ...

No label is read. group_regions.py makes the groups of the first round.
"""

import _path  # noqa: F401
from segsort.runs import cli
from segsort.unsupervised import pixel_groups

if __name__ == '__main__':
  cli.run(pixel_groups.group_pixels, pixel_groups.PixelGroupConfig)
