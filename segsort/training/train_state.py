"""What a training run is made of, and where it starts or goes on."""


import keras
import tensorflow as tf

import network
from network import affinity
from network.segsort import memory_bank
from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.checkpoints import network_settings
from segsort.checkpoints import starting_weights
from segsort.errors import InputError, warn
from segsort.runs import resumption
from segsort.runs import settings
from segsort.training import optimizer as optimizer_lib
from segsort.training import run_inputs


class TrainState:
  """All that a run needs to go on: weights, momentum, bank and step.

  Attributes:
    model: the Keras network.
    variables: its variables by name.
    optimizer: an `optimizer.Momentum`.
    bank: a `memory_bank.MemoryBank`.
    loss_scale: an `optimizer.LossScale`.
    loss_weights: an `optimizer.LossWeights` of --affinity adaptive, else None.
    step: i64[] variable, updates done.
  """

  INPUTS = 'image', 'features'

  def __init__(self, config):
    """Builds everything from a `training_settings.TrainConfig`, seeded.

    Under a strategy's scope, the variables are those of all its devices.
    """
    keras.utils.set_random_seed(config.random_seed)
    self.model = backbones.build_model(
        config, batch_norm_decay=config.batch_norm_decay,
        # The release's .99; what is lower is meant for the whole network.
        head_batch_norm_decay=min(config.batch_norm_decay, .99),
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1)
    if config.freeze_backbone:
      network.freeze_backbone(self.model)
    if config.freeze_batch_norm:
      # A new head has no statistics yet: it diverged with those of its start.
      network.freeze_batch_norm(
          self.model, with_head=not starting_weights.has_new_head(
              config, config.not_restore_classifier))
    if config.cache_features:
      self._head = network.split(self.model)[1]
    self.variables = network.named_variables(self.model)
    self.optimizer = optimizer_lib.Momentum(self.variables, config.momentum)
    self.loss_scale = optimizer_lib.LossScale(config.mixed_precision)
    self.loss_weights = None
    if config.affinity == 'adaptive':
      self.loss_weights = optimizer_lib.LossWeights(
          (2, config.classes, len(affinity.DISTANCES)), config.momentum)
    # The release's size, a row a cluster. Where segments are more, clusters
    # straddling classes, `enqueue` draws among them.
    self.bank = memory_bank.MemoryBank(
        config.num_banks,
        config.batch_size * config.iter_size * config.num_clusters ** 2,
        config.embedding_dim)
    if config.frozen_bank:
      self.bank.freeze([config.random_seed, 0])
    self.step = tf.Variable(
        0, dtype=tf.int64, trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)

  def embed(self, batch):
    """Returns raw embeddings f32[B, h, w, D] of a batch, in training mode.

    Args:
      batch: a dict with image f32[B, H, W, 3] or, of a frozen backbone that
        has seen it, features f32[B, h, w, C].
    """
    if 'features' in batch:
      return self._head(batch['features'], training=True)
    return self.model(batch['image'], training=True)

  def split(self, batch):
    """Returns a batch as two dicts: what `embed` takes, and all else."""
    return ({name: batch[name] for name in self.INPUTS if name in batch},
            {name: value for name, value in batch.items()
             if name not in self.INPUTS})

  def tensors(self):
    """Returns every variable of the run by its name in a checkpoint."""
    slots = {f'{name}/Momentum': slot
             for name, slot in self.optimizer.slots.items()}
    bank = {'memory_bank/prototypes': self.bank.prototypes,
            'memory_bank/labels': self.bank.labels}
    of_loss = self.loss_weights.variables if self.loss_weights else {}
    return {**self.variables, **slots, **bank, **self.loss_scale.variables,
            **of_loss, checkpoint.STEP: self.step}

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


# Settings that a run cannot change when it goes on; those that name a file
# count by its content.
SAME_RUN = (
    *network_settings.OF_NETWORK, 'num_clusters', 'num_banks', 'frozen_bank',
    'batch_size', 'iter_size', 'input_size', 'random_seed',
    'data_list', 'dataset', 'num_classes', 'ignore_label', 'mixed_precision',
    'kmeans_iterations', 'location_weight', 'concentration', 'weight_decay',
    'batch_norm_decay', 'freeze_batch_norm', 'freeze_backbone', 'grouped',
    'restore_from', 'not_restore_classifier', 'method', 'affinity')
# Those that it can change, which is told: its record will name the new ones.
TOLD = (
    'num_steps', 'learning_rate', 'power', 'momentum', 'random_mirror',
    'random_scale', 'random_crop', 'random_rotation', 'random_color',
    'cache_features', 'tensor_float_32')


def start_or_resume(state, config):
  """Brings a new state to where its run stands.

  Args:
    state: a `TrainState`.
    config: the run's `training_settings.TrainConfig`.

  Returns:
    True if the run is finished and there is nothing to do.

  Raises:
    InputError: a checkpoint that does not fit, or none where one is named.
  """
  if config.overwrite:
    _start(state, config)  # first: it may fail, or read this very folder
    checkpoint.keep_newest(config.snapshot_dir, 0)
    return False
  if not checkpoint.steps_in(config.snapshot_dir):
    _start(state, config)
    return False
  before = settings.read_run(config.snapshot_dir)
  _check_stage(config)
  same = run_inputs.same_content(config)
  settings.check_same(
      before, config, [name for name in SAME_RUN if name not in same],
      config.snapshot_dir)
  _tell_changes(before, config)
  step, path, tensors = checkpoint.load_newest(config.snapshot_dir)
  if step >= config.num_steps:
    print(f'{config.snapshot_dir} is finished (step {step} of '
          f'{config.num_steps}); --overwrite trains it anew')
    return True
  state.assign(tensors, path)
  print(f'resumed from {path}')
  return False


def _check_stage(config):
  """Raises InputError for a run of another kind, of as many tensors."""
  stage = type(config).__name__
  trained = (resumption.read_run(config.snapshot_dir) or {}).get('stage', stage)
  if trained != stage:
    raise InputError(
        f'{config.snapshot_dir} is a run of {trained}, not {stage}: name '
        'another --snapshot_dir, or start anew with --overwrite (the scripts: '
        'OVERWRITE=1)')


def _tell_changes(before, config):
  """Warns of settings that steps which are done were not made with."""
  if not before:
    warn(f'{config.snapshot_dir} has checkpoints, but no config.json that '
         'tells what of: taken for those of this command')
  for name in TOLD:
    now = getattr(config, name)
    if before.get(name, now) != now:
      warn(f'{config.snapshot_dir} was trained with --{name} {before[name]}, '
           f'which is now {now}: steps that are done are of the former')


def _start(state, config):
  """Takes the weights of --restore_from, or those it was built with."""
  if not starting_weights.take(state.model, state.variables, config,
                               config.not_restore_classifier):
    print('no --restore_from: training from scratch')
    if config.freeze_backbone:
      warn('--freeze_backbone without --restore_from: the head learns from '
           'the features of random weights, which stay')
