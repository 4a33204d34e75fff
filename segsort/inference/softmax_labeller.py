"""Labels of the softmax baseline: the largest of a network's probabilities."""

import functools

import numpy as np
import tensorflow as tf

from network import layers
from segsort.data import class_masks
from segsort.data import image_list
from segsort.data import preprocessing
from segsort.errors import InputError
from segsort.inference import labeller
from segsort.runs import progress
from segsort.runs import settings as settings_lib

CLASSES_AT_ONCE = 8  # of a map that is resized, which may have gigabytes


class SoftmaxLabeller:
  """Labels images by the class of highest mean probability."""

  def __init__(self, embedder, config):
    """Keeps what all images share.

    Args:
      embedder: an `embedding.Embedder` of a network of `softmax_training`.
      config: an `inference_flags.InferenceFlags`.
    """
    self._embedder = embedder
    self._num_classes = config.classes
    self._weights = None
    if config.vote_balance:
      self._weights = class_frequencies(config) ** -config.vote_balance
    self._scales = labeller.SCALES if config.scale_aug else (1.,)
    self._flips = (False, True) if config.flip_aug else (False,)
    self._classify = tf.function(self._classify_windows, input_signature=[
        embedder.windows_spec])

  def _classify_windows(self, windows):
    """Returns probabilities f32[N, H, W, C] of f32[N, H, W, 3]."""
    return tf.nn.softmax(self._embedder.embed_windows(windows))

  def probabilities(self, image):
    """Mean probabilities of windows, scales and mirrors.

    Args:
      image: u8[H, W, 3].

    Returns:
      f32[H, W, C], which sum to 1. Beside it, memory has one view at a time.
    """
    total = np.zeros((*image.shape[:2], self._num_classes), np.float32)
    # View by view: all of 12 megapixels took 25 GB before their mean.
    for scale in self._scales:
      for flip in self._flips:
        _add_resized(total, self._view(image, scale, flip), flip)
    total /= len(self._scales) * len(self._flips)
    return total

  def predict(self, image):
    """Returns i32[H, W] labels of u8[H, W, 3]."""
    return self._scores(image).argmax(-1).astype(np.int32)

  def predict_in_regions(self, image, regions):
    """Labels each region by the mean of its pixels' probabilities.

    Args:
      image: u8[H, W, 3].
      regions: i32[H, W], 0 or more, with or without gaps.

    Returns:
      i32[H, W].
    """
    scores, pixels = self._scores(image), regions.ravel()
    # Sums: the largest one is that of the mean.
    sums = np.stack([
        np.bincount(pixels, scores[..., label].ravel())
        for label in range(self._num_classes)], -1)
    return sums.argmax(-1).astype(np.int32)[regions]

  def _scores(self, image):
    """Returns f32[H, W, C], probabilities weighed by --vote_balance."""
    scores = self.probabilities(image)
    if self._weights is not None:
      scores *= self._weights  # in place: the map may have gigabytes
    return scores

  def _view(self, image, scale, flip):
    """Probabilities f32[h, w, C] of one scale, of its mirror if `flip`."""
    height, width = image.shape[:2]
    scaled = max(int(height * scale), 1), max(int(width * scale), 1)
    pixels = layers.resize_bilinear(
        preprocessing.subtract_mean(image)[None], scaled)[0]
    if flip:
      pixels = pixels[:, ::-1]
    total = np.zeros((*scaled, self._num_classes), np.float32)
    for places, batch in self._embedder.batches(pixels):
      for (top, bottom, left, right), window in zip(
          places, self._classify(batch).numpy()):
        part = total[top:bottom, left:right]  # ends where the image does
        part += window[:part.shape[0], :part.shape[1]]
    total /= total.sum(-1, keepdims=True)  # windows overlap
    return total


def _add_resized(total, view, flip):
  """Adds f32[h, w, C], mirrored if `flip`, to f32[H, W, C], by some classes."""
  if flip:
    view = view[:, ::-1]
  for first in range(0, view.shape[-1], CLASSES_AT_ONCE):
    classes = slice(first, first + CLASSES_AT_ONCE)
    total[..., classes] += layers.resize_bilinear(
        view[None, ..., classes], total.shape[:2])[0].numpy()


@functools.lru_cache(maxsize=1)  # workers of several devices ask as well
def class_frequencies(config):
  """Shares of the classes in the masks that a network was trained on.

  Args:
    config: an `inference_flags.InferenceFlags`.

  Returns:
    f64[C], 1 for a class that is in none of them.

  Raises:
    InputError: the masks are not there any more, or hold no class.
  """
  trained = settings_lib.read_run(
      settings_lib.run_folder(config.restore_from))
  examples = image_list.read_list(
      trained['data_list'], trained['data_dir'], ('image', 'mask'))
  counts = np.zeros(config.classes, np.int64)
  for example in progress.track(
      examples, desc='class frequencies', unit='mask'):
    labels = class_masks.read(
        example.mask, config.dataset, config.classes,
        trained['ignore_label']).ravel()
    labels = labels[labels != trained['ignore_label']]
    counts += np.bincount(labels, minlength=config.classes)[:config.classes]
  if not counts.any():
    raise InputError(
        f'the masks of {trained["data_list"]}, which --vote_balance weighs '
        'classes by, hold no class; leave --vote_balance out')
  return np.where(counts, counts / counts.sum(), 1.)
