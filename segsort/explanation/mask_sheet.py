"""Masks of regions, groups or classes beside their pictures, to look at."""

import dataclasses
import os

import cv2
import numpy as np

from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.data import visualization
from segsort.errors import InputError
from segsort.explanation import figures
from segsort.explanation import sheet as sheet_lib
from segsort.runs import files
from segsort.runs import settings as settings_lib

IGNORED_COLOR = 235, 235, 235


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskSheetConfig(settings_lib.Settings):
  """Pictures, and folders of masks of them."""

  NOT_NEGATIVE = ('max_images',)

  data_list: str = settings_lib.setting(text='list file: `image ...` a line')
  data_dir: str = settings_lib.setting(
      text='folder that the list lines are relative to')
  mask_dirs: str = settings_lib.setting(
      text='comma-separated folders with masks ID.png, in --data_dir or '
      'absolute, one a column, each with a title if wanted: hed,truth=segcls')
  show: str = settings_lib.setting('', 'comma-separated IDs; empty: the first')
  max_images: int = settings_lib.setting(6, 'so many without --show; 0: all')
  save_path: str = settings_lib.setting(text='PNG to write')

  def check(self):
    """Raises InputError for a number out of range or another file format."""
    super().check()
    if not self.save_path.lower().endswith('.png'):
      raise InputError(
          f'--save_path is {self.save_path}; a PNG is written, name it so')


def draw_masks(config):
  """Draws pictures and their masks, a row a picture.

  A number has one colour in all masks, 255 more has the same; 255 is grey.

  Args:
    config: a MaskSheetConfig.

  Raises:
    InputError: a mask is missing, or of another size than its picture; or two
      pictures have one name.
  """
  examples = image_list.read_list(
      config.data_list, config.data_dir, ('image',))
  image_list.check_names(examples)
  columns = [part.rpartition('=') for part in config.mask_dirs.split(',')]
  folders = [folder for _, _, folder in columns]
  rows = []
  for example in figures.choose(examples, config):
    image = reading.read_image(example.image)
    rows.append([image] + [
        _paint(_read(example, folder, image, config)) for folder in folders])
  sheet, _, _ = sheet_lib.lay_out(
      rows, ['input'] + [title or folder for title, _, folder in columns])
  files.write_png(config.save_path, sheet.pixels)
  print(f'{len(rows)} pictures with {len(folders)} masks each: '
        f'{config.save_path}')


def _read(example, folder, image, config):
  path = os.path.join(config.data_dir, folder, f'{example.name}.png')
  if not os.path.isfile(path):
    raise InputError(f'there is no mask {path}; name a folder in --mask_dirs '
                     'that has one, or other pictures in --show')
  mask = reading.read_mask(path)
  if mask.shape != image.shape[:2]:
    raise InputError(
        f'{path} is {mask.shape[0]}x{mask.shape[1]} (height x width), its '
        f'picture {example.image} {image.shape[0]}x{image.shape[1]}; name '
        'another folder in --mask_dirs')
  return mask


def _paint(mask):
  """Returns u8[h, w, 3] as large as a cell, with the colours of numbers."""
  size = sheet_lib.size_to_fit(mask.shape, sheet_lib.CELL)
  mask = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST)
  colors = visualization.distinct_colors(input_pipeline.IGNORED)
  return np.where((mask == input_pipeline.IGNORED)[..., None], np.uint8(
      IGNORED_COLOR), visualization.colorize(mask, colors))
