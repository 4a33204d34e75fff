"""One device, several, or several machines: who does which part of a batch.

A global batch of B images is spread over the replicas in order: replica r of R
takes images r * B/R up to (r + 1) * B/R. What the replicas tell each other is
`Replicas`; with it the sum of their losses is the loss of the global batch, to
1e-7, and that of their gradients its gradient, to 4e-6.
"""

import json
import os

import tensorflow as tf

from network.segsort import loss as loss_lib
from segsort.errors import InputError
from segsort.runs import devices
from segsort.training import rendezvous

STRATEGIES = 'one_device', 'mirrored', 'multi_worker'


class Replicas:
  """Gathers and sums over all replicas; see `network.segsort.loss.Alone`.

  Use it inside `strategy.run`. Gradients flow back through `gather`.

  Attributes:
    index: of this replica among all.
    count: of all replicas.
  """

  def __init__(self):
    self._context = tf.distribute.get_replica_context()
    self.index = self._context.replica_id_in_sync_group
    self.count = self._context.num_replicas_in_sync

  def gather(self, prototypes, classes):
    """Returns all replicas' f32[S, D], i32[S] and the first row of its own."""
    # Replicas have unequal numbers of segments; own rows begin after theirs.
    sizes = self._context.all_gather(tf.shape(classes), 0)
    first = tf.gather(tf.cumsum(sizes, exclusive=True), self.index)
    return (self._context.all_gather(prototypes, 0),
            self._context.all_gather(classes, 0), first)

  def total(self, count):
    """Returns the sum of a tensor over the replicas."""
    return self._context.all_reduce(tf.distribute.ReduceOp.SUM, count)


def replicas():
  """Returns what the replica that asks has for company."""
  if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
    return Replicas()
  return loss_lib.ALONE


def make_strategy(config):
  """Makes the strategy that a training run asks for.

  Args:
    config: a `training_settings.TrainConfig`.

  Returns:
    A tf.distribute.Strategy.

  Raises:
    InputError: more devices than there are, a batch that they cannot share
      equally, a TF_CONFIG that is no cluster, or workers that do not answer.
  """
  if config.strategy == 'multi_worker':
    strategy = _multi_worker(config)
  else:
    names = devices.find(config)
    strategy = (tf.distribute.get_strategy() if len(names) == 1
                else tf.distribute.MirroredStrategy(names))
  count = strategy.num_replicas_in_sync
  workers = share_of(strategy)[1]
  local = len(strategy.extended.worker_devices) if workers > 1 else count
  if count != local * workers:
    raise InputError(
        f'this worker has {local} of the {count} devices of {workers} workers; '
        'all must have the same number: hide the others with '
        'CUDA_VISIBLE_DEVICES')
  if config.batch_size % count:
    raise InputError(
        f'--batch_size {config.batch_size} cannot be shared equally by {count} '
        f'devices; give a multiple of {count}')
  print(f'training on {count} device{"s" * (count > 1)}, '
        f'{config.batch_size // count} images each')
  return strategy


def _multi_worker(config):
  """Joins the workers that TF_CONFIG names."""
  text = os.environ.get('TF_CONFIG', '')
  try:
    cluster = json.loads(text)
    workers, index = cluster['cluster']['worker'], cluster['task']['index']
    if not 0 <= index < len(workers):
      raise ValueError(f'no worker {index} among {len(workers)}')
  except (ValueError, KeyError, TypeError) as error:
    raise InputError(
        f'TF_CONFIG is {text!r}, not a cluster ({error!r}); set it to '
        '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
        '"worker", "index": 0}}, the index counting the hosts') from error
  if config.logical_devices:
    devices.split_cpu(config.logical_devices)
  rendezvous.meet(workers, index, config.worker_timeout)
  try:
    return tf.distribute.MultiWorkerMirroredStrategy()
  except (RuntimeError, tf.errors.OpError) as error:
    raise InputError(
        f'the workers {", ".join(workers)} did not all answer: '
        f'{str(error).splitlines()[0]}; start the same command on each, with '
        'its own index') from error


def is_chief(strategy):
  """Whether this process writes what all would write alike."""
  resolver = strategy.cluster_resolver
  return resolver is None or not resolver.task_type or resolver.task_id == 0


def share_of(strategy):
  """Returns (index, count) of this process's share of a global batch."""
  resolver = strategy.cluster_resolver
  if resolver is None or not resolver.task_type:
    return 0, 1
  return resolver.task_id, len(resolver.cluster_spec().as_dict()['worker'])


def spread(strategy, batch):
  """Cuts this process's part of a batch for its replicas.

  Args:
    strategy: of `make_strategy`.
    batch: a dict of tensors [B / processes, ...].

  Returns:
    A dict of what `strategy.run` takes.
  """
  if strategy.num_replicas_in_sync == 1:
    return batch
  local = len(strategy.extended.worker_devices)

  def cut(tensor):
    parts = tf.split(tensor, local)
    return strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group % local])
  return {name: cut(tensor) for name, tensor in batch.items()}
