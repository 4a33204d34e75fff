"""A network without weights, and embeddings of windows summed by hand."""

import closeness
import numpy as np
import tensorflow as tf

from network import layers
from segsort.data.dataset_info import PIXEL_MEAN

# What the twins' network does to each eighth pixel: 3 colours to 4 numbers.
MIX = np.array([[1, .5, -.3, 0], [0, 1, .4, -.8], [-.6, 0, 1, 1]], np.float32)


def eighth_pixels(images, training):
  """Stands for a network of output stride 8."""
  assert not training
  return tf.einsum('bhwc,cd->bhwd', tf.cast(images[:, ::8, ::8], tf.float32),
                   MIX)


def unit(vectors):
  """f64 vectors of unit length; zero stays zero."""
  vectors = np.asarray(vectors, np.float64)
  lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
  return vectors / np.where(lengths > 1e-6, lengths, 1)


def subtract_mean(image):
  """f32 pixels around 0."""
  return (image - np.array(PIXEL_MEAN)).astype(np.float32)


def windows(pixels, window, ends):
  """(top, left, raw embeddings) of each window of the padded picture.

  Args:
    pixels: f32[H, W, 3].
    window: (height, width).
    ends: (bottoms, rights), computed by hand.
  """
  size = np.maximum(pixels.shape[:2], window)
  padded = np.zeros([*size, 3], np.float32)
  padded[:pixels.shape[0], :pixels.shape[1]] = pixels
  for bottom in ends[0]:
    for right in ends[1]:
      seen = padded[bottom - window[0]:bottom, right - window[1]:right]
      raw = layers.resize_bilinear(eighth_pixels(seen[None], False), window)
      yield bottom - window[0], right - window[1], raw[0].numpy()


def embed(image, window, ends):
  """f64[H, W, D] of u8[H, W, 3]: raw sums of windows, then unit length."""
  height, width = image.shape[:2]
  total = np.zeros([max(height, window[0]), max(width, window[1]), 4])
  for top, left, raw in windows(subtract_mean(image), window, ends):
    total[top:top + window[0], left:left + window[1]] += raw
  return unit(total[:height, :width])


def locations(height, width):
  """f64[H, W, 2]: row / H and column / W."""
  return np.stack(np.meshgrid(np.arange(height) / height,
                              np.arange(width) / width, indexing='ij'), -1)


def cluster(embeddings, places, taking_part, number, iterations, clear=False):
  """Spherical k-means of one image, from a grid of number x number.

  `clear` asserts that no label hangs on rounding.
  """
  features = unit(np.concatenate([unit(embeddings), places], -1))
  height, width = taking_part.shape
  cells = -(-height // number), -(-width // number)
  rows, columns = np.indices(taking_part.shape)
  labels = rows // cells[0] + -(-height // cells[0]) * (columns // cells[1])
  labels[~taking_part] = -1
  for _ in range(iterations):
    sums = np.array([features[labels == k].sum(0) for k in range(number**2)])
    cosines = features @ unit(sums).T
    cosines[..., ~sums.any(-1)] = -9
    labels = np.where(taking_part, cosines.argmax(-1), -1)
    if clear:
      closeness.leaders(cosines[taking_part], 1)
  return labels
