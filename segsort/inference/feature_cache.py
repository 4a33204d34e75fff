"""Features of a backbone that does not learn, kept in a folder.

A head on a frozen backbone trains in a minute once the features are there, and
labelling with other clusters or votes need not wait for the network again.
What is kept goes by content, the network's and the pixels' that it saw: other
weights or pictures have other files, so that nothing can be taken for what it
is not, and a folder serves any number of runs, also at once.
"""

import hashlib
import json
import os

import numpy as np
import tensorflow as tf

import network
from segsort.data import preprocessing
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import progress

VERSION = 1  # counted up when the same weights give other features
# Settings of layers that change no feature of a network that does not learn.
OF_TRAINING = 'name', 'trainable', 'momentum', 'synchronized'


class FeatureCache:
  """A backbone that computes what a folder does not have.

  Attributes:
    head: keras.Model of features f32[N, h, w, C] to embeddings.
    channels: C.
    view: `untouched.View`, how the network sees pictures.
  """

  def __init__(self, model, folder):
    """Takes a model of `network.build_embedding_model` and the folder."""
    self._backbone, self.head = network.split(model)
    self.channels = self.head.input.shape[-1]
    self.view = network.view_of(model)
    self._folder = os.path.join(folder, digest_of(self._backbone))
    # Half precision is the network's own matter: files are of float32.
    self._compute = tf.function(
        lambda images: tf.cast(
            self._backbone(images, training=False), tf.float32),
        input_signature=[tf.TensorSpec([None, None, None, 3])])
    files.check_place(os.path.join(self._folder, 'features'))

  def __call__(self, images, training=False):
    """Embeds f32[N, H, W, 3], mean-subtracted; also within a graph."""
    features = tf.numpy_function(self.look_up, [images], tf.float32)
    features.set_shape([None, None, None, self.channels])
    return self.head(features, training=training)

  def look_up(self, images):
    """Returns features f32[N, h, w, C] of f32[N, H, W, 3]."""
    paths = [self.path_of(image) for image in images]
    found = [read(path) for path in paths]
    absent = [index for index, one in enumerate(found) if one is None]
    if absent:
      computed = self._compute(tf.constant(images[absent])).numpy()
      for index, one in zip(absent, computed):
        files.write_array(paths[index], one)
        found[index] = one
    return np.stack(found)

  def path_of(self, image):
    """Returns the file of f32[H, W, 3]."""
    content = hashlib.blake2b(
        np.ascontiguousarray(image, np.float32), digest_size=16)
    content.update(str(image.shape).encode())
    return os.path.join(self._folder, f'{content.hexdigest()}.npy')


def read(path, mapped=False):
  """Returns the array in a file; None if there is none, or half of one."""
  try:
    return np.load(path, mmap_mode='r' if mapped else None, allow_pickle=False)
  except (OSError, ValueError, EOFError):
    return None


def digest_of(model):
  """Returns a digest of a Keras network, of its layers and weights."""
  total = hashlib.blake2b(f'{VERSION}'.encode(), digest_size=16)
  for layer in model.layers:
    settings = {name: value for name, value in layer.get_config().items()
                if name not in OF_TRAINING}
    total.update(json.dumps(
        [type(layer).__name__, settings], sort_keys=True,
        default=str).encode())
    for variable in layer.variables:
      total.update(np.ascontiguousarray(variable.numpy()))
  return total.hexdigest()


class TrainingFeatures:
  """Features of the images of a list and of their mirrors, for crops.

  Attributes:
    stride: pixels between two cells.
    crop_shape: (h, w, C) of what `crop` returns.
  """

  def __init__(self, cache, examples, crop_size):
    """Computes what is absent.

    Args:
      cache: a `FeatureCache`.
      examples: list of `image_list.Example`.
      crop_size: (height, width), which smaller images are padded to.

    Raises:
      InputError: crops that do not end where cells do, or a network that does
        not take whole images.
    """
    self._paths = []
    self.stride = cache.view.stride
    if cache.view.size:
      raise InputError(
          '--cache_features keeps the features of whole images, but --backbone '
          'takes pictures of one size alone; leave --cache_features out')
    if any(length % self.stride for length in crop_size):
      raise InputError(
          f'--input_size {crop_size[0]},{crop_size[1]} is no multiple of '
          f'{self.stride}, the pixels of a cell of the features, which '
          '--cache_features cuts; give one that is')
    self.crop_shape = (
        *(length // self.stride for length in crop_size), cache.channels)
    for example in progress.track(examples, desc='features', unit='image'):
      image = _pad(reading.read_image(example.image), crop_size)
      views = [image.numpy(), image.numpy()[:, ::-1]]
      paths = [cache.path_of(view) for view in views]
      for view, path in zip(views, paths):
        if read(path, mapped=True) is None:
          cache.look_up(view[None])
      self._paths.append(paths)

  def crop(self, index, mirror, offset):
    """Returns f32[h, w, C] of an image, cut as its crop of pixels is.

    Args:
      index: of the example.
      mirror: whether of the mirrored image.
      offset: (top, left) of the crop in pixels, multiples of `stride`.
    """
    features = read(self._paths[index][int(mirror)], mapped=True)
    if features is None:
      raise InputError(
          f'cannot read {self._paths[index][int(mirror)]}, features of '
          '--cache_features: start again to compute them anew')
    top, left = (value // self.stride for value in offset)
    height, width, _ = self.crop_shape
    return np.array(features[top:top + height, left:left + width])


def _pad(image, size):
  """Returns f32[H, W, 3] of u8[H, W, 3], mean-subtracted, 0 where padded."""
  padding = [[0, max(want - have, 0)] for want, have in zip(size, image.shape)]
  return tf.pad(preprocessing.subtract_mean(image), [*padding, [0, 0]])
