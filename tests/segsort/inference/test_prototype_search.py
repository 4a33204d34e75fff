"""Searches of mapped, resident and indexed sets find the same prototypes."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from network.segsort import retrieval
from segsort.errors import InputError
from segsort.inference import prototype_search


@pytest.fixture(name='features')
def _features(rng, tmp_path):
  """A mapped file of 500 prototypes, many of them twice."""
  rows = _integers(rng, 250)
  np.save(tmp_path / 'features.npy', rows[rng.integers(0, 250, 500)])
  return np.load(tmp_path / 'features.npy', mmap_mode='r')


def _integers(rng, count):
  """Vectors whose products a float32 holds exactly, summed in any order."""
  return rng.integers(-9, 10, (count, 6)).astype(np.float32)


def _nearest_twin(queries, features, number):
  cosines = np.array([[np.float32(row @ query) for row in features]
                      for query in queries])
  return np.argsort(-cosines, axis=1, kind='stable')[:, :number]


def test_every_way_to_search_finds_the_same(rng, features, monkeypatch):
  queries = _integers(rng, 40)
  expected = _nearest_twin(queries, features, 7)
  found = [np.asarray(prototype_search.make_search(source, 7)(queries))
           for source in (features, np.array(features))]
  monkeypatch.setattr(retrieval, 'CHUNK', 130)  # borders within blocks
  found.append(prototype_search.make_search(features, 7)(queries))
  found.append(prototype_search.make_search(
      features, 7, resident_bytes=0)(tf.constant(queries)))
  for neighbours in found:
    assert np.asarray(neighbours).dtype == np.int32
    np.testing.assert_array_equal(neighbours, expected)


def test_searches_of_several_sizes_one_after_the_other(features):
  search = prototype_search.make_search(features, 3)
  for rows in (1, 40, 0, 2):
    np.testing.assert_array_equal(
        search(features[:rows]), _nearest_twin(features[:rows], features, 3)
        if rows else np.zeros((0, 3)))


def test_faiss_finds_the_same_but_for_equal_cosines(rng, features):
  queries = _integers(rng, 30)
  found = prototype_search.make_search(features, 9, 'faiss')(
      tf.constant(queries))
  assert found.dtype == tf.int32
  expected = _nearest_twin(queries, features, 9)
  np.testing.assert_array_equal(
      np.einsum('sd,snd->sn', queries, features[found.numpy()]),
      np.einsum('sd,snd->sn', queries, features[expected]))


def test_without_faiss_one_line_says_what_to_install(features, monkeypatch):
  monkeypatch.setitem(sys.modules, 'faiss', None)
  with pytest.raises(InputError, match='pip install faiss-cpu') as raised:
    prototype_search.make_search(features, 3, 'faiss')
  assert '\n' not in str(raised.value)
