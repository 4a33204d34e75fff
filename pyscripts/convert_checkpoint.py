"""Writes the weights of a checkpoint under the names of the TF1 release.

From TF-Slim's, the release's or our own checkpoint, into a TensorFlow bundle
without optimizer, memory bank and step:

    python pyscripts/convert_checkpoint.py --restore_from resnet_v1_101.ckpt \\
        --not_restore_classifier --output snapshots/imagenet/resnet_v1_101
"""

import _path  # noqa: F401
from segsort.checkpoints import conversion
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(conversion.convert_checkpoint, conversion.ConvertConfig)
