"""Merging of alike neighbours: by hand, a brute-force twin and edges."""

import numpy as np
import pytest

from segsort import region_merging


def _twin(histograms, sizes, touch, cost):
  """All pairs of groups of regions, from scratch, until none is cheap."""
  parts = [[i] for i in range(len(sizes))]

  def mean(part):
    weights = np.array([sizes[i] for i in part], float)
    shares = np.array([histograms[i] for i in part], float) ** 2
    return np.sqrt((weights[:, None] * shares).sum(0) / weights.sum())

  while True:
    best = None
    for a, first in enumerate(parts):
      for b, second in enumerate(parts[:a]):
        if not any(touch[i, j] for i in first for j in second):
          continue
        n, m = (sum(sizes[i] for i in part) for part in (first, second))
        price = n * m / (n + m) * ((mean(first) - mean(second)) ** 2).sum()
        if best is None or price < best[0]:
          best = price, a, b
    if best is None or best[0] > cost:
      break
    _, a, b = best
    parts[b] += parts.pop(a)
  owners = np.empty(len(sizes), int)
  parts.sort(key=min)
  for number, part in enumerate(parts):
    owners[part] = number
  return owners, np.array([mean(part) for part in parts])


@pytest.mark.parametrize('cost', (0., .5, 3., 20., 1e9, np.inf))
def test_the_cheapest_neighbours_first_as_by_brute_force(rng, cost):
  regions = np.kron(np.arange(12).reshape(3, 4), np.ones((4, 5), int))
  histograms = np.sqrt(rng.dirichlet([.4] * 5, 12)).astype(np.float32)
  sizes = rng.integers(1, 60, 12)
  touch = region_merging.neighbours(regions)
  owners, merged, pixels = region_merging.merge_alike(
      histograms, sizes, touch, cost)
  twin_owners, twin_merged = _twin(histograms, sizes, touch, cost)
  assert owners.tolist() == twin_owners.tolist()
  np.testing.assert_allclose(merged, twin_merged, atol=1e-6)
  assert pixels.tolist() == np.bincount(owners, sizes).tolist()
  np.testing.assert_allclose((merged ** 2).sum(1), 1, atol=1e-6)


def test_neighbours_share_an_edge():
  regions = np.array([[0, 0, 1],
                      [2, 3, 3]])
  assert region_merging.neighbours(regions).astype(int).tolist() == [
      [0, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 0]]


def test_the_cost_by_hand():
  """10 and 30 pixels, squared distance 2: 10 * 30 / 40 * 2 = 15."""
  apart = np.eye(2, dtype=np.float32)
  touch = ~np.eye(2, dtype=bool)
  for cost, owners in ((14.9, [0, 1]), (15.1, [0, 0])):
    found = region_merging.merge_alike(apart, [10, 30], touch, cost)
    assert found[0].tolist() == owners
  np.testing.assert_allclose(found[1], np.sqrt([[.25, .75]]))
  assert found[2].tolist() == [40]


def test_only_neighbours_merge_and_a_common_one_may_join_them():
  alike = np.ones((3, 1), np.float32)
  apart = np.zeros((3, 3), bool)
  assert region_merging.merge_alike(
      alike, [5, 5, 5], apart, np.inf)[0].tolist() == [0, 1, 2]
  chain = apart.copy()
  chain[0, 1] = chain[1, 0] = chain[1, 2] = chain[2, 1] = True
  assert region_merging.merge_alike(
      alike, [5, 5, 5], chain, 0.)[0].tolist() == [0, 0, 0]


def test_a_number_without_pixels_stays_alone():
  """Its description is all zero: nothing is known of it."""
  histograms = np.array([[1.], [0.], [1.]], np.float32)
  owners, merged, sizes = region_merging.merge_alike(
      histograms, [4, 0, 6], ~np.eye(3, dtype=bool), 1e9)
  assert owners.tolist() == [0, 1, 0] and sizes.tolist() == [10, 0]
  assert merged.ravel().tolist() == [1, 0]


def test_a_picture_of_one_region():
  regions = np.zeros((3, 4), int)
  owners, merged, sizes = region_merging.merge_alike(
      np.ones((1, 2), np.float32), [12],
      region_merging.neighbours(regions), 5.)
  assert owners.tolist() == [0] and sizes.tolist() == [12]
  assert merged.shape == (1, 2)


def test_the_arguments_are_left_alone():
  histograms = np.sqrt(np.array([[.5, .5], [.2, .8]], np.float32))
  sizes, touch = np.array([3, 4]), ~np.eye(2, dtype=bool)
  before = histograms.copy()
  region_merging.merge_alike(histograms, sizes, touch, 1e9)
  np.testing.assert_array_equal(histograms, before)
  assert sizes.tolist() == [3, 4] and touch.sum() == 2
