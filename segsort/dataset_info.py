"""What is known of each data set: its classes, colours and ignore label."""

import dataclasses

import numpy as np

from segsort.errors import InputError

# Mean RGB that the released checkpoints were trained with; every network input
# has it subtracted, whatever the data set.
PIXEL_MEAN = (122.675, 116.669, 104.008)

VOC12_CLASSES = (
    'background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus',
    'car', 'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse', 'motorbike',
    'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')

CAMVID_COLOURS = {
    'Sky': (128, 128, 128),
    'Building': (128, 0, 0),
    'Pole': (192, 192, 128),
    'Road': (128, 64, 128),
    'Pavement': (60, 40, 222),
    'Tree': (128, 128, 0),
    'SignSymbol': (192, 128, 128),
    'Fence': (64, 64, 128),
    'Car': (64, 0, 128),
    'Pedestrian': (64, 64, 0),
    'Bicyclist': (0, 128, 192),
}

DEMO_CLASSES = (
    'background', 'striped-box', 'checked-hexagon', 'dotted-triangle',
    'ringed-disc', 'brick-house', 'zigzag-star', 'grainy-blob')


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetInfo:
  """One data set.

  Attributes:
    name: as in `--dataset`.
    class_names: one name per class id.
    palette: u8[256, 3], the RGB colour of each id in written masks.
    ignore_label: the id of pixels that are neither trained on nor scored.
  """
  name: str
  class_names: tuple
  palette: np.ndarray
  ignore_label: int = 255

  @property
  def num_classes(self):
    """The number of classes, background included."""
    return len(self.class_names)


def voc_palette():
  """Returns PASCAL VOC's colour map, u8[256, 3].

  Bits 0, 1, 2 of an id are the top bits of red, green, blue; bits 3, 4, 5 the
  next ones, and so on.
  """
  ids = np.arange(256)
  bits = ids[:, None] >> np.arange(8) & 1  # [256, 8], lowest bit first
  palette = np.zeros((256, 3), np.int64)
  for bit in range(8):
    palette[:, bit % 3] |= bits[:, bit] << (7 - bit // 3)
  return palette.astype(np.uint8)


def _info(name, class_names, colours=()):
  """Makes a DatasetInfo; ids beyond `colours` keep VOC's colours."""
  palette = voc_palette()
  palette[:len(colours)] = np.reshape(colours, (-1, 3))
  palette.setflags(write=False)
  return DatasetInfo(name, tuple(class_names), palette)


_DATASETS = {info.name: info for info in (
    _info('voc12', VOC12_CLASSES),
    _info('camvid', CAMVID_COLOURS, tuple(CAMVID_COLOURS.values())),
    _info('demo', DEMO_CLASSES))}

# What `--dataset` takes.
NAMES = tuple(_DATASETS)


def get(name):
  """Returns the DatasetInfo called `name`.

  Raises:
    InputError: there is no such data set; the message names the known ones.
  """
  if name not in _DATASETS:
    raise InputError(
        f'unknown data set {name!r}: choose one of ' + ', '.join(NAMES))
  return _DATASETS[name]
