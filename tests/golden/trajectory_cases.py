"""c7 and c7b: steps of the optimizer, supervised and unsupervised.

Batch normalisation over two images magnifies rounding from step to step: how
much is measured here, by twins of each trajectory whose weights start off by
rounding errors (`closeness.perturbed`). The release's numbers are one more such
draw, so they may differ from ours by `closeness.FLOORS` times what twins do.
"""

import collections
import dataclasses
import functools

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import memory_bank
from segsort import config as config_lib
from segsort import optimizer as optimizer_lib
from segsort import train_state
from segsort import train_step

import closeness

from golden import weights
from golden.report import EXACT

NUM_STEPS = 6  # of the rate's decay, not of the trajectory


@dataclasses.dataclass(frozen=True)
class Case:
  """How a trajectory is compared.

  Attributes:
    learning_rate: at step 0.
    steps: that are compared.
    twins: trajectories that measure the floor; more where it varies more.
  """
  learning_rate: float
  steps: int
  twins: int


# At the release's rate twins part at step 2, where losses are up to 6e-3 and
# first values of gradients 100 % apart; c7b goes on.
CASES = {'c7': Case(2e-3, 2, 3), 'c7b': Case(1e-4, 5, 2)}
# The smallest errors worth finding, as fractions of a quantity's magnitude; one
# whose bound is larger is not compared. A wrong sign, a term left out, a
# momentum or factor of the head forgotten change gradients and updates by tens
# of percents, and the loss of the next step by some.
DETECTS = {'seg_loss': 1e-2, 'l2_loss': 1e-3, 'lr': 1e-3, 'embedding': .05,
           'grad.norm': .1, 'grad.first8': .5, 'var_after.first8': .5,
           'var_after.mean_std': .5}
# From step 1 on a pixel may fall into another segment, and the rows of a bank
# are no longer in the same places. Of a bank that is not rotated, or of other
# segments, 90 % of the rows are like none of ours; of our twins' at most 2 %.
LIKE, UNLIKE_ROWS = .3, .1


def check_c7(report):
  """Compares trajectories at the release's learning rate."""
  _check(report, 'c7', 'c7_trajectory.npz')


def check_c7b(report):
  """Compares better conditioned trajectories, on the inputs of c7."""
  _check(report, 'c7b', 'c7b_trajectory_lowlr.npz')


def _check(report, case, name):
  outputs = report.fields(name)
  inputs = report.fields('c7_trajectory.npz') if case == 'c7b' else outputs
  runs = {}
  for mode in dict.fromkeys(
      key.split('.')[0] for key in outputs.groups(suffix='.step0.seg_loss')):
    with report.guard(case, mode):
      trajectory = Trajectory(report, case, mode, inputs, outputs)
      runs[trajectory] = trajectory.run(), [
          trajectory.run(np.random.default_rng(seed))
          for seed in range(CASES[case].twins)]
  floors = collections.defaultdict(float)
  for step in range(CASES[case].steps):
    for ours, twins in runs.values():
      for twin in twins:
        _raise(floors, ours[step], twin[step])
    for trajectory, (ours, _) in runs.items():
      with report.guard(case, f'{trajectory.mode}.step{step}'):
        trajectory.compare(step, ours[step], floors)
  for trajectory in runs:
    trajectory.leave_out(CASES[case].steps)
  report.unread(case, outputs.unread())


def _raise(floors, ours, twin):
  """Raises the floors of all kinds to what a step of a twin is off by.

  They are those of all modes and of the steps before as well: chaos only
  grows, and one number may come out equal by chance.
  """
  for key in ours.keys() & twin.keys():
    kind = kind_of(key)
    if kind in DETECTS:
      floors[kind] = max(floors[kind], closeness.error(twin[key], ours[key]))


def kind_of(key):
  """The kind of a quantity, e.g. `grad.norm` of `grad.conv1|weights.norm`."""
  words = key.split('.')
  return '.'.join([words[0], *words[1:][-1:]])


@functools.cache
def _program(restore_from, supervised, batch_size, size, num_banks, dim):
  """A run's state, its values before step 0, and its compiled gradients."""
  config_class = (
      config_lib.TrainConfig if supervised else config_lib.TrainUnsupConfig)
  config = config_class(
      data_list='', data_dir='', snapshot_dir='', batch_size=batch_size,
      input_size=config_lib.Size(size), num_steps=NUM_STEPS,
      num_banks=num_banks, embedding_dim=dim, restore_from=restore_from)
  with weights.built_once():
    state = train_state.TrainState(config)
    train_state.start_or_resume(state, config)
  loss_of_embeddings = (train_step.supervised_loss if supervised
                        else train_step.unsupervised_loss)

  @tf.function
  def gradients_of(batch):
    gradients, loss, results = train_step.gradients_of(
        state, config, loss_of_embeddings, batch)
    penalty, gradients = optimizer_lib.add_weight_penalty(
        state.variables, config.weight_decay, gradients)
    return gradients, loss, penalty, results

  start = {name: np.array(value) for name, value in state.tensors().items()}
  return state, start, gradients_of


class Trajectory:
  """One mode of a case: its steps, and the golden ones.

  Attributes:
    mode: 'shipped' (banks as they are), 'rotated' (banks filled) or 'unsup'.
  """

  def __init__(self, report, case, mode, inputs, outputs):
    """Builds the network.

    Args:
      report: a `report.Report`.
      case: a key of CASES.
      mode: as above.
      inputs: `report.Fields` with `in.*`.
      outputs: `report.Fields` of this case.
    """
    self.mode = mode
    self._report, self._case = report, case
    self._inputs, self._outputs = inputs, outputs
    memory = inputs['in.memory']
    _, batch_size, *size, _ = inputs['in.image'].shape
    self._path = weights.bundle(report, 'pspnet', memory.shape[-1])
    self._state, self._start, self._gradients_of = _program(
        self._path, mode != 'unsup', batch_size, tuple(size), len(memory),
        memory.shape[-1])

  def run(self, rng=None):
    """Takes the steps that are compared.

    Args:
      rng: a numpy Generator, for a twin whose weights start perturbed.

    Returns:
      A list, of each step a dict of golden keys without mode and step, and of
      `prototypes` and `prototype_classes`. Variables are what they have changed
      by since the start: of the values themselves, a wrong update is 1e-4.
    """
    self._state.assign(self._start, self._path)
    if rng:
      for variable in self._state.variables.values():
        variable.assign(closeness.perturbed(variable.numpy(), rng))
    memory, labels = (self._inputs[f'in.{name}']
                      for name in ('memory', 'memory_labels'))
    self._state.bank.prototypes.assign(memory)
    self._state.bank.labels.assign(
        labels if self.mode != 'unsup' else
        np.full_like(labels, memory_bank.EMPTY))
    compared = map(_full_name, self._names(0, 'var_after', '.first8'))
    start = {name: np.float64(self._state.variables[name]) for name in compared}
    return [self._take_step(step, start)
            for step in range(CASES[self._case].steps)]

  def _batch(self, step):
    names = {'image': 'image', 'labels': 'label',
             'grid_labels': 'cluster_label', 'locations': 'loc_feature'}
    if self.mode == 'unsup':
      names = {'image': 'image', 'oversegmentation': 'unsup_cluster_label'}
    batch = {ours: self._inputs[f'in.{theirs}'][step]
             for ours, theirs in names.items()}
    return {name: value[..., 0] if value.shape[-1] == 1 else value
            for name, value in batch.items()}

  def _names(self, step, quantity, suffix):
    return self._outputs.groups(f'{self.mode}.step{step}.{quantity}.', suffix)

  def _take_step(self, step, start):
    gradients, loss, penalty, results = self._gradients_of(self._batch(step))
    rate = optimizer_lib.polynomial_decay(
        CASES[self._case].learning_rate, tf.constant(step, tf.int64), NUM_STEPS,
        .9)
    found = {'seg_loss': loss, 'l2_loss': penalty, 'lr': rate, **{
        name: results.get(name)
        for name in ('embeddings', 'prototypes', 'prototype_classes')}}
    found['embedding'] = found.pop('embeddings')
    by_name = dict(zip(self._state.optimizer.slots, gradients))
    for name in self._names(step, 'grad', '.norm'):
      gradient = np.float64(by_name[_full_name(name)])
      found[f'grad.{name}.norm'] = np.linalg.norm(gradient)
      found[f'grad.{name}.first8'] = gradient.reshape(-1)[:8]
    self._state.optimizer.apply(gradients, rate)
    for name in self._names(step, 'var_after', '.first8'):
      before = start[_full_name(name)]
      after = np.float64(self._state.variables[_full_name(name)])
      for suffix, part in PARTS.items():
        found[f'var_after.{name}.{suffix}'] = part(after) - part(before)
    if self.mode == 'rotated':
      self._state.bank.enqueue(
          results['prototypes'], results['prototype_classes'])
      found['new_memory'] = self._state.bank.prototypes[-1]
      found['new_memory_labels'] = self._state.bank.labels[-1]
    return {key: np.array(value) for key, value in found.items()}

  def compare(self, step, ours, floors):
    """Compares a step with the golden one.

    Args:
      step: its number.
      ours: as `run` returns it.
      floors: of each kind, what twins are off by at most.
    """
    for name in self._outputs.groups(f'{self.mode}.step{step}.'):
      if name.startswith('new_memory'):
        continue
      key = f'{self.mode}.step{step}.{name}'
      golden = self._golden(name, self._outputs[key])
      kind = kind_of(name)
      bound = closeness.FLOORS * floors[kind] + closeness.FLOATS
      if bound > DETECTS[kind]:
        self._report.leave_out(
            self._case, key, f'noise of {bound:.0%} would hide an error')
        continue
      self._report.compare(self._case, key, ours[name], golden, bound)
    if self.mode == 'rotated':
      self._compare_bank(step, ours)

  def _golden(self, name, value):
    """A golden quantity as `run` gives ours."""
    if name == 'embedding':
      return clustering.normalize(value)
    if not name.startswith('var_after'):
      return value
    variable, suffix = name.removeprefix('var_after.').rsplit('.', 1)
    start = np.float64(self._start[_full_name(variable)])
    return value - PARTS[suffix](start)

  def _compare_bank(self, step, ours):
    key = f'{self.mode}.step{step}.new_memory'
    golden, labels = self._outputs[key], self._outputs[f'{key}_labels']
    self._report.unit_length(self._case, key, golden)
    if not step:
      self._report.compare(
          self._case, key, ours['new_memory'], golden, DETECTS['embedding'])
      self._report.compare(
          self._case, f'{key}_labels', ours['new_memory_labels'], labels, EXACT)
      return
    distances = np.linalg.norm(
        golden[:, None] - ours['prototypes'][None], axis=-1)
    same = labels[:, None] == ours['prototype_classes'][None]
    nearest = np.where(same, distances, np.inf).min(-1)
    self._report.row(self._case, f'{key}: share of rows unlike ours',
                     float(np.mean(~(nearest < LIKE))), UNLIKE_ROWS)

  def leave_out(self, first):
    """Names what is not compared: steps from `first` on."""
    steps = [int(step) for step in self._outputs.groups(
        f'{self.mode}.step', '.seg_loss')]
    for step in steps[first:]:
      key = f'{self.mode}.step{step}'
      names = self._outputs.groups(f'{key}.')
      for name in names:
        _ = self._outputs[f'{key}.{name}']
      self._report.leave_out(
          self._case, key, f'{len(names)} quantities after too many steps')


# What the golden files hold of a variable.
PARTS = {'first8': lambda values: values.reshape(-1)[:8],
         'mean_std': lambda values: np.array([values.mean(), values.std()])}


def _full_name(key):
  return f'{weights.BACKBONE}/{key.replace("|", "/")}'
