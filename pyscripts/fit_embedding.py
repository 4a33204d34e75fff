"""Fits an embedding without training: principal components of a backbone.

    python pyscripts/fit_embedding.py --backbone resnet_v1_101 \
        --restore_from snapshots/imagenet/trained/resnet_v1_101.ckpt \
        --data_list dataset/voc12/train.txt --data_dir $DATAROOT \
        --snapshot_dir snapshots/components

Masks are not read. extract_prototypes.py and inference.py take the network as
they take trained ones; so does --restore_from of a training.
"""

import _path  # noqa: F401
from segsort.runs import cli
from segsort.unsupervised import components

if __name__ == '__main__':
  cli.run(components.fit, components.FitConfig)
