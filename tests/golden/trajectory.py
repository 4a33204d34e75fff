"""Steps of the optimizer from the golden files' start, on their inputs."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import memory_bank
from segsort.runs import settings as settings_lib
from segsort.training import optimizer as optimizer_lib
from segsort.training import train_state
from segsort.training import train_step
from segsort.training import training_settings

import closeness

from golden import weights

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
# What the golden files hold of a variable.
PARTS = {'first8': lambda values: values.reshape(-1)[:8],
         'mean_std': lambda values: np.array([values.mean(), values.std()])}
# What a step leaves in the banks, and all its segments.
OF_BANKS = 'new_memory', 'new_memory_labels', 'prototypes', 'prototype_classes'


@functools.cache
def _program(restore_from, supervised, batch_size, size, num_banks, dim):
  """A run's state, its values before step 0, and its compiled gradients."""
  config_class = (training_settings.TrainConfig if supervised else
                  training_settings.TrainUnsupConfig)
  config = config_class(
      data_list='', data_dir='', snapshot_dir='', batch_size=batch_size,
      input_size=settings_lib.Size(size), num_steps=NUM_STEPS,
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
    case: a key of CASES.
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
    self.case, self.mode = case, mode
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
      A list, of each step a dict of golden keys without mode and step, with
      those of OF_BANKS if they rotate. Variables are what they have changed by
      since the start: of the values themselves, a wrong update is 1e-4.
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
    compared = map(full_name, self._names(0, 'var_after', '.first8'))
    start = {name: np.float64(self._state.variables[name]) for name in compared}
    return [self._take_step(step, start)
            for step in range(CASES[self.case].steps)]

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
        CASES[self.case].learning_rate, tf.constant(step, tf.int64), NUM_STEPS,
        .9)
    found = {'seg_loss': loss, 'l2_loss': penalty, 'lr': rate}
    if self.mode != 'unsup':
      found['embedding'] = results['embeddings']
    by_name = dict(zip(self._state.optimizer.slots, gradients))
    for name in self._names(step, 'grad', '.norm'):
      gradient = np.float64(by_name[full_name(name)])
      found[f'grad.{name}.norm'] = np.linalg.norm(gradient)
      found[f'grad.{name}.first8'] = gradient.reshape(-1)[:8]
    self._state.optimizer.apply(gradients, rate)
    for name in self._names(step, 'var_after', '.first8'):
      before = start[full_name(name)]
      after = np.float64(self._state.variables[full_name(name)])
      for suffix, part in PARTS.items():
        found[f'var_after.{name}.{suffix}'] = part(after) - part(before)
    if self.mode == 'rotated':
      segments = results['prototypes'], results['prototype_classes']
      self._state.bank.enqueue(*segments)
      found.update(zip(OF_BANKS, (
          self._state.bank.prototypes[-1], self._state.bank.labels[-1],
          *segments)))
    return {key: np.array(value) for key, value in found.items()}

  def golden(self, step, name):
    """Returns the golden quantity of a step, as `run` gives ours.

    Raises:
      KeyError: it is missing.
    """
    value = self._outputs[f'{self.mode}.step{step}.{name}']
    if name == 'embedding':
      return clustering.normalize(value)
    if not name.startswith('var_after'):
      return value
    variable, suffix = name.removeprefix('var_after.').rsplit('.', 1)
    return value - PARTS[suffix](np.float64(self._start[full_name(variable)]))

  def later_steps(self):
    """Returns the steps that are not compared: {number: [name of quantity]}."""
    steps = self._outputs.groups(f'{self.mode}.step', '.seg_loss')
    return {int(step): self._outputs.groups(f'{self.mode}.step{step}.')
            for step in steps if int(step) >= CASES[self.case].steps}


def full_name(key):
  return f'{weights.BACKBONE}/{key.replace("|", "/")}'
