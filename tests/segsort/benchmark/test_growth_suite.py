"""The rows of the growth suite compare two ways to one result."""

import closeness
import numpy as np
import pytest

from network.segsort import retrieval
from segsort.benchmark import growth_suite
from segsort.benchmark import retrieval_suite


@pytest.fixture(name='rows')
def _rows(monkeypatch):
  """The results of both sides of each comparison, of small inputs."""
  monkeypatch.setattr(growth_suite, 'IMAGE', (20, 28))
  monkeypatch.setattr(growth_suite, 'PIXELS', 500)
  monkeypatch.setattr(growth_suite, 'WINDOW', (16, 24))
  monkeypatch.setattr(growth_suite, 'CLASSES', 9)
  monkeypatch.setattr(growth_suite, 'GRIDS', (12,))
  monkeypatch.setattr(retrieval_suite, 'PROTOTYPES', 2000)
  monkeypatch.setattr(retrieval, 'CHUNK', 300)
  return [(np.asarray(row.ours()), np.asarray(row.twin()))
          for row in growth_suite.comparisons()]


def test_both_ways_agree(rows):
  maps, weights, clusters, neighbours = rows
  closeness.assert_close(*maps)
  closeness.assert_close(*weights)
  assert (clusters[0] == clusters[1]).mean() > .99
  np.testing.assert_array_equal(*neighbours)
