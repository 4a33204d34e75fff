"""Segment sorting, with a classifier of pixels beside it if one is wanted.

The head's last convolution then gives the embedding and, from the same hidden
layer, a logit a class; cross-entropy is added to the loss. Both can be read:
by retrieval, and by `inference.py --method softmax`.
"""

import dataclasses

from segsort.data import input_pipeline
from segsort.runs.settings import setting
from segsort.training import softmax_training
from segsort.training import train_step
from segsort.training import training
from segsort.training import training_settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(training_settings.TrainConfig):
  """Training, supervised; of this name for runs that go on."""

  NOT_NEGATIVE = (*training_settings.TrainConfig.NOT_NEGATIVE, 'softmax_weight')

  softmax_weight: float = setting(
      0., 'of the cross-entropy of a classifier on the same head, beside the '
      'loss; 0: no classifier')

  def __post_init__(self):
    """Gives the network a logit for each class."""
    object.__setattr__(
        self, 'classifier', self.classes if self.softmax_weight else 0)


def train_segsort(config):
  """Trains an embedding network from labelled images.

  Args:
    config: a `TrainConfig`.
  """
  training.train_network(
      config, ('image', 'mask'), input_pipeline.supervised_batches,
      joint_loss if config.softmax_weight else train_step.supervised_loss)


def joint_loss(outputs, batch, state, config):
  """Segment sorting plus the classifier's weighted cross-entropy.

  Args:
    outputs: f32[B, h, w, D + C], embeddings and logits from the network.
    batch: as `input_pipeline.supervised_batches` makes it.
    state: a `train_state.TrainState`.
    config: a `TrainConfig`.

  Returns:
    As `train_step.supervised_loss`; the dict has both parts of the loss, too.
  """
  sorting, results = train_step.supervised_loss(
      outputs[..., :config.embedding_dim], batch, state, config)
  cross_entropy, _ = softmax_training.softmax_loss(
      outputs[..., config.embedding_dim:], batch, state, config)
  return sorting + config.softmax_weight * cross_entropy, {
      **results, 'part/sorting': sorting, 'part/cross_entropy': cross_entropy}
