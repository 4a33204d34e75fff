"""Regions of all images to groups of alike ones: classes without labels.

A region alone teaches the network to tell it from all others, those of its own
kind included. A group gives it others to be like: the regions of other images
with its texture, and its colours if those mean anything. Groups are found by
k-means, before training and without labels.
"""

import dataclasses
import os

import numpy as np

from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import progress
from segsort.runs import resumption
from segsort.runs import settings as settings_lib
from segsort.unsupervised import region_looks


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupConfig(settings_lib.Settings):
  """Which regions are grouped, and by what."""

  POSITIVE = 'num_groups', 'num_textons', 'min_pixels'
  NOT_NEGATIVE = 'random_seed', 'color_weight', 'row_weight', 'merge_cost'
  INFINITE = 'merge_cost',
  BELOW = {'num_groups': 256, 'random_seed': 2**31}

  data_list: str = settings_lib.setting(
      text='list file: `image [mask [oversegmentation]]` a line')
  data_dir: str = settings_lib.setting(
      text='folder that the list lines are relative to')
  save_dir: str = settings_lib.setting(
      text='folder in --data_dir for the masks of groups, ID.png')
  save_list: str = settings_lib.setting(
      text='list to write: --data_list with these masks as third column')
  num_groups: int = settings_lib.setting(16, 'kinds of regions')
  num_textons: int = settings_lib.setting(40, 'words that describe a texture')
  color_weight: float = settings_lib.setting(
      1., 'of the colours beside the texture; 0: colours mean nothing')
  row_weight: float = settings_lib.setting(
      0., 'of the row, 0 at the top to 1, beside the texture, where above and '
      'below mean something, as in street scenes')
  merge_cost: float = settings_lib.setting(
      0., 'regions of an image that touch and look alike are described as one '
      "up to this cost, in pixels times squared Hellinger distance (Ward's "
      'criterion); 0: each by itself')
  min_pixels: int = settings_lib.setting(
      30, 'regions with fewer are in no group, and no part of the loss')
  random_seed: int = settings_lib.setting(1, 'of textons and groups')


def group_regions(config):
  """Writes a mask for each image that numbers the group of each region.

  Args:
    config: a GroupConfig.

  Raises:
    InputError: no oversegmentation, or none of --min_pixels; or the folder of
      the masks is not in that of the data.
  """
  examples = read_examples(config)
  looks, sizes, owners = region_looks.describe_regions(examples, config)
  if config.row_weight:
    rows = mean_rows(examples, owners, len(sizes))
    looks = np.concatenate([looks, config.row_weight * rows[:, None]], 1)
  large = sizes >= config.min_pixels
  if not large.any():
    raise InputError(
        f'no region of {config.data_list} has {config.min_pixels} pixels; '
        'lower --min_pixels, or make larger regions by a higher --threshold')
  groups = np.full(len(sizes), input_pipeline.IGNORED)
  groups[large] = region_looks.cluster(
      looks[large], config.num_groups, config.random_seed)[0]
  write_groups(examples, masks_of(examples, groups[owners]),
               groups[large].max() + 1, config)
  counts = np.bincount(groups[large], sizes[large])
  merged = f', merged to {len(sizes)}' if len(sizes) < len(owners) else ''
  print(f'{len(owners)} regions{merged}; {large.sum()} of them in '
        f'{len(counts)} groups of '
        f'{counts.min() / sizes.sum():.1%} to {counts.max() / sizes.sum():.1%} '
        f'of the pixels: {config.save_dir}')


def read_examples(config):
  """Reads the list, and looks whether masks and another list can be written.

  Args:
    config: a GroupConfig.

  Returns:
    A list of `image_list.Example` with oversegmentations.

  Raises:
    InputError: as `group_regions`.
  """
  where = os.path.relpath(config.save_dir, config.data_dir)
  if where.split(os.sep)[0] == '..':
    raise InputError(
        f'--save_dir {config.save_dir} is not in --data_dir '
        f'{config.data_dir}, which list lines are relative to; move it there')
  examples = image_list.read_list(
      config.data_list, config.data_dir, ('image', 'oversegmentation'))
  image_list.check_names(examples)
  check_not_inputs(examples, config)
  files.check_place(config.save_list)
  files.check_place(mask_path(examples[0], config))
  return examples


def check_not_inputs(examples, config):
  """Raises InputError if what is to be written would replace what is read."""
  read = {os.path.realpath(path) for example in examples for path in (
      example.image, example.mask, example.oversegmentation) if path}
  read.add(os.path.realpath(config.data_list))
  written = [('--save_dir', mask_path(example, config))
             for example in examples]
  for flag, path in [*written, ('--save_list', config.save_list)]:
    if os.path.realpath(path) in read:
      raise InputError(f'{flag}: {path} would be overwritten, which '
                       f'{config.data_list} reads; name another')


def mask_path(example, config):
  """Where the mask of groups of an image goes."""
  return os.path.join(config.save_dir, f'{example.name}.png')


def mean_rows(examples, owners, count):
  """Where the described regions are.

  Args:
    examples: list of `image_list.Example`.
    owners: as `region_looks.describe_regions` returns them.
    count: of the described regions.

  Returns:
    f32[count], the mean row of their pixels, 0 at the top to 1.
  """
  sums, sizes = np.zeros(count), np.zeros(count)
  for own in masks_of(examples, owners):
    rows = np.broadcast_to(row_of_pixels(own.shape), own.shape)
    sums += np.bincount(own.ravel(), rows.ravel(), count)
    sizes += np.bincount(own.ravel(), minlength=count)
  return (sums / np.maximum(sizes, 1)).astype(np.float32)


def row_of_pixels(size):
  """Returns f32[H, 1] for (H, W): the row of each pixel, 0 to below 1."""
  return (np.arange(size[0], dtype=np.float32) / size[0])[:, None]


def masks_of(examples, groups):
  """Yields i[H, W], the group of each pixel, of one image after the other.

  Args:
    examples: list of `image_list.Example`.
    groups: i[regions] of all images, in order.
  """
  first = 0
  for example in examples:
    _, regions = region_looks.read_regions(example)
    own = groups[first:first + regions.max() + 1]
    first += len(own)
    yield own[regions]


def write_groups(examples, masks, count, config):
  """Writes the masks, then names for the groups and the list of the masks.

  The list of before goes first: where one is, all masks are of one kind.

  Args:
    examples: list of `image_list.Example`.
    masks: iterable of i[H, W], one for each, of groups or 255.
    count: of groups.
    config: a GroupConfig.
  """
  resumption.remove([config.save_list])
  lines = []
  for example, mask in zip(
      progress.track(examples, desc='writing', unit='image'), masks,
      strict=True):
    path = mask_path(example, config)
    files.write_png(path, mask.astype(np.uint8))
    lines.append(' '.join(
        os.path.relpath(name, config.data_dir)
        for name in (example.image, example.mask or example.image, path)))
  files.write_json(os.path.join(config.save_dir, 'classes.json'), {
      'classes': [{'name': f'group {group}'} for group in range(count)]})
  files.write_text(config.save_list, '\n'.join(lines) + '\n')
