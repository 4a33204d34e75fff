"""The twins of the inference suite compute what ours computes."""

import keras
import numpy as np
import pytest

from segsort.benchmark import inference_suite
from segsort.benchmark import release_inference

pytestmark = pytest.mark.slow


@pytest.fixture(name='rows', scope='module')
def _rows():
  """The results of both sides of each comparison, by name."""
  keras.utils.set_random_seed(0)
  return {row.name: (row.ours(), row.twin())
          for row in inference_suite.comparisons()}


def test_networks_agree(rows):
  ours, twin = rows['network, resnet_small, windows of 6 scales']
  # One number of the last window, an eighth of the largest there.
  assert ours == pytest.approx(twin, rel=1e-4)


@pytest.mark.parametrize('name, share', (
    ('votes alone, 8 windows of 180x240', 1),
    # Sums in another order: some pixels lie between two clusters.
    ('single scale after the network, 720x720, 5x5', .999),
    ('multi-scale after the network, 180x240, 5x5', .999),
    ('single scale after the network, 720x720, 12x12', .999),
    ('multi-scale after the network, 180x240, 12x12', .999)))
def test_labels_agree(rows, name, share):
  ours, twin = rows[name]
  assert ours.shape == twin.shape and len(np.unique(ours)) > 5
  assert (ours == twin).mean() >= share


def test_votes_by_hand():
  votes = release_inference.count_votes(
      np.array([[1, 0]]), np.array([[2, 2, 0], [1, 1, 1]]), 3)
  np.testing.assert_array_equal(votes, [[[0, 3, 0], [1, 0, 2]]])
