"""COCO-Stuff on the images of COCO 2017, from archives to masks and lists.

    SOURCE_DIR/[images/]{train2017,val2017}/ID.jpg             as unpacked
    SOURCE_DIR/{annotations,stuffthingmaps,...}/{train2017,val2017}/ID.png
    DATA_DIR/JPEGImages/{train2017,val2017}    links to the folders of images
    DATA_DIR/segcls/{train2017,val2017}/ID.png written, palette, 255 = ignore
    LIST_DIR/{train,val}.txt

Masks hold the 171 classes of `coco_stuff_classes`.
"""

import dataclasses
import os

from segsort.data import coco_stuff_classes
from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import dataset_layout
from segsort.data.datasets.dataset_layout import MaskJob
from segsort.errors import InputError
from segsort.runs import settings as settings_lib

PUBLISHED = {'train': 118287, 'val': 5000}  # images
IMAGE_FOLDERS = '', 'images'
# The last is where both archives were unpacked into one folder.
MAP_FOLDERS = (
    'annotations', 'stuffthingmaps', 'stuffthingmaps_trainval2017', '',
    'images')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CocoStuffConfig(settings_lib.Settings):
  """Where COCO-Stuff is, and where masks and lists go."""

  source_dir: str = settings_lib.setting(
      text='folder with train2017/ and val2017/, or with images/ that has '
      'them; only read')
  maps_dir: str = settings_lib.setting(
      '', 'folder of stuffthingmaps, with train2017/ and val2017/ of PNGs; if '
      'empty, annotations or stuffthingmaps in --source_dir')
  data_dir: str = settings_lib.setting(
      text='folder for JPEGImages/ and segcls/; list lines start from here')
  list_dir: str = settings_lib.setting(
      'dataset/coco_stuff', 'folder for the lists')


def prepare(config):
  """Writes the masks and lists of COCO-Stuff.

  Args:
    config: a CocoStuffConfig.

  Raises:
    InputError: COCO-Stuff is not there, or a map of it is missing or damaged.
  """
  roots = [os.path.join(config.source_dir, name) for name in IMAGE_FOLDERS]
  found = {}
  for split in PUBLISHED:
    found[split] = _find_folder(roots, f'{split}2017', '.jpg')
  if not any(found.values()):
    raise InputError(
        f'there is no train2017/ or val2017/ with *.jpg in {config.source_dir} '
        'or its images/; give --source_dir the folder where train2017.zip and '
        'val2017.zip of https://cocodataset.org were unpacked')
  for split, folder in found.items():
    if folder:
      _prepare_split(config, split, folder)
    else:
      print(f'no {split}2017/ in {config.source_dir}: {split}.txt is not '
            'written')


def _find_folder(roots, name, suffix):
  """Returns the first ROOT/NAME that has a file of a kind, or None."""
  for root in roots:
    folder = os.path.join(root, name)
    if os.path.isdir(folder) and any(
        name.endswith(suffix) for name in os.listdir(folder)):
      return folder
  return None


def _prepare_split(config, split, folder):
  """Links the images, writes masks and list of one split."""
  roots = [config.maps_dir] if config.maps_dir else [
      os.path.join(config.source_dir, name) for name in MAP_FOLDERS]
  maps = _find_folder(roots, f'{split}2017', '.png')
  if not maps:
    raise InputError(
        f'no {split}2017/*.png in any of {", ".join(roots)}; unpack '
        'stuffthingmaps_trainval2017.zip of https://github.com/nightrome/'
        'cocostuff and give its folder as --maps_dir')
  ids = sorted(entry.name.removesuffix('.jpg') for entry in os.scandir(folder)
               if entry.name.endswith('.jpg'))
  dataset_layout.link_folder(
      folder, os.path.join(config.data_dir, 'JPEGImages', f'{split}2017'))
  masks = os.path.join(config.data_dir, 'segcls', f'{split}2017')
  info = dataset_info.get('coco_stuff')
  dataset_layout.convert_masks(
      [MaskJob(source=os.path.join(maps, f'{image_id}.png'),
               image=os.path.join(folder, f'{image_id}.jpg'),
               output=os.path.join(masks, f'{image_id}.png'))
       for image_id in ids],
      read_annotation, desc=f'COCO-Stuff {split} masks',
      num_classes=info.num_classes, palette=info.palette)
  dataset_layout.write_list(config.list_dir, split, [
      f'/JPEGImages/{split}2017/{image_id}.jpg '
      f'/segcls/{split}2017/{image_id}.png' for image_id in ids])
  dataset_layout.note_size(split, len(ids), PUBLISHED[split])


def read_annotation(path):
  """Reads one of the stuffthingmaps as i32[H, W] of classes, 255 for none.

  Raises:
    InputError: unreadable, or with a label that was never annotated.
  """
  labels = reading.read_mask(path)
  train_ids = coco_stuff_classes.train_ids()
  unknown = labels[(labels > 255) | (train_ids[labels & 255] == 255) & (
      labels != 255)]
  if unknown.size:
    raise InputError(
        f'the mask {path} has the label {unknown[0]}, which stuffthingmaps do '
        'not hold; they have 0 to 181, without 11 of them, and 255')
  return train_ids[labels]
