"""The baseline: the same network, classifying each pixel by itself.

The head's last 1x1 convolution gives a logit a class in place of an embedding,
cross-entropy takes the place of segment sorting, and the largest probability
that of retrieval. Network, schedule, augmentation, windows, scales and mirrors
stay, so that the losses can be compared. `--affinity` adds what neighbouring
pixels say of each other (`network/affinity.py`).
"""

import dataclasses

import tensorflow as tf

from network import affinity
from network import layers
from segsort.data import input_pipeline
from segsort.runs.settings import fixed, setting
from segsort.training import distribution
from segsort.training import training
from segsort.training import training_settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSoftmaxConfig(training_settings.TrainConfig):
  """Training of the softmax baseline."""

  LOSS = 'softmax'

  method: str = fixed('softmax')  # for those that read config.json
  affinity: str = setting(
      'none', 'adds affinity losses (arXiv:1803.10335) to the cross-entropy, '
      'at 10^(-step / num_steps): of neighbours, or adaptive, at three '
      'distances that each class weighs', ('none', 'affinity', 'adaptive'))
  embedding_dim: int = fixed(0)  # becomes the number of classes
  # Of segment sorting alone:
  num_clusters: int = fixed(1)
  kmeans_iterations: int = fixed(0)
  concentration: float = fixed(1.)
  num_banks: int = fixed(0)
  max_segments: int = fixed(1)

  def __post_init__(self):
    """Gives the network a channel for each class."""
    object.__setattr__(self, 'embedding_dim', self.classes)


def train_softmax(config):
  """Trains the same network with a 1x1 classifier and cross-entropy."""
  training.train_network(
      config, ('image', 'mask'), input_pipeline.supervised_batches,
      softmax_loss if config.affinity == 'none' else affinity_loss)


def softmax_loss(logits, batch, unused_state, unused_config):
  """Mean cross-entropy of the pixels with a label, at the network's stride.

  Args:
    logits: f32[B, h, w, C], from the network.
    batch: as `input_pipeline.supervised_batches` makes it.

  Returns:
    loss f32[], this replica's part, and a dict for pictures: embeddings, the
    logits; labels i32[B, h, w]; segment_labels i32[B, h, w], the predictions.
  """
  size = tf.shape(logits)[1:3]
  labels = layers.resize_nearest(batch['labels'][..., None], size)[..., 0]
  valid = tf.not_equal(labels, input_pipeline.IGNORED)
  losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
      # Beyond the classes a label is an error on CPUs, NaN on GPUs.
      tf.where(valid, labels, 0), tf.cast(logits, tf.float32))
  num_pixels = distribution.replicas().total(tf.math.count_nonzero(valid))
  loss = tf.math.divide_no_nan(
      tf.reduce_sum(tf.where(valid, losses, 0.)),
      tf.cast(num_pixels, tf.float32))
  return loss, {
      'embeddings': logits, 'labels': labels,
      'segment_labels': tf.argmax(logits, -1, output_type=tf.int32)}


def affinity_loss(logits, batch, state, config):
  """Cross-entropy and affinity losses (arXiv:1803.10335) of a batch.

  Args:
    logits: f32[B, h, w, C], from the network.
    batch: as `input_pipeline.supervised_batches` makes it.
    state: a `train_state.TrainState`; its step and `loss_weights` are read.
    config: a `TrainSoftmaxConfig`.

  Returns:
    As `softmax_loss`. The dict has what the loss is made of as well, for the
    log and without the decay, and the gradient of the loss with respect to
    `loss_weights`, if there are any.
  """
  cross_entropy, results = softmax_loss(logits, batch, state, config)
  labels = results['labels']
  means = affinity.affinity_means(
      tf.nn.softmax(tf.cast(logits, tf.float32)),
      tf.where(tf.equal(labels, input_pipeline.IGNORED), -1, labels),
      len(affinity.DISTANCES) if state.loss_weights else 1,
      distribution.replicas().total)
  decay = 10. ** -(tf.cast(state.step, tf.float32) / config.num_steps)
  if state.loss_weights:
    parts, gradient = affinity.weigh(means, state.loss_weights.value)
    results['loss_weights_gradient'] = decay * gradient
  else:
    parts = tf.reduce_sum(means, [1, 2])
  return cross_entropy + decay * tf.reduce_sum(parts), {
      **results, 'part/cross_entropy': cross_entropy,
      'part/edge_affinity': parts[0], 'part/other_affinity': parts[1]}
