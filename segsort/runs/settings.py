"""What a stage's settings are made of: fields that become flags, and checks."""

import dataclasses
import json
import os

import numpy as np

from segsort.errors import InputError


class Size(tuple):
  """Two integers from 0 on, (height, width), typed as `336,336`."""


def parse_size(text):
  """Returns the (height, width) in `336,336`, or in `336` for a square.

  Raises:
    InputError: anything else.
  """
  try:
    numbers = [int(part) for part in text.split(',')]
  except ValueError:
    numbers = []
  if len(numbers) not in (1, 2) or min(numbers) < 0:
    raise InputError(
        f'{text!r} is not a size; give height,width in pixels, as 336,336')
  return Size((numbers[0], numbers[-1]))


PARSERS = {Size: parse_size}


def setting(default=dataclasses.MISSING, text='', choices=None):
  """A dataclass field that becomes a flag; without a default it is required."""
  return dataclasses.field(
      default=default, metadata={'help': text, 'choices': choices})


def fixed(value):
  """A field without a flag, for config.json and for what a stage shares."""
  return dataclasses.field(
      default=value, metadata={'help': '', 'choices': None, 'fixed': True})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """What all stages share: nothing but the checks of single values."""

  # Fields that must be positive, and those that must not be negative.
  POSITIVE = (
      'batch_size', 'num_steps', 'iter_size', 'embedding_dim', 'num_clusters',
      'concentration', 'k_in_nearest_neighbors', 'learning_rate',
      'save_pred_every', 'update_tb_every', 'max_to_keep', 'max_segments',
      'worker_timeout', 'num_shards')
  NOT_NEGATIVE = (
      'num_classes', 'kmeans_iterations', 'num_banks', 'weight_decay',
      'momentum', 'power', 'random_seed', 'batch_norm_decay', 'num_gpu',
      'logical_devices', 'repeats', 'location_weight', 'color_weight',
      'vote_balance', 'vote_concentration', 'classifier_weight')
  # Those that may be infinite.
  INFINITE = ()
  # Masks have 8 bits, of which 255 is ignored; random seeds have 31.
  BELOW = {'batch_norm_decay': 1, 'num_classes': 256, 'random_seed': 2**31}

  @classmethod
  def complete(cls, values):
    """Returns {field: value} of flags with what follows from them."""
    return values

  def check(self):
    """Raises InputError for a number out of range."""
    for name, value in vars(self).items():
      if isinstance(value, float) and not np.isfinite(value) and (
          name not in self.INFINITE or np.isnan(value)):
        raise InputError(f'--{name} is {value}; it must be a finite number')
      if name in self.POSITIVE and not value > 0:
        raise InputError(f'--{name} is {value}; it must be above 0')
      if name in self.NOT_NEGATIVE and not value >= 0:
        raise InputError(f'--{name} is {value}; it must be 0 or more')
      if name in self.BELOW and not value < self.BELOW[name]:
        raise InputError(
            f'--{name} is {value}; it must be below {self.BELOW[name]}')
    if min(getattr(self, 'input_size', (1,))) < 1:
      raise InputError('--input_size is 0; it must be above 0')


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrecisionSettings(Settings):
  """How a network's products are rounded."""

  tensor_float_32: bool = setting(
      False, 'lets GPUs from Ampere on multiply float32 with 10 bits of '
      'mantissa: faster, but TensorFlow can allow it only as a whole, so some '
      'per cent of the k-means labels move as well')


def run_folder(restore_from):
  """Returns the folder of a checkpoint: itself, or that of a prefix."""
  if os.path.isdir(restore_from):
    return restore_from
  return os.path.dirname(restore_from)


def check_same(before, config, names, folder):
  """Compares a run's settings with those that it goes on with.

  Args:
    before: dict of the settings of the run so far.
    config: those of now.
    names: of settings that a run cannot change; some are of one kind of
      training.
    folder: of the run, for the message.

  Raises:
    InputError: one of them differs.
  """
  for name in names:
    now = getattr(config, name, None)
    now = list(now) if isinstance(now, tuple) else now
    if before.get(name, now) != now:
      raise InputError(
          f'{folder} was trained with --{name} {before[name]}, not {now}: '
          'repeat its command to go on, name another --snapshot_dir, or start '
          'anew with --overwrite (the scripts: OVERWRITE=1)')


def read_run(folder, beside='the checkpoint',
             instead='--backbone, --head and --embedding_dim'):
  """Returns the settings in a folder's config.json; {} if there is none.

  Args:
    folder: that may have one.
    beside: what it was written beside, for the message.
    instead: the flags that can be given in its place.

  Raises:
    InputError: it is not one of this project's.
  """
  path = os.path.join(folder, 'config.json')
  if not os.path.exists(path):
    return {}
  try:
    with open(path, encoding='utf-8') as file:
      return dict(json.load(file)['settings'])
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise InputError(
        f'cannot read {path}, written beside {beside}: it is not a '
        f'config.json of this project ({error}); move it away and give '
        f'{instead}') from error


def inherit(settings, config_class, names, folder, beside, instead):
  """Returns those settings of a config.json that have one of the names.

  Args:
    settings: of `read_run`.
    config_class: of the stage that takes them.
    names: of its fields.
    folder: of the config.json, for the message,
    beside: what it was written beside, and
    instead: the flags that can be given in its place.

  Raises:
    InputError: one has a value that the flag does not take.
  """
  try:
    return {field.name: _checked(field, settings[field.name])
            for field in dataclasses.fields(config_class)
            if field.name in names and field.name in settings}
  except ValueError as error:
    raise InputError(
        f'cannot use {folder}/config.json, written beside {beside}: '
        f'{error}; mend it, or move it away and give {instead}') from error


def _checked(field, value):
  """Returns a value that the flag could have given; else a ValueError."""
  choices = field.metadata['choices']
  if not isinstance(value, field.type) or (choices and value not in choices):
    raise ValueError(f'{field.name} is {value!r}')
  return value
