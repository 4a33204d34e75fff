"""Groups the regions of all images by their looks, for unsupervised training.

    python pyscripts/group_regions.py --data_list dataset/demo/train.txt \
        --data_dir dataset/demo/data --save_dir dataset/demo/data/groups \
        --save_list dataset/demo/train_groups.txt --color_weight 0
    python pyscripts/train_segsort_unsup.py --grouped \
        --data_list dataset/demo/train_groups.txt ...

No label is read. make_oversegmentation.py makes the regions.
"""

import _path  # noqa: F401
from segsort.runs import cli
from segsort.unsupervised import region_groups

if __name__ == '__main__':
  cli.run(region_groups.group_regions, region_groups.GroupConfig)
