"""Trains the softmax baseline: SegSort's network, classifying each pixel.

    python pyscripts/train_softmax.py --snapshot_dir snapshots/baseline \
        --data_list dataset/voc12/train+.txt --data_dir $DATAROOT \
        --restore_from snapshots/imagenet/trained/resnet_v1_101.ckpt \
        --not_restore_classifier

`inference.py --method softmax` labels images with it; no prototypes.
"""

import _path  # noqa: F401
from segsort.runs import cli
from segsort.training import softmax_training

if __name__ == '__main__':
  cli.run(softmax_training.train_softmax, softmax_training.TrainSoftmaxConfig)
