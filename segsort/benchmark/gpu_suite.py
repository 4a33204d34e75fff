"""The paper's setting, for a GPU: what segment sorting adds to its network.

ResNet-101 with the PSP head; a training step of 8 crops of 336x336, labelling
an image of 720x720 as a whole, and with scales and mirrors. In float32, with
TensorFloat-32 and in bfloat16, compiled by XLA and not. Each row's twin is the
network alone.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from segsort.benchmark import inference_suite
from segsort.benchmark import measure
from segsort.benchmark import programs
from segsort.benchmark import train_suite
from segsort.checkpoints import backbones
from segsort.data import preprocessing
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import inference_settings
from segsort.inference import labeller as labeller_lib
from segsort.runs import settings as settings_lib
from segsort.training import train_state
from segsort.training import training


def check_device():
  """Raises InputError where there is no GPU."""
  if not tf.config.list_physical_devices('GPU'):
    raise InputError(
        'TensorFlow sees no GPU; install segsort[gpu] and a driver, or run '
        'without --device gpu')


def comparisons(sizes=None):
  """Yields the rows.

  Args:
    sizes: a `programs.Sizes`; the paper's if None.
  """
  sizes = sizes or programs.Sizes()
  for precision, settings in programs.PRECISIONS.items():
    for compiled in (False, True):
      yield _training_row(sizes, precision, settings, compiled)
    yield from _labelling_rows(sizes, precision)
  training.set_numerics(  # as they were
      train_suite.make_config(1, sizes.crop), tf.distribute.get_strategy())


def _training_row(sizes, precision, settings, compiled):
  config = train_suite.make_config(
      sizes.batch_size, sizes.crop, backbone=sizes.backbone, head=sizes.head,
      num_clusters=sizes.num_clusters, num_banks=sizes.num_banks,
      jit_compile=compiled, **settings)
  training.set_numerics(config, tf.distribute.get_strategy())
  state = train_state.TrainState(config)
  return measure.Comparison(
      name=f'step / network, {sizes.batch_size} x {sizes.crop}, {precision}'
      + ', compiled' * compiled,
      ours=train_suite.whole_step(state, config),
      twin=train_suite.network_alone(state, config))


def _labelling_rows(sizes, precision):
  """Labelling in one window, and with all scales and mirrors."""
  rng = np.random.default_rng(0)
  window = (sizes.window,) * 2
  config = inference_settings.InferenceConfig(
      data_list='', data_dir='', restore_from='', save_dir='',
      prototype_dir='', backbone=sizes.backbone, head=sizes.head,
      embedding_dim=sizes.embedding_dim, num_classes=21,
      input_size=settings_lib.Size(window), num_clusters=sizes.num_clusters,
      k_in_nearest_neighbors=sizes.neighbours)
  embedder = embedding.Embedder(
      backbones.build_model(config), window, config.window_strides)
  features = rng.normal(size=(sizes.prototypes, sizes.embedding_dim))
  features /= np.linalg.norm(features, axis=-1, keepdims=True)
  prototypes = (features.astype(np.float32),
                rng.integers(0, 21, sizes.prototypes).astype(np.int32))
  image = inference_suite.draw_image(rng, *window)
  pixels = preprocessing.subtract_mean(image)

  def network_alone():
    for _, windows in embedder.batches(pixels):
      embedder.answer(windows).numpy()
  labeller = labeller_lib.Labeller(embedder, *prototypes, config)
  yield measure.Comparison(
      name=f'labelling / network, {sizes.window}, {precision}',
      ours=lambda: labeller.predict_single(image), twin=network_alone)
  multi = labeller_lib.Labeller(embedder, *prototypes, dataclasses.replace(
      config, scale_aug=True, flip_aug=True))

  def networks_alone():
    for scale in labeller_lib.SCALES:
      for view in multi.views(image, scale)[1]:
        for _, windows in embedder.batches(view):
          embedder.answer(windows).numpy()
  yield measure.Comparison(
      name=f'labelling / network, scales, mirrors, {precision}', repeats=3,
      ours=lambda: multi.predict_multi(image), twin=networks_alone)
