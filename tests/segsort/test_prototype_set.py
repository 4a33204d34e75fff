"""Prototype sets on disk, and what must fit."""

import numpy as np
import pytest

from segsort import prototype_set
from segsort.errors import InputError

GOOD = np.eye(3, 4, dtype=np.float32), np.array([0, 2, 1])


def _write(folder, features, labels):
  folder.mkdir(parents=True, exist_ok=True)
  np.save(folder / 'prototype_features.npy', features)
  np.save(folder / 'prototype_labels.npy', labels)


def _fails(folder):
  with pytest.raises(InputError) as raised:
    prototype_set.load(str(folder), 4, 3)
  assert '\n' not in str(raised.value) and str(folder) in str(raised.value)
  return str(raised.value)


def test_round_trip_from_the_folder_or_the_one_above(tmp_path):
  prototype_set.save(str(tmp_path / 'prototypes'), *GOOD)
  for folder in (tmp_path, tmp_path / 'prototypes'):
    features, labels = prototype_set.load(str(folder), 4, 3)
    np.testing.assert_array_equal(features, GOOD[0])
    assert features.dtype == np.float32 and labels.dtype == np.int32
    assert labels.tolist() == [0, 2, 1]


@pytest.mark.parametrize('features, labels, message', (
    (np.eye(3), GOOD[1], 'have 3 dimensions, the network embeds in 4'),
    (GOOD[0], np.array([0, 1]), 'do not belong together'),
    (np.zeros(4), GOOD[1], 'do not belong together'),
    (np.zeros((0, 4)), np.zeros(0, int), 'no prototypes in'),
    (GOOD[0] * np.nan, GOOD[1], 'rows that are not finite'),
    (GOOD[0], np.array([0, 3, 1]), 'labels 0 to 3, but there are 3 classes'),
    (GOOD[0], np.array([0, -1, 1]), 'labels -1 to 1')))
def test_what_does_not_fit_is_one_line(tmp_path, features, labels, message):
  _write(tmp_path / 'set', features, labels)
  assert message in _fails(tmp_path / 'set')


def test_missing_and_damaged_files_are_one_line(tmp_path):
  assert 'cannot read the prototypes' in _fails(tmp_path / 'none')
  for damaged in (b'', b'no array', b'\x93NUMPY'):
    _write(tmp_path, *GOOD)
    (tmp_path / 'prototype_labels.npy').write_bytes(damaged)
    assert 'prototype_labels.npy' in _fails(tmp_path)
  _write(tmp_path, *GOOD)
  features = tmp_path / 'prototype_features.npy'
  features.write_bytes(features.read_bytes()[:-9])
  assert 'prototype_features.npy' in _fails(tmp_path)
  np.save(features, np.array([{}], object), allow_pickle=True)
  assert 'prototype_features.npy' in _fails(tmp_path)


def test_more_neighbours_than_prototypes_are_clamped_with_a_warning(capsys):
  assert prototype_set.clamp_neighbours(15, 15) == 15
  assert capsys.readouterr().err == ''
  assert prototype_set.clamp_neighbours(15, 4) == 4
  assert capsys.readouterr().err == (
      'warning: --k_in_nearest_neighbors is 15, but there are only 4 '
      'prototypes: all of them vote\n')
