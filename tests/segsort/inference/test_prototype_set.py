"""Prototype sets on disk, and what must fit."""

import mmap

import numpy as np
import pytest

from network.segsort import retrieval
from segsort.errors import InputError
from segsort.inference import prototype_set

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


def test_rows_that_are_not_finite_are_counted_and_the_first_named(
    tmp_path, monkeypatch):
  monkeypatch.setattr(retrieval, 'CHUNK', 2)
  features = np.ones((5, 4), np.float32)
  features[3, 1], features[4, 0] = np.nan, np.inf
  _write(tmp_path, features, np.zeros(5, int))
  assert ('prototype_features.npy holds 2 rows that are not finite, the first '
          '3 of 5;') in _fails(tmp_path)


def test_features_are_mapped_unless_they_must_be_converted(tmp_path):
  for dtype, mapped in ((np.float32, True), (np.float64, False)):
    _write(tmp_path, GOOD[0].astype(dtype), GOOD[1])
    features, _ = prototype_set.load(str(tmp_path), 4, 3)
    assert isinstance(features.base, mmap.mmap) is mapped
    assert features.dtype == np.float32


@pytest.mark.parametrize('mapped', (True, False))
def test_parts_cover_a_set_once_in_order(tmp_path, rng, monkeypatch, mapped):
  monkeypatch.setattr(retrieval, 'CHUNK', 120)
  np.save(tmp_path / 'a.npy', rng.normal(size=(500, 6)))
  features = np.load(tmp_path / 'a.npy', 'r' if mapped else None)
  parts = list(prototype_set.rows_in_parts(features))
  assert [first for first, _ in parts] == [0, 120, 240, 360, 480]
  np.testing.assert_array_equal(
      np.concatenate([rows for _, rows in parts]), features)


def test_a_set_of_the_release_has_no_segments(tmp_path):
  prototype_set.save(str(tmp_path), *GOOD)
  with pytest.raises(InputError, match='cannot read the prototypes .*ments'):
    prototype_set.load_segments(str(tmp_path))


@pytest.mark.parametrize('segments, lines, message', (
    (np.zeros(3), '{"image": "a"}\n', 'is no array of segments'),
    (np.zeros(3, prototype_set.SEGMENT), 'no json\n', 'jsonl is damaged'),
    (np.zeros(3, prototype_set.SEGMENT), '{"name": "a"}\n', 'is damaged'),
    (np.zeros(3, prototype_set.SEGMENT), None, 'cannot read the list of')))
def test_damaged_segments_are_one_line(tmp_path, segments, lines, message):
  np.save(tmp_path / 'prototype_segments.npy', segments)
  if lines is not None:
    (tmp_path / 'prototype_images.jsonl').write_text(lines)
  with pytest.raises(InputError, match=message):
    prototype_set.load_segments(str(tmp_path))


def test_more_neighbours_than_prototypes_are_clamped_with_a_warning(capsys):
  assert prototype_set.clamp_neighbours(15, 15) == 15
  assert capsys.readouterr().err == ''
  assert prototype_set.clamp_neighbours(15, 4) == 4
  assert capsys.readouterr().err == (
      'warning: --k_in_nearest_neighbors is 15, but there are only 4 '
      'prototypes: all of them vote\n')
