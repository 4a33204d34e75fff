"""Prototypes of annotated segments on disk, as the 2019 release lays them out.

DIR/prototype_features.npy f32[M, D] and DIR/prototype_labels.npy i32[M].
"""

import os

import numpy as np

from segsort import files
from segsort.errors import InputError, warn

FEATURES = 'prototype_features.npy'
LABELS = 'prototype_labels.npy'


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


def load(folder, embedding_dim, num_classes):
  """Reads a prototype set and checks that it fits.

  Args:
    folder: that holds the two files, or whose subfolder `prototypes` does.
    embedding_dim: D.
    num_classes: C.

  Returns:
    features f32[M, D], labels i32[M].

  Raises:
    InputError: missing or damaged files, another dimension, unequal lengths,
      no rows, rows that are not finite, labels outside 0..C-1.
  """
  if os.path.isdir(os.path.join(folder, 'prototypes')):
    folder = os.path.join(folder, 'prototypes')
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
  if not np.isfinite(features).all():
    raise InputError(
        f'{folder}/{FEATURES} holds rows that are not finite; extract again')
  if labels.min() < 0 or labels.max() >= num_classes:
    raise InputError(
        f'{folder}/{LABELS} holds labels {labels.min()} to {labels.max()}, '
        f'but there are {num_classes} classes; check --num_classes')
  return features.astype(np.float32), labels.astype(np.int32)


def _load(folder, name):
  """Reads one array."""
  path = os.path.join(folder, name)
  try:
    return np.load(path, allow_pickle=False)
  except (OSError, ValueError, EOFError) as error:
    raise InputError(
        f'cannot read the prototypes {path}: {error}; run '
        'pyscripts/extract_prototypes.py or mend --prototype_dir') from error


def clamp_neighbours(num_neighbours, num_prototypes):
  """Returns k, or all prototypes with a warning where there are fewer."""
  if num_neighbours <= num_prototypes:
    return num_neighbours
  warn(f'--k_in_nearest_neighbors is {num_neighbours}, but there are only '
       f'{num_prototypes} prototypes: all of them vote')
  return num_prototypes
