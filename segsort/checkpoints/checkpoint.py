"""Checkpoints `model.ckpt-<step>`: tensors by name, in TensorFlow's bundle.

The names are those of the 2019 release (`resnet_v1_101/conv1/weights`,
`.../Momentum`, `global_step`), so that its checkpoints, TF-Slim's and ours are
read in the same way.
"""

import contextlib
import glob
import math
import os
import re
import tempfile

import tensorflow as tf

from segsort.checkpoints import tf1_checkpoint
from segsort.errors import InputError, warn
from segsort.runs import run_record

STEP = 'global_step'
# First bytes of Keras' files: a zip archive and HDF5.
KERAS_MAGIC = b'PK\x03\x04', b'\x89HDF'
# TensorFlow takes a path with one of them for a pattern, where it reads.
PATTERN = set('*?[]\\')


class DamagedError(InputError):
  """A checkpoint that is there but cannot be read."""


def checkpoint_path(folder, step):
  """Returns the path (a prefix, two files) of a step's checkpoint."""
  return os.path.join(folder, f'model.ckpt-{step}')


def steps_in(folder):
  """Returns the steps of the checkpoints in a folder, ascending."""
  found = glob.glob(os.path.join(glob.escape(folder), 'model.ckpt-*.index'))
  matches = (re.search(r'model\.ckpt-(\d+)\.index$', path) for path in found)
  return sorted(int(match.group(1)) for match in matches if match)


def save(path, tensors):
  """Writes tensors by name; the checkpoint is there whole or not at all.

  Args:
    path: the prefix; files PATH.data-00000-of-00001 and PATH.index.
    tensors: a dict of variables, tensors or arrays.

  Raises:
    InputError: no permission, or a full disk; nothing is left behind.
  """
  partial = f'{path}.{os.getpid()}.partial'
  # The index last: it is what is looked for.
  suffixes = '.data-00000-of-00001', '.index'
  try:
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    # Not tf.train.Checkpoint, which names tensors after Python objects.
    tf.raw_ops.SaveV2(
        prefix=partial, tensor_names=list(tensors),
        shape_and_slices=[''] * len(tensors),
        tensors=[tf.convert_to_tensor(value) for value in tensors.values()])
    for suffix in suffixes:
      os.replace(partial + suffix, path + suffix)
  except (OSError, tf.errors.OpError) as error:
    for left in glob.glob(glob.escape(partial) + '*'):
      os.remove(left)
    raise InputError(
        f'cannot write the checkpoint {path}: {str(error).splitlines()[0]}; '
        'free the disk or mend the permissions; earlier checkpoints are '
        'intact') from error


def keep_newest(folder, count, newest=math.inf):
  """Removes all but the last `count` checkpoints up to step `newest`.

  Later ones, which a run leaves behind that fell back from a damaged
  checkpoint, neither count nor go: they would push out the good ones.
  """
  steps = [step for step in steps_in(folder) if step <= newest]
  for step in steps[:max(len(steps) - count, 0)]:
    # The index first: without it, what a kill leaves is no checkpoint.
    for suffix in ('.index', '.data-00000-of-00001'):
      with contextlib.suppress(FileNotFoundError):  # half of one
        os.remove(checkpoint_path(folder, step) + suffix)


def resolve(restore_from):
  """Returns the checkpoint prefix that a user means.

  Args:
    restore_from: a prefix, one of its files, a single-file (V1) checkpoint, or
      a folder, whose newest checkpoint counts.

  Raises:
    InputError: there is none.
  """
  if os.path.isdir(restore_from):
    steps = steps_in(restore_from)
    if not steps:
      raise InputError(
          f'no model.ckpt-* in the folder {restore_from}; train first, or '
          'mend --restore_from')
    return checkpoint_path(restore_from, steps[-1])
  prefix = prefix_of(restore_from)
  if not (os.path.exists(prefix + '.index') or os.path.isfile(prefix)):
    raise InputError(
        f'no checkpoint at {restore_from} (looked for {prefix}.index and for a '
        'single file); mend --restore_from')
  return prefix


def prefix_of(path):
  """Returns the prefix that a file of a checkpoint has; other paths as given.
  """
  return re.sub(r'\.(index|meta|data-\d+-of-\d+)$', '', path)


def digest(restore_from):
  """Returns a digest of a checkpoint; its index has checksums of all tensors.

  Args:
    restore_from: a prefix, one of its files, a single file, or a folder with
      checkpoints.
  """
  path = prefix_of(restore_from)
  if os.path.isdir(path):
    path = resolve(path)
  return run_record.digest(path, f'{path}.index')


def load(path):
  """Reads all tensors of a checkpoint.

  Args:
    path: a prefix as `resolve` returns it.

  Returns:
    A dict of numpy arrays by name.

  Raises:
    InputError: a file of Keras.
    DamagedError: not a checkpoint, truncated or damaged.
  """
  _refuse_keras(path)
  try:
    with _no_pattern(path) as plain:
      reader = tf.train.load_checkpoint(plain)
      return {name: reader.get_tensor(name)
              for name in sorted(reader.get_variable_to_shape_map())}
  except (tf.errors.OpError, RuntimeError, ValueError, OSError,
          IndexError) as error:  # IndexError: a truncated data file
    raise DamagedError(
        f'cannot read the checkpoint {path}: it is damaged or of another '
        f'format ({str(error).splitlines()[0]}); restore an earlier one '
        'or fetch it again') from error


def load_newest(folder):
  """Loads a folder's newest checkpoint that can be read.

  Returns:
    Its step, its path, and what `load` returns.

  Raises:
    InputError: none of them can be read.
  """
  for step in reversed(steps_in(folder)):
    path = checkpoint_path(folder, step)
    try:
      return step, path, load(path)
    except DamagedError as error:
      warn(f'{error}; trying the one before')
  raise InputError(
      f'none of the checkpoints in {folder} can be read; put a copy of one '
      'there, name another folder, or start anew with --overwrite (the '
      'scripts: OVERWRITE=1)')


@contextlib.contextmanager
def _no_pattern(path):
  """Yields a path to the same checkpoint that is no pattern."""
  if not PATTERN & set(path):
    yield path
    return
  with tempfile.TemporaryDirectory() as folder:
    plain = os.path.join(folder, 'checkpoint')
    for found in (path, *glob.glob(f'{glob.escape(path)}.*')):
      os.symlink(os.path.abspath(found), plain + found.removeprefix(path))
    yield plain


def _refuse_keras(path):
  """Raises InputError for a .keras or .h5 file."""
  if not os.path.isfile(path):
    return
  with open(path, 'rb') as file:
    if file.read(4) in KERAS_MAGIC:
      raise InputError(
          f'{path} is a file of Keras, not a TensorFlow checkpoint; give '
          '--restore_from a model.ckpt-<step> or a TF-Slim .ckpt')


def assign_weights(variables, tensors, path, *, skip='', skip_head=False):
  """Copies a checkpoint's weights into a network and reports what it did.

  Args:
    variables: the network's variables by name.
    tensors: arrays by name, from `load`.
    path: the checkpoint, for messages.
    skip: comma-separated parts of names that may be missing or left over.
    skip_head: leave the head as initialised.

  Returns:
    A `tf1_checkpoint.Match`.

  Raises:
    InputError: a missing, left-over or differently shaped tensor that `skip`
      does not name.
  """
  match = tf1_checkpoint.match_names(variables, tensors, skip_head)
  reason = tf1_checkpoint.explain(
      *match.unexpected(skip), variables, tensors)
  if reason:
    raise InputError(f'the checkpoint {path} {reason}')
  for name in match.used:
    variables[name].assign(tensors[name])
  print(tf1_checkpoint.summary(match, len(variables), path))
  kept = len(match.missing) + len(match.misshapen)
  if kept:
    warn(f'{kept} variables named in --skip keep their initial values')
  return match
