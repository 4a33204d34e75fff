"""What a training run is made of, and where it starts or goes on."""

import keras
import tensorflow as tf

import network
from network.segsort import memory_bank
from segsort import checkpoint
from segsort import optimizer as optimizer_lib
from segsort import settings
from segsort.errors import InputError, warn


class TrainState:
  """All that a run needs to go on: weights, momentum, bank and step.

  Attributes:
    model: the Keras network.
    variables: its variables by name.
    optimizer: an `optimizer.Momentum`.
    bank: a `memory_bank.MemoryBank`.
    loss_scale: an `optimizer.LossScale`.
    step: i64[] variable, updates done.
  """

  def __init__(self, config):
    """Builds everything from a `config.TrainConfig`, seeded.

    Under a strategy's scope, the variables are those of all its devices.
    """
    keras.utils.set_random_seed(config.random_seed)
    self.model = network.build_embedding_model(
        config.backbone, config.head, config.embedding_dim,
        batch_norm_decay=config.batch_norm_decay,
        head_batch_norm_decay=min(config.batch_norm_decay, .99),
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1)
    if config.freeze_batch_norm:
      network.freeze_batch_norm(self.model)
    self.variables = network.named_variables(self.model)
    self.optimizer = optimizer_lib.Momentum(self.variables, config.momentum)
    self.loss_scale = optimizer_lib.LossScale(config.mixed_precision)
    self.bank = memory_bank.MemoryBank(
        config.num_banks,
        config.batch_size * config.iter_size * config.num_clusters ** 2,
        config.embedding_dim)
    if config.frozen_bank:
      self.bank.freeze([config.random_seed, 0])
    self.step = tf.Variable(
        0, dtype=tf.int64, trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)

  def tensors(self):
    """Returns every variable of the run by its name in a checkpoint."""
    slots = {f'{name}/Momentum': slot
             for name, slot in self.optimizer.slots.items()}
    bank = {'memory_bank/prototypes': self.bank.prototypes,
            'memory_bank/labels': self.bank.labels}
    return {**self.variables, **slots, **bank, **self.loss_scale.variables,
            checkpoint.STEP: self.step}

  def assign(self, tensors, path):
    """Takes over a checkpoint of the same run, exactly.

    Raises:
      InputError: it holds other names or shapes.
    """
    own = self.tensors()
    for name in sorted(own.keys() ^ tensors.keys()):
      raise InputError(
          f'{path} and this run differ in {name}: settings changed since? '
          'Repeat the original command, or start anew with --overwrite')
    for name, variable in own.items():
      if variable.shape != tensors[name].shape:
        raise InputError(
            f'{path} holds {name} as {tensors[name].shape}, this run as '
            f'{variable.shape}; repeat the original command, or start anew '
            'with --overwrite')
      variable.assign(tensors[name])


# Settings that a run cannot change when it goes on.
SAME_RUN = (
    'backbone', 'head', 'embedding_dim', 'num_clusters', 'num_banks',
    'frozen_bank', 'batch_size', 'iter_size', 'input_size', 'random_seed',
    'data_list', 'dataset', 'num_classes', 'ignore_label', 'mixed_precision',
    'kmeans_iterations', 'location_weight', 'concentration', 'weight_decay',
    'batch_norm_decay', 'freeze_batch_norm', 'grouped', 'restore_from',
    'not_restore_classifier', 'method')


def start_or_resume(state, config):
  """Brings a new state to where its run stands.

  Args:
    state: a `TrainState`.
    config: the run's `config.TrainConfig`.

  Returns:
    True if the run is finished and there is nothing to do.

  Raises:
    InputError: a checkpoint that does not fit, or none where one is named.
  """
  if config.overwrite:
    _start(state, config)  # first: it may fail, or read this very folder
    checkpoint.keep_newest(config.snapshot_dir, 0)
    return False
  if checkpoint.steps_in(config.snapshot_dir):
    settings.check_same(
        settings.read_run(config.snapshot_dir), config, SAME_RUN,
        config.snapshot_dir)
  for step in reversed(checkpoint.steps_in(config.snapshot_dir)):
    path = checkpoint.checkpoint_path(config.snapshot_dir, step)
    try:
      tensors = checkpoint.load(path)
    except checkpoint.DamagedError as error:
      warn(f'{error}; trying the one before')
      continue
    if step >= config.num_steps:
      print(f'{config.snapshot_dir} is finished (step {step} of '
            f'{config.num_steps}); --overwrite trains it anew')
      return True
    state.assign(tensors, path)
    print(f'resumed from {path}')
    return False
  _start(state, config)
  return False


def _start(state, config):
  """Takes the weights of --restore_from, or those it was built with."""
  if not config.restore_from:
    print('no --restore_from: training from scratch')
    return
  path = checkpoint.resolve(config.restore_from)
  checkpoint.assign_weights(
      state.variables, checkpoint.load(path), path, skip=config.skip,
      skip_head=config.not_restore_classifier)
