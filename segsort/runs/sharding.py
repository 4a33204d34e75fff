"""One list, several processes or devices: who does which images.

Shard i of N takes the i-th of N runs of consecutive images, so that what the
shards append one after the other is what one process appends.
"""

import collections
import concurrent.futures
import dataclasses
import os
import queue

import tensorflow as tf

from segsort.errors import InputError
from segsort.runs import settings as settings_lib


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardSettings(settings_lib.Settings):
  """A part of the list, and the devices for it."""

  num_shards: int = settings_lib.setting(
      1, 'processes that share the list, each with its own --shard_index')
  shard_index: int = settings_lib.setting(
      0, 'of this process, 0 to --num_shards - 1')
  overwrite: bool = settings_lib.setting(
      False, 'start anew where results are already')
  strategy: str = settings_lib.setting(
      'one_device', 'one device, or all GPUs of this machine, an image each',
      ('one_device', 'mirrored'))
  num_gpu: int = settings_lib.setting(
      0, 'GPUs for --strategy mirrored; 0: all')
  logical_devices: int = settings_lib.setting(
      0, 'split the CPU into this many devices, to try several without a GPU')

  def check(self):
    """Raises InputError for a number out of range."""
    super().check()
    if not 0 <= self.shard_index < self.num_shards:
      raise InputError(
          f'--shard_index is {self.shard_index}; it must be 0 to '
          f'{self.num_shards - 1} with --num_shards {self.num_shards}')


def share_of(examples, config):
  """Returns the consecutive part of a list that is this shard's.

  Args:
    examples: of the whole list.
    config: a ShardSettings.

  Raises:
    InputError: there are more shards than images.
  """
  if config.num_shards > len(examples):
    raise InputError(
        f'--num_shards is {config.num_shards}, but there are {len(examples)} '
        'images; give at most as many shards')
  first, last = (len(examples) * index // config.num_shards
                 for index in (config.shard_index, config.shard_index + 1))
  return examples[first:last]


def shard_folder(folder, config):
  """Where a shard keeps a part that only makes a whole when merged."""
  if config.num_shards == 1:
    return folder
  return os.path.join(
      folder, f'shard-{config.shard_index:05d}-of-{config.num_shards:05d}')


def make_workers(devices, make_worker):
  """Makes a worker on each of several devices.

  Args:
    devices: names of devices; a single one is left to TensorFlow.
    make_worker: a function that makes a function of one item.

  Returns:
    A list of functions of one item, that work on their device.
  """
  if len(devices) == 1:
    return [make_worker()]

  def on_device(device):
    with tf.device(device):
      worker = make_worker()

    def work(item):
      with tf.device(device):
        return worker(item)
    return work
  return list(map(on_device, devices))


def map_in_threads(workers, items):
  """Shares items out to workers, a thread for each.

  Images differ in size and are read, cut and voted on by Python code, which the
  replicas of a tf.distribute strategy would run one after the other, in step;
  threads that take the next image when they are through are not held up.

  Args:
    workers: functions of one item; a single one works when it is asked.
    items: an iterable; it is asked for little more than is at work.

  Yields:
    What the workers return, in the order of the items.
  """
  if len(workers) == 1:
    yield from map(workers[0], items)
    return
  idle = queue.SimpleQueue()
  for worker in workers:
    idle.put(worker)

  def work(item):
    worker = idle.get()
    try:
      return worker(item)
    finally:
      idle.put(worker)

  pool = concurrent.futures.ThreadPoolExecutor(len(workers))
  try:
    waiting = collections.deque()
    for item in items:
      waiting.append(pool.submit(work, item))
      if len(waiting) > 2 * len(workers):  # results are as large as images
        yield waiting.popleft().result()
    while waiting:
      yield waiting.popleft().result()
  finally:
    pool.shutdown(cancel_futures=True)
