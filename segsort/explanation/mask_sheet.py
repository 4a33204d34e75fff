"""Masks of regions, groups or classes beside their pictures, to look at."""

import dataclasses
import os

from segsort import config as config_lib
from segsort import files
from segsort import image_list
from segsort import input_pipeline
from segsort import visualization
from segsort.errors import InputError
from segsort.explanation import figures

IGNORED_COLOR = 235, 235, 235


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskSheetConfig(config_lib.Settings):
  """Pictures, and folders of masks of them."""

  NOT_NEGATIVE = ('max_images',)

  data_list: str = config_lib.setting(text='list file: `image ...` a line')
  data_dir: str = config_lib.setting(
      text='folder that the list lines are relative to')
  mask_dirs: str = config_lib.setting(
      text='comma-separated folders in --data_dir with masks ID.png, one a '
      'column, as hed,groups,groups2,segcls')
  show: str = config_lib.setting('', 'comma-separated IDs; empty: the first')
  max_images: int = config_lib.setting(6, 'so many without --show; 0: all')
  save_path: str = config_lib.setting(text='PNG to write')


def draw_masks(config):
  """Draws pictures and their masks, a row a picture.

  A number has one colour in all masks; 255 is grey. Which of two colours of
  regions is which means nothing.

  Args:
    config: a MaskSheetConfig.

  Raises:
    InputError: a mask is missing, or of another size than its picture.
  """
  examples = image_list.read_list(
      config.data_list, config.data_dir, ('image',))
  folders = config.mask_dirs.split(',')
  palette = visualization.distinct_colors(256)
  palette[input_pipeline.IGNORED] = IGNORED_COLOR
  rows = []
  for example in figures.choose(examples, config):
    image = files.read_image(example.image)
    rows.append([image] + [
        visualization.colorize(_read(example, folder, image, config), palette)
        for folder in folders])
  sheet, _, _ = figures.lay_out(rows, ['input', *folders])
  figures.write_small(config.save_path, sheet.pixels)
  print(f'{len(rows)} pictures with {len(folders)} masks each: '
        f'{config.save_path}')


def _read(example, folder, image, config):
  path = os.path.join(config.data_dir, folder, f'{example.name}.png')
  mask = files.read_mask(path)
  if mask.shape != image.shape[:2]:
    raise InputError(
        f'{path} is {mask.shape[0]}x{mask.shape[1]} (height x width), its '
        f'picture {example.image} {image.shape[0]}x{image.shape[1]}; name '
        'another folder in --mask_dirs')
  return mask
