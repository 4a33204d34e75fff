"""Which devices a stage works on: GPUs, or the parts of a split CPU."""

import tensorflow as tf

from segsort.errors import InputError


def find(config):
  """Returns names of the devices to use: GPUs, or the parts of a split CPU.

  Args:
    config: with strategy, num_gpu and logical_devices.

  Raises:
    InputError: more devices than there are.
  """
  count = 1 if config.strategy == 'one_device' else None
  return _all_devices(config)[:count]


def _all_devices(config):
  """What --num_gpu and --logical_devices ask for."""
  if config.logical_devices:
    split_cpu(config.logical_devices)
    return [f'/cpu:{i}' for i in range(config.logical_devices)]
  gpus = tf.config.list_logical_devices('GPU')
  if config.num_gpu > len(gpus):
    raise InputError(
        f'--num_gpu is {config.num_gpu}, but TensorFlow sees {len(gpus)} GPUs; '
        'ask for fewer, or try it with --logical_devices on the CPU')
  names = [device.name for device in gpus]
  return names[:config.num_gpu or len(names)] or ['/cpu:0']


def split_cpu(count):
  """Makes several devices of the CPU, before TensorFlow starts on it."""
  cpu = tf.config.list_physical_devices('CPU')[0]
  configured = tf.config.get_logical_device_configuration(cpu)
  if configured and len(configured) >= count:
    return
  try:
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * count)
  except RuntimeError as error:
    raise InputError(
        f'--logical_devices {count} comes too late: TensorFlow runs already; '
        'start a new process') from error
