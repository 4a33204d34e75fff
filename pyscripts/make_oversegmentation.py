"""Divides images into regions bounded by contours, for unsupervised training.

    python pyscripts/make_oversegmentation.py \
        --data_list dataset/voc12/train.txt --data_dir $DATAROOT

Masks go where train_segsort_unsup.py looks for them: the list's third column,
or the mask's path with `hed` for `segcls`. Images that have one are passed
over, so a run that was stopped goes on when its command is given again, without
--overwrite.

The default detector needs no model. An edge network, such as HED:
--detector onnx --detector_path hed.onnx; ready edge maps: --detector folder;
a network of train_contours.py: --detector keras.
"""

import _path  # noqa: F401
from segsort.contours import oversegmentation
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(oversegmentation.make_oversegmentations,
          oversegmentation.OversegmentationConfig)
