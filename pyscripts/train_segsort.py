"""Trains SegSort from labelled images.

    python pyscripts/train_segsort.py --snapshot_dir snapshots/mine \
        --data_list dataset/voc12/train+.txt --data_dir $DATAROOT \
        --restore_from snapshots/imagenet/trained/resnet_v1_101.ckpt \
        --not_restore_classifier
"""

import _path  # noqa: F401
from segsort.runs import cli
from segsort.training import joint_training

if __name__ == '__main__':
  cli.run(joint_training.train_segsort, joint_training.TrainConfig)
