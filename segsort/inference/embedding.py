"""Pictures of any size through a trained network, window by window."""

import math

import numpy as np
import tensorflow as tf

import network
from network import layers
from network.segsort import clustering
from network.segsort import patches as patches_lib
from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.data import preprocessing
from segsort.inference import feature_cache

# A batch of windows: 2**20 pixels of 32 channels are 128 MB a tensor.
PIXELS_AT_ONCE = 2**20
MAX_WINDOWS = 16


def restore_model(config):
  """Builds a network with its weights.

  Also sets how the process multiplies, by --tensor_float_32.

  Args:
    config: an `inference_settings.RestoredSettings`.

  Returns:
    A keras.Model, or with --cache_features what embeds images likewise. Of a
    network with a classifier it gives the embedding or, by --method, the logits
    alone; with --classifier_weight both.
  """
  network.allow_tensor_float_32(config.tensor_float_32)
  backbones.check_content(config)
  model = backbones.build_model(config)
  path = checkpoint.resolve(config.restore_from)
  checkpoint.assign_weights(
      network.named_variables(model), checkpoint.load(path), path,
      skip=config.skip)
  if config.classifier and not config.classifier_weight:
    size = config.embedding_dim
    model = network.take_channels(
        model, *((0, size) if config.method == 'segsort'
                 else (size, size + config.classifier)))
  if getattr(config, 'cache_features', ''):
    return feature_cache.FeatureCache(model, config.cache_features)
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
    model: the network, as it was given.
    window: (height, width) that the network sees.
    strides: (height, width) between two windows.
    windows_spec: of a batch of them.
    answer: compiled function, f32[N, H, W, 3] of window size to what the
      network answers, f32[N, h, w, D].
    embed_windows: the same to raw embeddings of all pixels, f32[N, H, W, D].
  """

  def __init__(self, model, window, strides):
    """Takes the Keras model, the window and the strides, (height, width)."""
    self.model = model
    self.window = tuple(window)
    self.strides = tuple(strides)
    self.windows_spec = tf.TensorSpec([None, *self.window, 3])
    # One graph for any number of windows: another one, with that number known,
    # is optimised otherwise and rounds otherwise.
    self.answer = tf.function(
        lambda windows: tf.cast(
            self.model(windows, training=False), tf.float32),
        input_signature=[self.windows_spec])
    self.embed_windows = tf.function(
        lambda windows: layers.resize_bilinear(
            self.answer(windows), self.window),
        input_signature=[self.windows_spec])

  def batches(self, image):
    """Cuts an image into windows, as many at once as `windows_at_once` says.

    Args:
      image: f32[H, W, 3], mean-subtracted; padded with 0 at the bottom and
        right where it is smaller than the window.

    Yields:
      A list of places (top, bottom, left, right) in the padded image, and
      f32[N, h, w, 3], their pixels.
    """
    padding = [max(want - have, 0)
               for want, have in zip(self.window, image.shape)]
    image = tf.pad(image, [[0, padding[0]], [0, padding[1]], [0, 0]])
    places = windows_of(image.shape[:2], self.window, self.strides)
    step = windows_at_once(self.window)
    for first in range(0, len(places), step):
      batch = places[first:first + step]
      yield batch, tf.stack([
          image[top:bottom, left:right] for top, bottom, left, right in batch])

  def windows(self, image):
    """Embeds the windows of an image.

    Args:
      image: as for `batches`.

    Yields:
      (top, bottom, left, right) in the padded image, and raw embeddings
      f32[h, w, D] of that window.
    """
    for places, pixels in self.batches(image):
      yield from zip(places, tf.unstack(self.embed_windows(pixels)))

  def patches(self, image):
    """Embeds an image of any size, at the network's resolution.

    Args:
      image: u8[H, W, 3] RGB.

    Returns:
      `patches.Patches`: raw embeddings, summed where windows overlap.
    """
    places, answers = [], []
    for batch, pixels in self.batches(preprocessing.subtract_mean(image)):
      places += batch
      answers.append(self.answer(pixels))
    answers = tf.concat(answers, 0)
    # Each once, in their order
    tops, lefts = (list(dict.fromkeys(place[axis] for place in places))
                   for axis in (0, 2))
    rows, columns = answers.shape[1:3]
    answers = tf.reshape(
        answers, [len(tops), len(lefts), rows, columns, answers.shape[-1]])
    answers = tf.reshape(
        tf.transpose(answers, [0, 2, 1, 3, 4]),
        [len(tops) * rows, len(lefts) * columns, answers.shape[-1]])
    return patches_lib.make(
        answers,
        patches_lib.cut_axis(image.shape[0], self.window[0], rows, tops),
        patches_lib.cut_axis(image.shape[1], self.window[1], columns, lefts))

  def embed(self, image):
    """Embeds an image of any size, pixel by pixel.

    Args:
      image: u8[H, W, 3] RGB.

    Returns:
      f32[H, W, D], unit length: raw embeddings summed where windows overlap.
    """
    height, width = image.shape[:2]
    total = None
    for (top, bottom, left, right), raw in self.windows(
        preprocessing.subtract_mean(image)):
      raw = raw[:height - top, :width - left]
      if raw.shape[:2] == (height, width):
        return clustering.normalize(raw)
      if total is None:
        # A variable, for sums in place: at 12 megapixels it has 1.5 GB.
        total = tf.Variable(tf.zeros([height * width, raw.shape[-1]]))
      rows, columns = np.arange(top, bottom), np.arange(left, right)
      pixels = rows[:height - top, None] * width + columns[:width - left]
      total.scatter_add(tf.IndexedSlices(
          tf.reshape(raw, [-1, raw.shape[-1]]), pixels.reshape(-1)))
    _normalize_in_place(total)
    return tf.reshape(total, [height, width, -1])


def take_channels(embedder, size):
  """Returns an `Embedder` to the first `size` of an embedder's channels."""
  return Embedder(
      lambda windows, training: embedder.model(
          windows, training=training)[..., :size],
      embedder.window, embedder.strides)


def windows_at_once(window):
  """How many windows of (height, width) a batch has: memory is bounded."""
  return max(1, min(MAX_WINDOWS, PIXELS_AT_ONCE // (window[0] * window[1])))


def _normalize_in_place(embeddings):
  """Scales a variable f32[P, D] to unit length, some pixels at a time."""
  for first in range(0, embeddings.shape[0], PIXELS_AT_ONCE):
    pixels = tf.range(
        first, min(first + PIXELS_AT_ONCE, embeddings.shape[0]))
    part = clustering.normalize(embeddings.sparse_read(pixels))
    embeddings.scatter_update(tf.IndexedSlices(part, pixels))


def embed_image(embedder, image):
  """Embeds an image and says where its pixels are.

  Args:
    embedder: an `Embedder`.
    image: u8[H, W, 3].

  Returns:
    f32[H, W, D] embeddings of unit length, and f32[H, W, 2] locations.
  """
  return embedder.embed(image), clustering.location_features(*image.shape[:2])


def locate_window(place, size):
  """Cuts a window to the image and says where its pixels are in it.

  Args:
    place: (top, bottom, left, right); it may reach below and right of the
      image, where that is smaller than the window.
    size: (height, width) of the image.

  Returns:
    The place within the image, and f32[h, w, 2] locations.
  """
  top, bottom, left, right = place
  place = top, min(bottom, size[0]), left, min(right, size[1])
  return place, clustering.location_features(*size, window=place)
