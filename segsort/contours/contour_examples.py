"""What the contour network learns from: BSDS500's images and contours."""

import os

import numpy as np

from segsort.data import reading
from segsort.errors import InputError
from segsort.evaluation import region_files

AGREEMENT = 0.4  # share of people that makes a contour; fewer: left out
HELD_OUT = 5  # every fifth image, where training and evaluation share a split


def find_examples(config):
  """Returns the names SPLIT/ID to learn from, and those to score.

  Raises:
    InputError: no images in a split.
  """
  splits = config.train_splits.split(',')
  train = [name for split in splits
           for name in _names(config.data_dir, split)]
  held_out = _names(config.data_dir, config.eval_split)
  if config.eval_split in splits:
    held_out = held_out[HELD_OUT - 1::HELD_OUT]
  train = [name for name in train if name not in held_out]
  if not (train and held_out):
    raise InputError(
        f'{len(train)} images to learn from and {len(held_out)} to score; '
        'give --train_splits and --eval_split more')
  return train, held_out


def _names(data_dir, split):
  """Sorted SPLIT/ID of the images of a split."""
  folder = os.path.join(data_dir, 'images', split)
  try:
    found = sorted(name for name in os.listdir(folder)
                   if name.endswith('.jpg'))
  except OSError as error:
    raise InputError(
        f'no images in {folder} ({error.strerror}); give --data_dir the folder '
        'of BSDS500\'s images/ and groundTruth/') from error
  return [f'{split}/{name[:-4]}' for name in found]


def read_example(data_dir, name):
  """Reads u8[H, W, 3] and i8[H, W]: 1 contour, 0 none, -1 people disagree."""
  image = reading.read_image(os.path.join(data_dir, 'images', f'{name}.jpg'))
  path = os.path.join(data_dir, 'groundTruth', f'{name}.mat')
  _, people = region_files.read_truth(path)
  share = np.mean(people, 0)
  if share.shape != image.shape[:2]:
    raise InputError(
        f'{path} is of an image of {share.shape} (height, width), not of '
        f'{image.shape[:2]} as images/{name}.jpg')
  targets = np.where(share >= AGREEMENT, 1, np.where(share > 0, -1, 0))
  return image, targets.astype(np.int8)


def draw_batch(data, config, rng):
  """Draws crops, mirrored and turned at random.

  Args:
    data: list of (u8[H, W, 3], i8[H, W]).
    config: a `contour_settings.ContourTrainConfig`.
    rng: a numpy Generator.

  Returns:
    f32[B, h, w, 3] and f32[B, h, w]; images smaller than the crop are padded
    with targets -1.
  """
  height, width = config.input_size
  images = np.zeros((config.batch_size, height, width, 3), np.float32)
  targets = np.full((config.batch_size, height, width), -1, np.float32)
  for row in range(config.batch_size):
    image, target = data[rng.integers(len(data))]
    if rng.random() < .5:
      image, target = image.swapaxes(0, 1), target.T
    top, left = (rng.integers(max(have - want, 0) + 1)
                 for have, want in zip(target.shape, config.input_size))
    part = np.s_[top:top + height, left:left + width]
    image, target = image[part], target[part]
    flip = np.s_[::rng.choice([-1, 1]), ::rng.choice([-1, 1])]
    images[row, :image.shape[0], :image.shape[1]] = image[flip]
    targets[row, :image.shape[0], :image.shape[1]] = target[flip]
  return images, targets
