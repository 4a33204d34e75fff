"""Training of the contour network on people's contours (BSDS500)."""

import dataclasses
import json
import os

import keras
import numpy as np
import tensorflow as tf
import tqdm

from network import contour_model
from segsort import config as config_lib
from segsort import files
from segsort import region_evaluation
from segsort import run_record
from segsort.errors import InputError

AGREEMENT = 0.4  # share of people that makes a contour; fewer: left out
MODEL = 'contours.keras'
HELD_OUT = 5  # every fifth image, where training and evaluation share a split


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContourTrainConfig(config_lib.Settings):
  """The contour network's training."""

  data_dir: str = config_lib.setting(
      text='folder of images/SPLIT/ID.jpg and groundTruth/SPLIT/ID.mat')
  snapshot_dir: str = config_lib.setting(text='folder for the network')
  train_splits: str = config_lib.setting(
      'train', 'comma-separated splits to learn from')
  eval_split: str = config_lib.setting(
      'val', 'split to score; where it is one of the others, every fifth of '
      'its images is held out')
  batch_size: int = config_lib.setting(4, 'crops a step')
  input_size: config_lib.Size = config_lib.setting(
      config_lib.Size((160, 160)), 'crop, height,width')
  num_steps: int = config_lib.setting(20000, 'updates')
  learning_rate: float = config_lib.setting(1e-3, 'of Adam; falls to 0')
  random_seed: int = config_lib.setting(1, 'of weights, order and crops')


def train_contours(config):
  """Trains the contour network and writes it for --detector keras.

  Writes SNAPSHOT_DIR/contours.keras, log.json, and eval.txt, a list of the
  images to score it on.

  Args:
    config: a ContourTrainConfig.
  """
  train, held_out = find_examples(config)
  keras.utils.set_random_seed(config.random_seed)
  data = list(tqdm.tqdm(
      (read_example(config.data_dir, name) for name in train),
      total=len(train), desc='reading'))
  model = contour_model.build_contour_model()
  print(f'{model.count_params()} parameters; {len(train)} images to learn '
        f'from, {len(held_out)} to score')
  run_record.write_run(config.snapshot_dir, config)
  losses = fit(model, data, config)
  save(model, os.path.join(config.snapshot_dir, MODEL))
  files.write_text(os.path.join(config.snapshot_dir, 'eval.txt'), ''.join(
      f'images/{name}.jpg\n' for name in held_out))
  files.write_text(os.path.join(config.snapshot_dir, 'log.json'),
                   json.dumps(losses))
  edge = max(1, len(losses) // 10)
  print(f'loss {np.mean(losses[:edge]):.4f} at first, '
        f'{np.mean(losses[-edge:]):.4f} at last: '
        f'{os.path.join(config.snapshot_dir, MODEL)}')


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
  image = files.read_image(os.path.join(data_dir, 'images', f'{name}.jpg'))
  path = os.path.join(data_dir, 'groundTruth', f'{name}.mat')
  _, people = region_evaluation.read_truth(path)
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
    config: a ContourTrainConfig.
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


def fit(model, data, config):
  """Trains the network; returns the loss of each step.

  Raises:
    InputError: a loss is not finite.
  """
  optimizer = keras.optimizers.Adam(
      keras.optimizers.schedules.PolynomialDecay(
          config.learning_rate, config.num_steps))
  optimizer.build(model.trainable_variables)

  @tf.function
  def step(images, targets):
    with tf.GradientTape() as tape:
      loss = contour_model.balanced_cross_entropy(
          model(images, training=True), targets)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply(gradients, model.trainable_variables)
    return loss

  rng = np.random.default_rng(config.random_seed)
  losses = []
  progress = tqdm.trange(config.num_steps, desc='training')
  for number in progress:
    losses.append(float(step(*draw_batch(data, config, rng))))
    if not np.isfinite(losses[-1]):
      raise InputError(
          f'step {number}: the loss is {losses[-1]}; lower --learning_rate')
    progress.set_postfix(loss=f'{losses[-1]:.4f}', refresh=False)
  return losses


def save(model, path):
  """Writes a .keras file, whole or not at all."""
  partial = f'{path}.{os.getpid()}.partial.keras'
  try:
    model.save(partial)
    os.replace(partial, path)
  except OSError as error:
    raise InputError(f'cannot write {path}: {error}; free the disk') from error
