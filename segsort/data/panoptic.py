"""Panoptic results: classes and instances in one picture, as COCO keeps them.

The id of a pixel is `class * DIVISOR + instance`. An instance of a class of
things is a connected part of its pixels, whichever segments they were in: what
the vote knows of a segment is its class, so that a border between two segments
of one class is k-means' and no object's. Objects of a class that touch count as
one. (Where prototypes know their instances, `retrieval.vote_instances` votes on
them; the masks of this project's data sets hold classes only.) A class of stuff
is one instance a picture. Instances are numbered from 1, so that 0 is left for
what has no id, as in COCO.
"""

import dataclasses
import os

import numpy as np
import PIL.Image
import scipy.ndimage

from network.segsort import retrieval
from segsort.data import dataset_info
from segsort.errors import InputError, warn
from segsort.runs import files
from segsort.runs import progress
from segsort.runs import settings as settings_lib
from segsort.runs.settings import setting

DIVISOR = 1000
VOID = 0
FOLDER, JSON = 'panoptic', 'panoptic.json'

# Classes without instances; of other data sets than these it is `background`.
_STUFF = {
    'camvid': range(8),  # all but cars and people
    'cityscapes': range(11),  # all but people and vehicles
    'coco_stuff': range(80, 171)}  # all but the things of COCO
_CONNECTED = np.ones((3, 3), bool)  # over corners as well


@dataclasses.dataclass(frozen=True, kw_only=True)
class InstanceSettings(settings_lib.Settings):
  """What an instance is."""

  stuff: str = setting(
      '', 'comma-separated classes without instances, `none` for no class; '
      'default: background; of camvid, cityscapes and coco_stuff all but cars, '
      'people and other things')
  min_instance_pixels: int = setting(
      0, 'of things: smaller connected parts get no id')

  def check(self):
    """Raises InputError for a class or a number out of range."""
    super().check()
    if self.min_instance_pixels < 0:
      raise InputError(
          f'--min_instance_pixels is {self.min_instance_pixels}; it must be 0 '
          'or more')
    stuff_classes(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputSettings(InstanceSettings):
  """What inference writes."""

  output: str = setting(
      'semantic', 'classes alone, or their instances as well: panoptic/ and '
      'panoptic.json as COCO has them', ('semantic', 'panoptic'))


def is_wanted(config):
  """Whether a stage's config asks for panoptic results."""
  return isinstance(config, OutputSettings) and config.output == 'panoptic'


def stuff_classes(config):
  """Returns the classes of an `InstanceSettings` that have no instances.

  Raises:
    InputError: what is no class of --dataset and --num_classes.
  """
  if config.stuff in ('', 'none'):
    return () if config.stuff else _default_stuff(config.dataset)
  try:
    stuff = tuple(int(label) for label in config.stuff.split(','))
  except ValueError:
    stuff = (-1,)
  if not all(0 <= label < config.classes for label in stuff):
    raise InputError(
        f'--stuff is {config.stuff!r}; give classes from 0 to '
        f'{config.classes - 1}, as 0,3, or none')
  return stuff


def _default_stuff(dataset):
  """The classes without instances of a data set, or of a class file."""
  if dataset in _STUFF:
    return tuple(_STUFF[dataset])
  return tuple(label for label, name in enumerate(
      dataset_info.get(dataset).class_names) if name == 'background')


def ids_of(labels, stuff=(0,), min_pixels=0, name='a picture'):
  """Tells the instances of a label map apart.

  Args:
    labels: integers [H, W]; 255 is void.
    stuff: classes whose pixels are one instance.
    min_pixels: of things: smaller parts become void.
    name: of the picture, for a warning where a class has DIVISOR parts or more:
      the smallest get no id.

  Returns:
    i32[H, W]: `label * DIVISOR + instance`, or VOID. Instances of a class are
    numbered from 1 by falling size, row by row where they are as large.
  """
  labels = np.asarray(labels, np.int32)
  instances = np.zeros(labels.shape, np.int32)
  for label in np.unique(labels[labels != 255]).tolist():
    inside = labels == label
    if label in stuff:
      instances[inside] = 1
      continue
    parts, _ = scipy.ndimage.label(inside, _CONNECTED)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    # By size: the parts that no id is left for are the smallest.
    order = np.argsort(-sizes, kind='stable')
    numbers = np.zeros(len(sizes), np.int32)
    numbers[order] = np.arange(1, len(sizes) + 1)
    numbers[(sizes < max(min_pixels, 1))] = 0
    beyond = numbers >= DIVISOR
    if beyond.any():
      warn(f'{name}: class {label} has {numbers.max()} connected parts, ids '
           f'tell {DIVISOR - 1} apart; {beyond.sum()} parts of no more than '
           f'{sizes[beyond].max()} pixels get none, as with a larger '
           '--min_instance_pixels')
      numbers[beyond] = 0
    instances[inside] = numbers[parts[inside]]
  ids = np.asarray(retrieval.panoptic_ids(labels, instances, DIVISOR))
  return np.where(instances > 0, ids, VOID)


def encode(ids):
  """Returns u8[H, W, 3] with id = R + 256 G + 256**2 B, of i32[H, W]."""
  return np.stack(
      [ids >> shift & 255 for shift in (0, 8, 16)], -1).astype(np.uint8)


def decode(picture):
  """Returns i32[H, W] of u8[H, W, 3]; see `encode`."""
  return picture.astype(np.int32) @ np.array([1, 256, 256**2], np.int32)


def segments_info(ids):
  """Describes the segments of a picture as COCO does.

  Args:
    ids: i32[H, W].

  Returns:
    A list of {id, category_id, area, bbox: [x, y, width, height], iscrowd}.
  """
  present, flat = np.unique(ids, return_inverse=True)
  flat = flat.reshape(ids.shape)
  areas = np.bincount(flat.ravel())
  boxes = scipy.ndimage.find_objects(flat + 1)
  return [{
      'id': int(number), 'category_id': int(number) // DIVISOR,
      'area': int(area),
      'bbox': [columns.start, rows.start, columns.stop - columns.start,
               rows.stop - rows.start],
      'iscrowd': 0,
  } for number, area, (rows, columns) in zip(present, areas, boxes)
      if number != VOID]


def write_picture(config, name, labels):
  """Writes SAVE_DIR/panoptic/NAME.png of labels i32[H, W]."""
  ids = ids_of(
      labels, stuff_classes(config), config.min_instance_pixels, name)
  files.write_png(
      os.path.join(config.save_dir, FOLDER, f'{name}.png'), encode(ids))


def read_picture(path):
  """Returns the ids i32[H, W] in a PNG.

  Raises:
    InputError: missing, corrupt, or not of three colours.
  """
  try:
    with PIL.Image.open(path) as picture:
      pixels = np.array(picture)
  except (OSError, SyntaxError, ValueError) as error:
    raise InputError(
        f'cannot read the panoptic picture {path}: {error}; run inference.py '
        'with --output panoptic, or mend the folder') from error
  if pixels.ndim != 3 or pixels.shape[2] < 3:
    raise InputError(
        f'{path} is no panoptic picture in COCO\'s encoding, whose ids are '
        'R + 256 G + 256**2 B; check the folder')
  return decode(pixels[..., :3])


def write_json(config, examples):
  """Writes SAVE_DIR/panoptic.json once all pictures of a list have results.

  Args:
    config: an `inference_flags.InferenceFlags`.
    examples: list of `image_list.Example`, of all shards.
  """
  paths = [os.path.join(config.save_dir, FOLDER, f'{example.name}.png')
           for example in examples]
  missing = sum(not os.path.isfile(path) for path in paths)
  if missing:
    print(f'no {JSON} yet: {missing} of {len(paths)} pictures are to come')
    return
  images, annotations = [], []
  for number, (example, path) in enumerate(progress.track(
      list(zip(examples, paths)), desc=JSON)):
    ids = read_picture(path)
    images.append({
        'id': number, 'file_name': os.path.join(
            os.path.dirname(example.name), os.path.basename(example.image)),
        'height': ids.shape[0], 'width': ids.shape[1]})
    annotations.append({
        'image_id': number, 'file_name': f'{example.name}.png',
        'segments_info': segments_info(ids)})
  files.write_json(os.path.join(config.save_dir, JSON), {
      'images': images, 'annotations': annotations,
      'categories': categories(config)})


def categories(config):
  """Returns COCO's list of classes: id, name, isthing."""
  stuff = stuff_classes(config)
  names = dataset_info.class_names(config.dataset, config.classes)
  return [{'id': label, 'name': name, 'isthing': int(label not in stuff)}
          for label, name in enumerate(names)]
