"""Prototypes of annotated segments on disk, as the 2019 release lays them out.

DIR/prototype_features.npy f32[M, D] and DIR/prototype_labels.npy i32[M] are the
release's. Beside them, to find a prototype in its image again:
DIR/prototype_segments.npy SEGMENT[M] and DIR/prototype_images.jsonl, which has
a line for each image of the list: {"image": its path relative to --data_dir,
"prototypes": their number}.
"""

import io
import json
import mmap
import os

import numpy as np

from network.segsort import retrieval
from segsort.errors import InputError, warn
from segsort.runs import files

FEATURES = 'prototype_features.npy'
LABELS = 'prototype_labels.npy'
SEGMENTS = 'prototype_segments.npy'
IMAGES = 'prototype_images.jsonl'

# A segment: the pixels of one k-means cluster that have its majority class.
SEGMENT = np.dtype([
    ('image', '<i4'),  # its line in prototype_images.jsonl, from 0
    ('segment', '<i4'),  # its cluster in that image
    ('label', '<i4'),  # its class
    ('pixels', '<i4'),  # how many
    ('top', '<i4'), ('bottom', '<i4'),  # of its box; the bottom row and the
    ('left', '<i4'), ('right', '<i4')])  # right column are the first outside
ARRAYS = {FEATURES: '<f4', LABELS: '<i4', SEGMENTS: SEGMENT}


def save(folder, features, labels):
  """Writes a prototype set, each file whole or not at all.

  Args:
    folder: made if absent.
    features: f32[M, D], unit length.
    labels: i32[M].
  """
  files.write_array(os.path.join(folder, FEATURES),
                    np.asarray(features, np.float32))
  files.write_array(os.path.join(folder, LABELS), np.asarray(labels, np.int32))


def find(folder):
  """Returns the subfolder `prototypes` of a folder, or itself without one."""
  inner = os.path.join(folder, 'prototypes')
  return inner if os.path.isdir(inner) else folder


def is_finished(folder):
  """Whether a folder has a whole set: features come last."""
  return os.path.isfile(os.path.join(folder, FEATURES))


def paths(folder):
  """Every path of a set, finished or not; the features' first."""
  return [os.path.join(folder, name + suffix)
          for name in (*ARRAYS, IMAGES) for suffix in ('', '.partial')]


def release_paths(folder):
  """Returns the paths of features and labels; `folder` as `load` takes it."""
  return [os.path.join(find(folder), name) for name in (FEATURES, LABELS)]


def npy_header(dtype, shape):
  """Returns the bytes that numpy writes before an array in C order."""
  header = io.BytesIO()
  np.lib.format.write_array_header_1_0(header, {
      'descr': np.lib.format.dtype_to_descr(np.dtype(dtype)),
      'fortran_order': False, 'shape': shape})
  return header.getvalue()


def load_segments(folder):
  """Reads which segments the prototypes of a finished set are.

  Args:
    folder: as `load` takes it.

  Returns:
    SEGMENT[M], mapped from the file, and a list of the images' paths.

  Raises:
    InputError: missing or damaged files; sets of the 2019 release have none.
  """
  folder = find(folder)
  segments = _load(folder, SEGMENTS)
  path = os.path.join(folder, IMAGES)
  lines = files.read_bytes(path, 'list of images').split(b'\n')[:-1]
  try:
    images = [json.loads(line)['image'] for line in lines]
  except (ValueError, KeyError, TypeError) as error:
    raise InputError(f'{path} is damaged ({error!r}); extract again') from error
  if segments.dtype != SEGMENT or segments.ndim != 1:
    raise InputError(
        f'{folder}/{SEGMENTS} is no array of segments; extract again')
  return segments, images


def load(folder, embedding_dim, num_classes):
  """Reads a prototype set and checks that it fits.

  Args:
    folder: that holds the two files, or whose subfolder `prototypes` does.
    embedding_dim: D.
    num_classes: C.

  Returns:
    features f32[M, D], mapped from the file, and labels i32[M].

  Raises:
    InputError: missing or damaged files, another dimension, unequal lengths,
      no rows, rows that are not finite, labels outside 0..C-1.
  """
  folder = find(folder)
  features, labels = (_load(folder, name) for name in (FEATURES, LABELS))
  shapes = f'{features.shape} features and {labels.shape} labels in {folder}'
  if features.ndim != 2 or labels.shape != features.shape[:1]:
    raise InputError(f'{shapes} do not belong together; extract them again')
  if features.shape[1] != embedding_dim:
    raise InputError(
        f'the prototypes in {folder} have {features.shape[1]} dimensions, the '
        f'network embeds in {embedding_dim}; extract them with this network')
  if not len(labels):
    raise InputError(f'no prototypes in {folder}; extract them again')
  _check_finite(features, os.path.join(folder, FEATURES))
  if labels.min() < 0 or labels.max() >= num_classes:
    raise InputError(
        f'{folder}/{LABELS} holds labels {labels.min()} to {labels.max()}, '
        f'but there are {num_classes} classes; check --num_classes')
  return features.astype(np.float32, copy=False), labels.astype(np.int32)


def rows_in_parts(features):
  """Iterates over f32[M, D] in parts of bounded size.

  Args:
    features: an array, or a mapped file, whose pages are given back after
      each part: they would be counted as memory of this process.

  Yields:
    The index of a part's first row, and the part.
  """
  for first in range(0, len(features), retrieval.CHUNK):
    yield first, features[first:first + retrieval.CHUNK]
    if isinstance(features.base, mmap.mmap) and hasattr(mmap, 'MADV_DONTNEED'):
      features.base.madvise(mmap.MADV_DONTNEED)


def _check_finite(features, path):
  """Raises where rows are not finite; says how many, and which is first."""
  bad, first = 0, None
  for start, rows in rows_in_parts(features):
    wrong = np.flatnonzero(~np.isfinite(rows).all(1))
    bad += len(wrong)
    if first is None and len(wrong):
      first = start + wrong[0]
  if bad:
    raise InputError(
        f'{path} holds {bad} rows that are not finite, the first {first} of '
        f'{len(features)}; extract again')


def _load(folder, name):
  """Maps one array."""
  path = os.path.join(folder, name)
  try:
    return np.load(path, 'r', allow_pickle=False)
  except (OSError, ValueError, EOFError) as error:
    raise InputError(
        f'cannot read the prototypes {path}: {error}; '
        + _how_to_mend(folder)) from error


def check_any(images, data_list):
  """Raises InputError where no image has a prototype.

  Args:
    images: dicts of `prototypes`, their number.
    data_list: the images' list, for the message.
  """
  if not any(image['prototypes'] for image in images):
    raise InputError(
        f'no prototypes: every pixel of every mask in {data_list} is '
        'ignored; check the masks and --ignore_label')


def summary(images, folder):
  """The line that says what a set has; arguments as `check_any`."""
  counts = [image['prototypes'] for image in images]
  return (f'{sum(counts)} prototypes of {sum(map(bool, counts))} images: '
          f'{folder}')


def clamp_neighbours(num_neighbours, num_prototypes):
  """Returns k, or all prototypes with a warning where there are fewer."""
  if num_neighbours <= num_prototypes:
    return num_neighbours
  warn(f'--k_in_nearest_neighbors is {num_neighbours}, but there are only '
       f'{num_prototypes} prototypes: all of them vote')
  return num_prototypes


def _how_to_mend(folder):
  """What to do about a set that cannot be read."""
  if os.path.exists(os.path.join(folder, f'{FEATURES}.partial')):
    return ('their extraction has not finished: give its command again, it '
            'goes on where it was')
  if any(name.startswith('shard-') for name in _names(folder)):
    return ('there are only shards: finish them all, then run '
            'pyscripts/merge_prototypes.py')
  return 'run pyscripts/extract_prototypes.py or mend --prototype_dir'


def _names(folder):
  """What is in a folder; nothing if it is none."""
  return os.listdir(folder) if os.path.isdir(folder) else []
