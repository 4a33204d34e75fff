"""Cityscapes, from its two archives to masks and lists.

    SOURCE_DIR/leftImg8bit/SPLIT/CITY/X_leftImg8bit.png        as unpacked
    SOURCE_DIR/gtFine/SPLIT/CITY/X_gtFine_labelIds.png
    DATA_DIR/JPEGImages/SPLIT                  links to the folders of images
    DATA_DIR/segcls/SPLIT/X_leftImg8bit.png    written, palette, 255 = ignore
    LIST_DIR/{train,val,test}.txt

Masks hold the 19 evaluated classes by their trainId. They have the names of
their images, without folders for cities: so do the results of inference. The
lines of `test` have no mask: its annotation is not public.
"""

import dataclasses
import os

import numpy as np

from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import dataset_layout
from segsort.data.datasets.dataset_layout import MaskJob
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import settings as settings_lib

PUBLISHED = {'train': 2975, 'val': 500, 'test': 1525}  # images
IMAGE, MASK = '_leftImg8bit.png', '_gtFine_labelIds.png'

# The id of each class in trainId order: cityscapesscripts/helpers/labels.py in
# github.com/mcordts/cityscapesScripts.
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31,
             32, 33)
NUM_LABEL_IDS = 34  # 0 to 33; the others are left out of the evaluation


@dataclasses.dataclass(frozen=True, kw_only=True)
class CityscapesConfig(settings_lib.Settings):
  """Where Cityscapes is, and where masks and lists go."""

  source_dir: str = settings_lib.setting(
      text='folder with leftImg8bit/ and gtFine/; only read')
  data_dir: str = settings_lib.setting(
      text='folder for JPEGImages/ and segcls/; list lines start from here')
  list_dir: str = settings_lib.setting(
      'dataset/cityscapes', 'folder for the lists')


def prepare(config):
  """Writes the masks and lists of Cityscapes.

  Args:
    config: a CityscapesConfig.

  Raises:
    InputError: Cityscapes is not there, or a mask of it is missing or damaged.
  """
  images = os.path.join(config.source_dir, 'leftImg8bit')
  splits = [split for split in PUBLISHED
            if os.path.isdir(os.path.join(images, split))]
  if not splits:
    raise InputError(
        f'there is no train/, val/ or test/ in {images}; give --source_dir the '
        'folder where leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip '
        'of https://www.cityscapes-dataset.com were unpacked')
  for split in PUBLISHED:
    if split in splits:
      _prepare_split(config, split)
    else:
      print(f'no {os.path.join(images, split)}: {split}.txt is not written')


def _prepare_split(config, split):
  """Links the images, writes masks and list of one split."""
  folder = os.path.join(config.source_dir, 'leftImg8bit', split)
  names = _find_images(folder)
  dataset_layout.link_folder(
      folder, os.path.join(config.data_dir, 'JPEGImages', split))
  lines = [f'/JPEGImages/{split}/{name}' for name in names]
  if split != 'test':
    _write_masks(config, split, names)
    lines = [f'{line} /segcls/{split}/{os.path.basename(name)}'
             for line, name in zip(lines, names)]
  dataset_layout.write_list(config.list_dir, split, lines)
  dataset_layout.note_size(split, len(names), PUBLISHED[split])


def _find_images(folder):
  """Returns the sorted CITY/X_leftImg8bit.png of a split."""
  names = sorted(
      os.path.relpath(os.path.join(place, name), folder)
      for place, _, found in files.walk(folder) for name in found
      if name.endswith(IMAGE))
  if not names:
    raise InputError(
        f'no CITY/*{IMAGE} in {folder}; unpack leftImg8bit_trainvaltest.zip '
        'again')
  return names


def _write_masks(config, split, names):
  """Writes segcls/SPLIT/."""
  truth, images = (os.path.join(config.source_dir, folder, split)
                   for folder in ('gtFine', 'leftImg8bit'))
  info = dataset_info.get('cityscapes')
  dataset_layout.convert_masks(
      [MaskJob(
          source=os.path.join(truth, name.removesuffix(IMAGE) + MASK),
          image=os.path.join(images, name),
          output=os.path.join(
              config.data_dir, 'segcls', split, os.path.basename(name)))
       for name in names],
      read_annotation, desc=f'Cityscapes {split} masks',
      num_classes=info.num_classes, palette=info.palette)


def read_annotation(path):
  """Reads a file of label ids as i32[H, W] of trainIds, with 255 for ignored.

  Raises:
    InputError: unreadable, or with another label than 0 to 33.
  """
  labels = reading.read_mask(path)
  if labels.max() >= NUM_LABEL_IDS:
    raise InputError(
        f'the mask {path} has the label {labels.max()}; expected ids from 0 to '
        f'{NUM_LABEL_IDS - 1}')
  train_ids = np.full(NUM_LABEL_IDS, 255, np.int32)
  train_ids[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
  return train_ids[labels]
