"""Training of the contour network on people's contours (BSDS500)."""

import contextlib
import json
import os

import keras
import numpy as np
import tensorflow as tf

from network import contour_model
from segsort.checkpoints import checkpoint
from segsort.contours import contour_examples
from segsort.contours import contour_networks
from segsort.contours import contour_settings
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import folder_lock
from segsort.runs import interruption
from segsort.runs import progress
from segsort.runs import run_record

class ContourRun:
  """All that a training needs to go on.

  Attributes:
    model: the network.
    optimizer: Adam, its rate falling to 0.
    losses: list of floats, one for each step done.
  """

  def __init__(self, config):
    """Builds everything from the settings, seeded."""
    keras.utils.set_random_seed(config.random_seed)
    self.model = contour_networks.build(config)
    self.optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.PolynomialDecay(
            config.learning_rate, config.num_steps), name='adam')
    self.optimizer.build(self.model.trainable_variables)
    self.losses = []

  def variables(self):
    """Returns the variables by their names in a checkpoint."""
    return {variable.path: variable for variable in (
        *self.model.variables, *self.optimizer.variables)}

  def save(self, folder):
    """Writes the checkpoint of the steps done, and keeps the one before."""
    checkpoint.save(
        checkpoint.checkpoint_path(folder, len(self.losses)),
        {**self.variables(), 'losses': np.float32(self.losses)})
    checkpoint.keep_newest(folder, 2, len(self.losses))

  def start(self, folder, config):
    """Takes over the newest checkpoint that can be read, or first weights."""
    if not checkpoint.steps_in(folder):
      contour_networks.start(self.model, config)
      return
    _, path, tensors = checkpoint.load_newest(folder)
    self.losses = tensors.pop('losses', np.zeros(0)).tolist()
    own = self.variables()
    if own.keys() != tensors.keys():
      raise InputError(f'{path} is not of a contour network; give another '
                       '--snapshot_dir, or start anew with --overwrite')
    for name, variable in own.items():
      variable.assign(tensors[name])
    print(f'resumed from {path}')


def train_contours(config):
  """Trains the contour network and writes it for --detector keras.

  Writes SNAPSHOT_DIR/contours.keras, log.json, and eval.txt, a list of the
  images to score it on. What was stopped goes on from its last checkpoint.

  Args:
    config: a `contour_settings.ContourTrainConfig`.

  Raises:
    InputError: data that will not do, or a folder with another run.
  """
  with folder_lock.alone(config.snapshot_dir, instead=(
      'name another --snapshot_dir')):
    _train_alone(config)


def _train_alone(config):
  train, held_out = contour_examples.find_examples(config)
  made_of = contour_settings.digest_of(train, config)
  path = os.path.join(config.snapshot_dir, contour_settings.MODEL)
  if not config.overwrite:
    contour_settings.check_same_run(config, made_of)
    if os.path.exists(path):
      print(f'{path} is finished; --overwrite trains it anew')
      return
  data = list(progress.track(
      (contour_examples.read_example(config.data_dir, name) for name in train),
      total=len(train), desc='reading'))
  if config.overwrite:  # what was there is gone once the rest is right
    checkpoint.keep_newest(config.snapshot_dir, 0)
    with files.writing(path), contextlib.suppress(FileNotFoundError):
      os.remove(path)
  run = ContourRun(config)
  run.start(config.snapshot_dir, config)
  print(f'{run.model.count_params()} parameters; {len(train)} images to learn '
        f'from, {len(held_out)} to score')
  run_record.write_run(config.snapshot_dir, config, data_dir=made_of)
  losses = fit(run, data, config)
  files.write_text(os.path.join(config.snapshot_dir, 'eval.txt'), ''.join(
      f'images/{name}.jpg\n' for name in held_out))
  files.write_text(os.path.join(config.snapshot_dir, 'log.json'),
                   json.dumps(losses))
  save(run.model, path)  # last: it says that the run is finished
  edge = max(1, len(losses) // 10)
  print(f'loss {np.mean(losses[:edge]):.4f} at first, '
        f'{np.mean(losses[-edge:]):.4f} at last: {path}')


def fit(run, data, config):
  """Trains the network to its last step; returns the loss of each.

  Raises:
    InputError: a loss is not finite.
    SystemExit: stopped by a signal, after saving.
  """
  model, optimizer = run.model, run.optimizer

  @tf.function
  def step(images, targets):
    with tf.GradientTape() as tape:
      loss = contour_model.balanced_cross_entropy(
          model(images, training=True), targets)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply(gradients, model.trainable_variables)
    return loss

  first = len(run.losses)
  with interruption.Signals() as signals:
    for number in (steps := progress.track(
        range(first, config.num_steps), initial=first, total=config.num_steps,
        desc='training')):
      rng = np.random.default_rng([config.random_seed, number])
      run.losses.append(float(step(*contour_examples.draw_batch(
          data, config, rng))))
      if not np.isfinite(run.losses[-1]):
        raise InputError(
            f'step {number}: the loss is {run.losses[-1]}; lower '
            '--learning_rate')
      steps.set_postfix(loss=f'{run.losses[-1]:.4f}', refresh=False)
      stopped = signals.came()
      done = number + 1
      if (stopped or done % config.save_pred_every == 0
          or done == config.num_steps):
        run.save(config.snapshot_dir)
      if stopped and done < config.num_steps:
        signals.leave(config.snapshot_dir, done)
  return run.losses


def save(model, path):
  """Writes a .keras file, whole or not at all."""
  # Keras takes the format from the suffix.
  partial = f'{path}.{os.getpid()}.partial.keras'
  try:
    model.save(partial)
    os.replace(partial, path)
  except OSError as error:
    raise InputError(f'cannot write {path}: {error}; free the disk') from error
