"""The losses of a batch and the training step (arXiv:1910.06962).

`supervised_loss` is the paper's loss from embeddings to a number;
`make_train_step` takes it to an update of all variables, on any number of
replicas.
"""

import tensorflow as tf

from network import layers
from network.segsort import clustering
from network.segsort import loss as loss_lib
from network.segsort import prototypes as prototypes_lib
from segsort.data import input_pipeline
from segsort.training import accumulation
from segsort.training import distribution
from segsort.training import optimizer as optimizer_lib


def supervised_loss(embeddings, batch, state, config):
  """The loss of one batch with labels (arXiv:1910.06962).

  Args:
    embeddings: f32[B, h, w, D], raw, from the network.
    batch: as `input_pipeline.supervised_batches` makes it.
    state: a `train_state.TrainState`; only its bank is read.
    config: a `training_settings.TrainConfig`.

  Returns:
    loss f32[], this replica's part, and a dict of what else was computed:
    embeddings f32[B, h, w, D] of unit length, labels and segment_labels
    i32[B, h, w], prototypes f32[S, D], prototype_classes i32[S] and
    num_segments, empty_clusters i32[].
  """
  num_clusters = config.num_clusters ** 2
  embeddings = clustering.normalize(embeddings)
  size = tf.shape(embeddings)[1:3]
  labels = _shrink(batch['labels'], size)
  # Resized like the labels, by the release's rule: they stay one pixel's.
  locations = layers.resize_nearest(batch['locations'], size)
  cluster_labels = loss_lib.cluster_batch(
      embeddings, config.location_weight * locations,
      _shrink(batch['grid_labels'], size),
      tf.not_equal(labels, input_pipeline.IGNORED),
      num_clusters=num_clusters, iterations=config.kmeans_iterations)
  static_shape = None
  if config.jit_compile:
    images = embeddings.shape[0]
    static_shape = (images * num_clusters, config.classes,
                    images * config.max_segments)
  loss, prototypes, classes, segment_labels = loss_lib.segsort_loss(
      embeddings, cluster_labels, labels, concentration=config.concentration,
      bank=state.bank.read(config.jit_compile),
      replicas=distribution.replicas(), static_shape=static_shape)
  return loss, {
      'embeddings': embeddings, 'labels': labels, 'prototypes': prototypes,
      'prototype_classes': classes, 'segment_labels': segment_labels,
      **_count_segments(cluster_labels, labels, config)}


def unsupervised_loss(embeddings, batch, state, config):
  """The loss of one batch of oversegmented images (arXiv:1910.06962).

  Arguments and results as `supervised_loss`, the batch from
  `input_pipeline.unsupervised_batches`. With `config.grouped` its regions are
  groups over all images, else the release's: each is like itself alone.
  """
  embeddings = clustering.normalize(embeddings)
  regions = _shrink(batch['oversegmentation'], tf.shape(embeddings)[1:3])
  if config.grouped:
    regions = tf.where(regions == input_pipeline.IGNORED, -1, regions)
  room = None
  if config.jit_compile:
    room = embeddings.shape[0] * config.max_segments
  loss, prototypes, classes, segment_labels = (
      loss_lib.unsupervised_segsort_loss(
          embeddings, regions, concentration=config.concentration,
          bank=state.bank.read(config.jit_compile),
          replicas=distribution.replicas(), grouped=config.grouped,
          max_segments=room))
  num_segments = tf.reduce_max(segment_labels) + 1  # this replica's
  if room is not None:  # more than there is room for, maybe
    _, _, num_segments = loss_lib.compact_regions(
        loss_lib.number_regions(regions), room)
  return loss, {
      'embeddings': embeddings, 'labels': regions, 'prototypes': prototypes,
      'prototype_classes': classes, 'segment_labels': segment_labels,
      'num_segments': num_segments, 'empty_clusters': tf.constant(0)}


def _shrink(labels, size):
  """Returns i32[B, h, w]: every eighth label of i32[B, H, W]."""
  return layers.resize_nearest(labels[..., None], size)[..., 0]


def _count_segments(cluster_labels, labels, config):
  """How many segments there are, and clusters without a pixel."""
  num_clusters = cluster_labels.shape[0] or tf.shape(cluster_labels)[0]
  num_clusters *= config.num_clusters ** 2
  _, _, num_segments = prototypes_lib.compact_segments(
      # Room for one: their number is counted whatever the room.
      cluster_labels, labels, num_clusters, config.classes, 1)
  members = tf.math.unsorted_segment_sum(
      tf.ones_like(cluster_labels), cluster_labels, num_clusters)
  return {'num_segments': num_segments,
          'empty_clusters': tf.math.count_nonzero(members == 0)}


def gradients_of(state, config, loss_of_embeddings, batch):
  """The gradient of one batch, multiplied by the loss scale.

  Args:
    state: a `train_state.TrainState`.
    config: a `training_settings.TrainConfig`.
    loss_of_embeddings: `supervised_loss` or `unsupervised_loss`.
    batch: a dict of tensors.

  Returns:
    This replica's gradients of the loss without the weight penalty, and what
    `loss_of_embeddings` returns.
  """
  with tf.GradientTape() as tape:
    embeddings = state.embed(batch)
    loss, results = loss_of_embeddings(embeddings, batch, state, config)
    scaled = loss * state.loss_scale.value
  return tape.gradient(scaled, state.optimizer.variables), loss, results


def update(state, config, gradients, loss, results):
  """Applies gradients, stores the segments and counts the step.

  Args:
    state: a `train_state.TrainState`, which changes.
    config: a `training_settings.TrainConfig`.
    gradients: as `gradients_of` returns them, with
    loss: f32[] and
    results: a dict.

  Returns:
    A dict of f32[] metrics, the same on all replicas but for most_segments.
  """
  replicas = distribution.replicas()
  scale = state.loss_scale.value
  # Summed before they are looked at: all replicas apply or skip them.
  gradients = replicas.total([gradient / scale for gradient in gradients])
  loss = replicas.total(loss)
  # After the sum, in which it would count once a replica.
  penalty, gradients = optimizer_lib.add_weight_penalty(
      state.variables, config.weight_decay, gradients)
  rate = optimizer_lib.polynomial_decay(
      config.learning_rate, state.step, config.num_steps, config.power)
  applied = state.loss_scale.apply(state.optimizer, gradients, rate)
  if state.loss_weights:
    state.loss_weights.apply(
        replicas.total(results['loss_weights_gradient']), rate, applied > 0)
  # After the loss has read it: a batch is never in its own bank.
  stored = _store_segments(state, config, results)
  state.step.assign_add(1)
  return {
      f'{config.LOSS}_loss': loss, 'weight_penalty': penalty,
      'total_loss': loss + penalty, 'learning_rate': rate,
      'gradient_norm': tf.where(
          applied > 0, tf.linalg.global_norm(gradients), 0.),
      'skipped_updates': 1. - applied, **stored, **_parts(results)}


def _parts(results):
  """What a loss is made of, f32[] metrics: results that are named part/."""
  replicas = distribution.replicas()
  return {name.removeprefix('part/'): replicas.total(value)
          for name, value in results.items() if name.startswith('part/')}


def _store_segments(state, config, results):
  """Puts a batch's segments into the bank; returns metrics f32[] of them."""
  if 'prototypes' not in results:  # of a loss that has none
    return {}
  replicas = distribution.replicas()
  state.bank.enqueue(
      results['prototypes'], results['prototype_classes'],
      seed=[config.random_seed, tf.cast(state.step, tf.int32)])
  images = config.batch_size * config.iter_size

  def per_image(count):
    return tf.cast(replicas.total(count), tf.float32) / images
  return {
      'segments_per_image': per_image(results['num_segments']),
      'most_segments': results['num_segments'],
      'empty_clusters': per_image(results['empty_clusters']),
      'bank_fill': state.bank.fill_fraction()}


def make_train_step(state, config, loss_of_embeddings, strategy=None):
  """Returns the compiled update of all variables.

  Args:
    state: a `train_state.TrainState`; the step changes it.
    config: a `training_settings.TrainConfig`.
    loss_of_embeddings: `supervised_loss` or `unsupervised_loss`.
    strategy: a tf.distribute.Strategy; that in scope if None.

  Returns:
    A function of a list of `iter_size` batches, giving a dict of scalar
    metrics and the other results (of each replica).
  """
  strategy = strategy or tf.distribute.get_strategy()

  def compiled(function):
    return tf.function(
        lambda *arguments: strategy.run(function, arguments),
        reduce_retracing=True, jit_compile=config.jit_compile or None)

  if config.iter_size > 1:
    return accumulation.make_train_step(
        state, config, loss_of_embeddings, update, compiled)

  def train_step(batches):
    batch, = batches
    gradients, loss, results = gradients_of(
        state, config, loss_of_embeddings, batch)
    return update(state, config, gradients, loss, results), results
  return compiled(train_step)
