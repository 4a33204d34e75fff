"""The rows of the retrieval suite compare two ways to one result."""

import importlib.util

import closeness
import numpy as np
import pytest

from network.segsort import retrieval
from segsort.benchmark import retrieval_suite
from segsort.errors import InputError
from segsort.inference import prototype_set


def _cosines(found, folder):
  """Those of the prototypes found, by the suite's queries and file."""
  features, _ = prototype_set.load(str(folder), retrieval_suite.DIM, 1)
  queries = retrieval_suite.unit(np.random.default_rng(1), len(found))
  return np.einsum('sd,snd->sn', queries, features[found])


def test_both_ways_find_the_same_prototypes(monkeypatch, tmp_path):
  monkeypatch.setattr(retrieval_suite, 'PROTOTYPES', 2000)
  monkeypatch.setattr(retrieval, 'CHUNK', 300)
  retrieval_suite.write_set(str(tmp_path))
  names = []
  for row in retrieval_suite.comparisons():
    names.append(row.name)
    ours, twin = np.asarray(row.ours()), np.asarray(row.twin())
    if row.memory_aim:
      assert twin.shape == (2000, retrieval_suite.DIM)
      np.testing.assert_allclose((twin**2).sum(1), 1, rtol=1e-5)
    else:
      assert ours.shape[1] == retrieval_suite.NEIGHBOURS
      # What is level but for rounding may change places.
      closeness.assert_close(_cosines(ours, tmp_path), _cosines(twin, tmp_path))
  assert len(names) == len(set(names)) == 6


def test_without_faiss_one_line_says_what_to_do(monkeypatch):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  with pytest.raises(InputError, match='leave it out of --suites'):
    next(retrieval_suite.comparisons())
