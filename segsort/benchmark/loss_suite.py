"""The supervised loss, k-means included: forward and backward."""

import types

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import memory_bank
from segsort.benchmark import loss_twin
from segsort.benchmark import measure
from segsort.training import train_step
from segsort.training import training_settings


def comparisons():
  """Yields the rows: small and large batches, plain and compiled."""
  for images, size, aim, memory_aim in ((8, 42, 2., None), (16, 60, 3., 2.)):
    config = make_config(images)
    raw, batch, state = make_batch(config, size)
    twin = _differentiated(lambda raw, batch=batch, state=state, config=config:
                           loss_twin.supervised_loss(
                               raw, batch, state.bank.read(), config), raw)
    for compiled in (False, True):
      name = f'loss, batch {images}, {size}x{size}'
      yield measure.Comparison(
          name=name + ', compiled' * compiled,
          ours=_ours(raw, batch, state, config, compiled), twin=twin,
          aim=None if compiled else aim,
          memory_aim=None if compiled else memory_aim)


def make_config(images, **settings):
  """The released recipe with a batch of some images."""
  return training_settings.TrainConfig(**{
      'data_list': '', 'data_dir': '', 'snapshot_dir': '',
      'batch_size': images, **settings})


def make_batch(config, size, blocks=8):
  """Embeddings with regions in them, their labels, and a filled bank.

  Args:
    config: a `training_settings.TrainConfig`.
    size: height and width of the embeddings.
    blocks: regions of one class along each side of an image.

  Returns:
    raw f32[B, size, size, D], a dict as `input_pipeline.supervised_batches`
    makes it, of that size, and what of a `train_state.TrainState` the loss
    reads. An image has 6 classes and some 60 segments, as in an untrained
    network (measured there: 50 to 70), and some ignored pixels.
  """
  rng = np.random.default_rng(0)
  shape = config.batch_size, size, size
  coarse = rng.integers(0, 6, (config.batch_size, blocks, blocks))
  classes = coarse * 3 % config.classes
  cell = np.arange(size) * blocks // size
  labels = classes[:, cell[:, None], cell[None, :]].astype(np.int32)
  labels[:, :, -2:] = 255
  centers = rng.normal(size=(6, config.embedding_dim))
  raw = centers[coarse[:, cell[:, None], cell[None, :]]]
  raw = raw + rng.normal(0, 1.5, (*shape, config.embedding_dim))
  locations = clustering.location_features(size, size)
  grid = clustering.grid_labels(
      size, size, config.num_clusters, config.num_clusters)
  batch = {
      'labels': tf.constant(labels),
      'grid_labels': tf.repeat(grid[None], config.batch_size, 0),
      'locations': tf.repeat(locations[None], config.batch_size, 0)}
  rows = config.batch_size * config.num_clusters ** 2
  bank = memory_bank.MemoryBank(
      config.num_banks, rows, config.embedding_dim)
  for _ in range(config.num_banks):
    bank.enqueue(
        clustering.normalize(rng.normal(size=(rows, config.embedding_dim))),
        tf.constant(rng.choice(np.unique(classes), rows).astype(np.int32)))
  return (tf.constant(raw.astype(np.float32)), batch,
          types.SimpleNamespace(bank=bank))


def _ours(raw, batch, state, config, compiled):
  """Our loss and gradient, as a function without arguments."""
  config = make_config(config.batch_size, jit_compile=compiled)
  return _differentiated(
      lambda raw: train_step.supervised_loss(raw, batch, state, config)[0],
      raw, compiled)


def _differentiated(loss_of, raw, compiled=False):
  """A compiled function of nothing that computes a loss and its gradient."""
  @tf.function(jit_compile=compiled or None)
  def compute(raw):
    with tf.GradientTape() as tape:
      tape.watch(raw)
      loss = loss_of(raw)
    return loss, tape.gradient(loss, raw)

  def work():
    loss, gradient = compute(raw)
    return float(loss), gradient.numpy()
  return work
