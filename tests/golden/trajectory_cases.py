"""c7 and c7b: steps of the optimizer, supervised and unsupervised."""

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

from golden import weights
from golden.report import EXACT

NUM_STEPS = 6  # of the rate's decay, not of the trajectory
LEARNING_RATE = {'c7': 2e-3, 'c7b': 1e-4}


PENALTY, RATE = 1e-5, 1e-6


@dataclasses.dataclass(frozen=True)
class Tolerances:
  """Of one step: fractions of the largest magnitude of a quantity.

  Attributes:
    loss: of the segment sorting loss.
    norm: of a gradient's norm.
    gradient: of a gradient's first values.
    variable: of a variable's first values.
    moments: of a variable's mean and standard deviation.
    embedding: of unit embeddings, and of prototypes.
  """
  loss: float
  norm: float
  gradient: float
  variable: float
  moments: float
  embedding: float


# About three times what separates the golden numbers from ours, with and
# without oneDNN, whichever is larger: as the noise floor that the golden
# files' README gives for one program under weights times 1 + 2e-7. Batch
# normalisation over two images is chaotic at the release's rate.
TOLERANCES = {
    'c7': (Tolerances(1e-5, 6e-3, 4e-2, 7e-5, 1e-5, 1e-4),
           Tolerances(2e-4, 6e-2, 1.5, 1.2e-3, 6e-5, 7e-3),
           Tolerances(3e-2, 2e-1, 2., 3e-3, 2e-4, 6e-2),
           Tolerances(1e-1, 4e-1, 5., 9e-3, 5e-4, 2e-1),
           Tolerances(1e-1, 5e-1, 5., 1.3e-2, 6e-4, 4e-1)),
    'c7b': (Tolerances(1e-5, 6e-3, 4e-2, 5e-6, 1e-6, 1e-4),
            Tolerances(3e-5, 1.2e-2, 2e-1, 1e-5, 2e-6, 5e-4),
            Tolerances(1e-4, 1.5e-2, 3e-1, 2e-5, 3e-6, 1e-3),
            Tolerances(2e-3, 6e-2, 4e-1, 4e-5, 4e-6, 3e-3),
            Tolerances(1e-3, 5e-2, 1., 6e-5, 5e-6, 4e-3))}
# Embeddings further off than this fall into other segments here and there:
# the rows of a bank are then no longer in the same places.
SAME_SEGMENTS = 2e-2
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
  for mode in dict.fromkeys(
      key.split('.')[0] for key in outputs.groups(suffix='.step0.seg_loss')):
    mode = mode.split('.')[0]
    with report.guard(case, mode):
      Trajectory(report, case, mode, inputs, outputs).check()
  report.unread(case, outputs.unread())


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
  """One mode's steps against the golden ones."""

  def __init__(self, report, case, mode, inputs, outputs):
    """Restores step 0.

    Args:
      report: a `report.Report`.
      case: 'c7' or 'c7b'.
      mode: 'shipped' (banks as they are), 'rotated' (banks filled) or 'unsup'.
      inputs: `report.Fields` with `in.*`.
      outputs: `report.Fields` of this case.
    """
    self._report, self._case, self._mode = report, case, mode
    self._inputs, self._outputs = inputs, outputs
    memory = inputs['in.memory']
    _, batch_size, *size, _ = inputs['in.image'].shape
    self._path = weights.bundle(report, 'pspnet', memory.shape[-1])
    self._state, start, self._gradients_of = _program(
        self._path, mode != 'unsup', batch_size, tuple(size), len(memory),
        memory.shape[-1])
    self._state.assign(start, self._path)
    self._state.bank.prototypes.assign(memory)
    self._state.bank.labels.assign(
        inputs['in.memory_labels'] if mode != 'unsup' else
        np.full_like(inputs['in.memory_labels'], memory_bank.EMPTY))

  def check(self):
    """Takes every step that has golden numbers."""
    for step in self._outputs.groups(f'{self._mode}.step', '.seg_loss'):
      self._check_step(int(step))

  def _batch(self, step):
    names = {'image': 'image', 'labels': 'label',
             'grid_labels': 'cluster_label', 'locations': 'loc_feature'}
    if self._mode == 'unsup':
      names = {'image': 'image', 'oversegmentation': 'unsup_cluster_label'}
    batch = {ours: self._inputs[f'in.{theirs}'][step]
             for ours, theirs in names.items()}
    return {name: value[..., 0] if value.shape[-1] == 1 else value
            for name, value in batch.items()}

  def _check_step(self, step):
    gradients, loss, penalty, results = self._gradients_of(self._batch(step))
    rate = optimizer_lib.polynomial_decay(
        LEARNING_RATE[self._case], tf.constant(step, tf.int64), NUM_STEPS, .9)
    tolerances = TOLERANCES[self._case][min(step, 4)]
    self._compare(step, 'seg_loss', loss, tolerances.loss)
    self._compare(step, 'l2_loss', penalty, PENALTY)
    self._compare(step, 'lr', rate, RATE)
    key = f'{self._mode}.step{step}.embedding'
    if key in self._outputs:
      self._report.compare(
          self._case, key, results['embeddings'],
          clustering.normalize(self._outputs[key]), tolerances.embedding)
    self._check_gradients(step, gradients, tolerances)
    self._state.optimizer.apply(gradients, rate)
    self._check_variables(step, tolerances)
    if self._mode == 'rotated':
      self._check_bank(step, results, tolerances)

  def _compare(self, step, name, ours, tolerance):
    key = f'{self._mode}.step{step}.{name}'
    self._report.compare(
        self._case, key, ours, self._outputs[key], tolerance)

  def _check_gradients(self, step, gradients, tolerances):
    by_name = dict(zip(self._state.optimizer.slots, gradients))
    for name in self._outputs.groups(f'{self._mode}.step{step}.grad.',
                                     '.norm'):
      gradient = np.array(by_name[_full_name(name)])
      norm = float(np.linalg.norm(gradient))
      self._compare(step, f'grad.{name}.norm', norm, tolerances.norm)
      self._compare(step, f'grad.{name}.first8', gradient.reshape(-1)[:8],
                    tolerances.gradient)

  def _check_variables(self, step, tolerances):
    for name in self._outputs.groups(f'{self._mode}.step{step}.var_after.',
                                     '.first8'):
      variable = np.array(self._state.variables[_full_name(name)])
      self._compare(step, f'var_after.{name}.first8',
                    variable.reshape(-1)[:8], tolerances.variable)
      values = np.float64(variable)
      self._compare(step, f'var_after.{name}.mean_std',
                    [values.mean(), values.std()], tolerances.moments)

  def _check_bank(self, step, results, tolerances):
    bank, key = self._state.bank, f'{self._mode}.step{step}.new_memory'
    bank.enqueue(results['prototypes'], results['prototype_classes'])
    golden, labels = self._outputs[key], self._outputs[f'{key}_labels']
    self._report.unit_length(self._case, key, golden)
    if tolerances.embedding < SAME_SEGMENTS:
      self._compare(step, 'new_memory', bank.prototypes[-1],
                    tolerances.embedding)
      self._compare(step, 'new_memory_labels', bank.labels[-1], EXACT)
      return
    distances = np.linalg.norm(
        golden[:, None] - results['prototypes'][None], axis=-1)
    same = labels[:, None] == np.asarray(results['prototype_classes'])[None]
    nearest = np.where(same, distances, np.inf).min(-1)
    self._report.row(self._case, f'{key}: share of rows unlike ours',
                     float(np.mean(~(nearest < LIKE))), UNLIKE_ROWS)


def _full_name(key):
  return f'{weights.BACKBONE}/{key.replace("|", "/")}'
