"""What is known of each data set: its classes, colours and ignore label."""

import dataclasses
import functools

import numpy as np

from segsort.data import class_file
from segsort.data import coco_stuff_classes
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

# Names and colours of the 19 evaluated labels, in the order of their trainId:
# cityscapesscripts/helpers/labels.py in github.com/mcordts/cityscapesScripts.
CITYSCAPES_COLOURS = {
    'road': (128, 64, 128),
    'sidewalk': (244, 35, 232),
    'building': (70, 70, 70),
    'wall': (102, 102, 156),
    'fence': (190, 153, 153),
    'pole': (153, 153, 153),
    'traffic light': (250, 170, 30),
    'traffic sign': (220, 220, 0),
    'vegetation': (107, 142, 35),
    'terrain': (152, 251, 152),
    'sky': (70, 130, 180),
    'person': (220, 20, 60),
    'rider': (255, 0, 0),
    'car': (0, 0, 142),
    'truck': (0, 0, 70),
    'bus': (0, 60, 100),
    'train': (0, 80, 100),
    'motorcycle': (0, 0, 230),
    'bicycle': (119, 11, 32),
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


def _info(name, class_names, colours=(), ignore_label=255):
  """Makes a DatasetInfo; ids of no colour, or of None, keep VOC's colours."""
  palette = voc_palette()
  for label, colour in enumerate(colours):
    if colour is not None:
      palette[label] = colour
  palette.setflags(write=False)
  return DatasetInfo(name, tuple(class_names), palette, ignore_label)


_DATASETS = {info.name: info for info in (
    _info('voc12', VOC12_CLASSES),
    _info('camvid', CAMVID_COLOURS, tuple(CAMVID_COLOURS.values())),
    _info('demo', DEMO_CLASSES),
    _info('cityscapes', CITYSCAPES_COLOURS, tuple(CITYSCAPES_COLOURS.values())),
    _info('coco_stuff', coco_stuff_classes.CLASSES))}

NAMES = tuple(_DATASETS)


class _Choices:
  """What `--dataset` takes: the name of a data set, or of a class file."""

  def __contains__(self, name):
    return name in _DATASETS or name.endswith(class_file.SUFFIX)

  def __iter__(self):
    return iter((*NAMES, f'FILE{class_file.SUFFIX}'))


CHOICES = _Choices()


def get(name):
  """Returns the DatasetInfo called `name`, or that of a class file.

  Raises:
    InputError: there is no such data set; the message names the known ones.
      Or the class file is not as `class_file` describes.
  """
  if name in _DATASETS:
    return _DATASETS[name]
  if name.endswith(class_file.SUFFIX):
    return _of_file(name)
  raise InputError(
      f'unknown data set {name!r}: choose one of ' + ', '.join(CHOICES))


def labels_of_colors(name, num_classes, ignore_label):
  """Returns {0xRRGGBB: [labels]} of classes and ignored pixels of a data set.

  Args:
    name: as `get` takes it.
    num_classes: C; the labels are 0 to C - 1 and
    ignore_label: that of ignored pixels.
  """
  palette = get(name).palette
  labels = {}
  # Once, where a class is ignored.
  for label in dict.fromkeys((ignore_label, *range(num_classes))):
    labels.setdefault(int(pack_colors(palette[label])), []).append(label)
  return labels


def pack_colors(colors):
  """Returns i32[...], 0xRRGGBB, of u8[..., 3]."""
  return colors @ np.array([1 << 16, 1 << 8, 1], np.int32)


@functools.lru_cache
def _of_file(path):
  return _info(path, *class_file.read(path))


def class_names(dataset, num_classes):
  """A name for each class, made up beyond the classes of the data set."""
  known = get(dataset).class_names[:num_classes]
  return (*known, *(f'class{i}' for i in range(len(known), num_classes)))
