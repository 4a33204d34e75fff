"""What the workers of a training must agree on, and when one is lost."""

import contextlib

import tensorflow as tf

from segsort.errors import InputError
from segsort.training import distribution


def make_agreement(strategy):
  """Returns a function bool -> bool: whether any process says so.

  All processes must call it together; alone, it returns what it is told.
  """
  if distribution.share_of(strategy)[1] == 1:
    return bool

  def total(flag):
    flag = tf.identity(flag)  # a copy on each device
    return distribution.replicas().total(flag)

  @tf.function
  def add(flag):
    return strategy.run(total, (flag,))

  def agree(flag):
    count = add(tf.constant(float(flag)))
    return float(strategy.experimental_local_results(count)[0]) > 0
  return agree


@contextlib.contextmanager
def explained(config):
  """Says what TensorFlow errors of a step mean to the user.

  Args:
    config: a `training_settings.TrainConfig`.

  Raises:
    InputError: a worker left, or the memory is full.
  """
  try:
    yield
  except tf.errors.OpError as error:
    raise explain(error, config) or error from None


def explain(error, config):
  """Returns the InputError that a TensorFlow error means, or None.

  Args:
    error: a tf.errors.OpError.
    config: a `training_settings.TrainConfig`.
  """
  first = str(error).splitlines()[0]
  if isinstance(error, tf.errors.ResourceExhaustedError):
    return InputError(
        f'out of memory ({first}); lower --batch_size and raise --iter_size by '
        'the same factor, or lower --input_size')
  if config.strategy == 'multi_worker' and isinstance(error, (
      tf.errors.UnavailableError, tf.errors.AbortedError,
      tf.errors.CancelledError, tf.errors.DeadlineExceededError,
      tf.errors.InternalError, tf.errors.UnknownError)):
    return InputError(
        f'a worker has left the training, or failed ({first}); look at the '
        'output of each, then start the same command on all: it goes on from '
        f'the last checkpoint in {config.snapshot_dir}')
  return None


def check_same_start(strategy, step, config):
  """Raises InputError where the workers would start at different steps.

  Args:
    strategy: of `make_strategy`.
    step: int, updates done as this process sees them.
    config: a `training_settings.TrainConfig`.
  """
  if distribution.share_of(strategy)[1] == 1:
    return

  @tf.function
  def gather(step):
    return strategy.run(
        lambda step: tf.distribute.get_replica_context().all_gather(
            tf.identity(step)[None], 0), (step,))

  steps = strategy.experimental_local_results(gather(tf.constant(step)))[0]
  if len(set(steps.numpy().tolist())) > 1:
    raise InputError(
        f'the workers would start at the steps {steps.numpy().tolist()}; they '
        f'must see the same {config.snapshot_dir}: mend the shared folder')
