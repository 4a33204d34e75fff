"""Pictures of any size through a trained network, window by window."""

import math

import numpy as np
import tensorflow as tf

import network
from network import layers
from network.segsort import clustering
from segsort import checkpoint
from segsort import preprocessing


def restore_model(config):
  """Builds the network of a `config.RestoredSettings` with its weights."""
  model = network.build_embedding_model(
      config.backbone, config.head, config.embedding_dim)
  path = checkpoint.resolve(config.restore_from)
  checkpoint.assign_weights(
      network.named_variables(model), checkpoint.load(path), path,
      skip=config.skip)
  return model


def window_ends(size, window, stride):
  """Where windows end along one axis, evenly spread from edge to edge.

  Args:
    size: of the axis, at least `window`.
    window: length of a window.
    stride: the largest step between two windows.

  Returns:
    Integers from `window` to `size`, as the 2019 release spreads them.
  """
  count = math.ceil((size - window) / stride) + 1
  return [int(end) for end in np.linspace(window, size, count)]


def windows_of(size, window, strides):
  """Returns the windows (top, bottom, left, right) of an image, row by row.

  Args:
    size: (height, width), at least the window's.
    window: (height, width).
    strides: (height, width).
  """
  bottoms, rights = (
      window_ends(*axis) for axis in zip(size, window, strides))
  return [(bottom - window[0], bottom, right - window[1], right)
          for bottom in bottoms for right in rights]


class Embedder:
  """A network, compiled for one window size, that embeds whole images.

  Attributes:
    window: (height, width) that the network sees.
  """

  def __init__(self, model, window, strides):
    """Takes the Keras model, the window and the strides, (height, width)."""
    self._model = model
    self.window = tuple(window)
    self._strides = tuple(strides)

  @tf.function(reduce_retracing=True)
  def _embed_window(self, image):
    """f32[H, W, 3] of window size to raw embeddings f32[H, W, D]."""
    embeddings = self._model(image[None], training=False)
    return layers.resize_bilinear(embeddings, self.window)[0]

  def windows(self, image):
    """Embeds the windows of an image one by one.

    Args:
      image: f32[H, W, 3], mean-subtracted; padded with 0 at the bottom and
        right where it is smaller than the window.

    Yields:
      (top, bottom, left, right) in the padded image, and raw embeddings
      f32[h, w, D] of that window.
    """
    padding = [max(want - have, 0)
               for want, have in zip(self.window, image.shape)]
    image = tf.pad(image, [[0, padding[0]], [0, padding[1]], [0, 0]])
    for place in windows_of(image.shape[:2], self.window, self._strides):
      top, bottom, left, right = place
      yield place, self._embed_window(image[top:bottom, left:right])

  def embed(self, image):
    """Embeds an image of any size.

    Args:
      image: u8[H, W, 3] RGB.

    Returns:
      f32[H, W, D], unit length: raw embeddings summed where windows overlap.
    """
    height, width = image.shape[:2]
    total = None
    for (top, bottom, left, right), raw in self.windows(
        preprocessing.subtract_mean(image)):
      if (bottom - top) >= height and (right - left) >= width:
        total = raw
        break
      if total is None:
        total = np.zeros([max(height, self.window[0]),
                          max(width, self.window[1]), raw.shape[-1]],
                         np.float32)
      total[top:bottom, left:right] += raw.numpy()
    return clustering.normalize(total[:height, :width])
