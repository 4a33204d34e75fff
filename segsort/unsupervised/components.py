"""An embedding without training: principal components of a backbone's features.

A backbone that learned from ImageNet tells the things in photographs apart, of
classes that it never saw as well. Its features have hundreds of channels, most
of them alike; the first components of all images keep what differs, and their
cosines sort segments as a trained embedding's do.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

import network
from network import components
from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.checkpoints import starting_weights
from segsort.checkpoints.network_settings import ModelSettings
from segsort.data import image_list
from segsort.data import preprocessing
from segsort.data import reading
from segsort.data.dataset_flags import DataSettings
from segsort.errors import InputError, warn
from segsort.inference import embedding
from segsort.inference import feature_cache
from segsort.inference import inference_settings
from segsort.runs import folder_lock
from segsort.runs import progress
from segsort.runs import run_record
from segsort.runs.settings import PrecisionSettings, Size, fixed, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitConfig(
    DataSettings, ModelSettings, inference_settings.CacheSettings,
    PrecisionSettings):
  """A backbone, images to fit the head to, and where the network goes."""

  snapshot_dir: str = setting(text='folder for the network')
  restore_from: str = setting(
      '', 'weights of the backbone: a checkpoint, imagenet, a .weights.h5 or '
      '.keras file; a .keras backbone has its own')
  skip: str = setting(
      '', 'comma-separated parts of checkpoint names that may be missing or '
      'left over')
  head: str = fixed('components')
  embedding_dim: int = setting(64, 'components')
  # Finer than in training: every image is divided by its own contours alone.
  num_clusters: int = setting(
      8, 'k-means starts from a grid of this many rows and columns')
  input_size: Size = setting(Size((336, 336)), 'window, height,width')
  whiten: bool = setting(
      False, 'scale all components to the same variance, so that small '
      'differences count as much as large ones')
  overwrite: bool = setting(False, 'replace a network that is there')


def fit(config):
  """Fits an embedding to images without training; masks are not read.

  Args:
    config: a FitConfig.

  Raises:
    InputError: no images, a backbone that does not fit, fewer channels than
      components, or a network that is there.
  """
  examples = image_list.read_list(config.data_list, config.data_dir)
  with folder_lock.alone(
      config.snapshot_dir, instead='name another --snapshot_dir'):
    if checkpoint.steps_in(config.snapshot_dir) and not config.overwrite:
      raise InputError(
          f'{config.snapshot_dir} has a network; name another --snapshot_dir, '
          'or give --overwrite to replace it')
    model = build_model(config)
    path = checkpoint.checkpoint_path(config.snapshot_dir, 0)
    kept = fit_head(model, examples, config)
    checkpoint.keep_newest(config.snapshot_dir, 0)
    checkpoint.save(path, network.named_variables(model))
    run_record.write_run(
        config.snapshot_dir, config,
        data_list=run_record.digest(config.data_list))
  print(f'{config.embedding_dim} components keep {kept:.1%} of the variance of '
        f'the features of {len(examples)} images: {path}')


def build_model(config):
  """Builds the network, with the backbone's weights."""
  keras.utils.set_random_seed(1)
  network.allow_tensor_float_32(config.tensor_float_32)
  model = backbones.build_model(config)
  if not starting_weights.take(
      model, network.named_variables(model), config, skip_head=True):
    warn('no --restore_from: the components are those of random features')
  return model


def fit_head(model, examples, config):
  """Sets the head of a network to the components of its features.

  Args:
    model: with the head `components`; it is changed.
    examples: list of `image_list.Example`.
    config: a FitConfig.

  Returns:
    The share of the variance that the components keep.

  Raises:
    InputError: fewer channels, or pixels, than components.
  """
  head, = (layer for layer in model.layers
           if layer.name.endswith(components.LAYER))
  mean, covariance, count = moments(
      features_of(model, config), network.view_of(model).stride, examples,
      config)
  if config.embedding_dim > min(len(mean), count - 1):
    raise InputError(
        f'--embedding_dim is {config.embedding_dim}, but there are '
        f'{len(mean)} channels and {count} pixels of features; lower it')
  vectors, variances = principal_components(covariance, config.embedding_dim)
  if config.whiten:
    vectors = vectors / np.sqrt(np.maximum(variances, 1e-12 * variances[0]))
  head.kernel.assign(vectors[None, None])
  head.bias.assign(-mean @ vectors)
  return variances.sum() / np.trace(covariance)


def features_of(model, config):
  """Returns a function of f32[N, H, W, 3] to features f32[N, h, w, C]."""
  if config.cache_features:
    return feature_cache.FeatureCache(model, config.cache_features).look_up
  backbone, _ = network.split(model)
  compute = tf.function(
      lambda batch: backbone(batch, training=False), reduce_retracing=True)
  return lambda batch: compute(tf.constant(batch)).numpy()


def moments(features, stride, examples, config):
  """Mean and covariance of the features of all images, in float64.

  Args:
    features: function of f32[N, H, W, 3] to f32[N, h, w, C].
    stride: pixels between two cells of them.
    examples: list of `image_list.Example`.
    config: a FitConfig.

  Returns:
    f64[C], f64[C, C] and the number of pixels.
  """
  windows = embedding.Embedder(features, config.input_size, config.input_size)
  total, products, count = 0., 0., 0
  for example in progress.track(examples, desc='components', unit='image'):
    image = reading.read_image(example.image)
    for places, batch in windows.batches(preprocessing.subtract_mean(image)):
      for (top, _, left, _), found in zip(places, features(batch.numpy())):
        # Without what pads an image that is smaller than the window.
        rows = -(-(image.shape[0] - top) // stride)
        columns = -(-(image.shape[1] - left) // stride)
        pixels = found[:rows, :columns].reshape(
            -1, found.shape[-1]).astype(np.float64)
        total = total + pixels.sum(0)
        products = products + pixels.T @ pixels
        count += len(pixels)
  mean = total / count
  return mean, products / count - np.outer(mean, mean), count


def principal_components(covariance, count):
  """Returns the first eigenvectors f64[C, count] and their variances.

  Each has the sign that makes its largest entry positive, the same everywhere.
  """
  variances, vectors = np.linalg.eigh(covariance)  # ascending
  vectors, variances = vectors[:, :-count - 1:-1], variances[:-count - 1:-1]
  largest = vectors[np.abs(vectors).argmax(0), np.arange(count)]
  return vectors * np.sign(largest), np.maximum(variances, 0)
