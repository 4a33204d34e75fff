"""Merging of alike neighbours: by hand, a brute-force twin and edges."""

import tracemalloc

import closeness
import numpy as np
import pytest

from segsort.unsupervised import region_merging


def _twin(histograms, sizes, pairs, cost):
  """All pairs of groups of regions, from scratch, until none is cheap."""
  parts = [[i] for i in range(len(sizes))]
  touch = {frozenset(pair) for pair in pairs.tolist()}

  def mean(part):
    weights = np.array([sizes[i] for i in part], float)
    shares = np.array([histograms[i] for i in part], float) ** 2
    return np.sqrt((weights[:, None] * shares).sum(0) / weights.sum())

  while True:
    best = None
    for a, first in enumerate(parts):
      for b, second in enumerate(parts[:a]):
        if not any({i, j} in touch for i in first for j in second):
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
  pairs = region_merging.neighbours(regions)
  owners, merged, pixels = region_merging.merge_alike(
      histograms, sizes, pairs, cost)
  twin_owners, twin_merged = _twin(histograms, sizes, pairs, cost)
  assert owners.tolist() == twin_owners.tolist()
  np.testing.assert_allclose(merged, twin_merged, atol=1e-6)
  assert pixels.tolist() == np.bincount(owners, sizes).tolist()
  np.testing.assert_allclose((merged ** 2).sum(1), 1, atol=1e-6)


def test_neighbours_share_an_edge():
  regions = np.array([[0, 0, 1],
                      [2, 3, 3]])
  assert region_merging.neighbours(regions).tolist() == [
      [0, 1], [0, 2], [0, 3], [1, 3], [2, 3]]


def test_the_cost_by_hand():
  """10 and 30 pixels, squared distance 2: 10 * 30 / 40 * 2 = 15."""
  apart = np.eye(2, dtype=np.float32)
  pairs = np.array([[0, 1]])
  for cost, owners in ((14.9, [0, 1]), (15.1, [0, 0])):
    found = region_merging.merge_alike(apart, [10, 30], pairs, cost)
    assert found[0].tolist() == owners
  closeness.assert_close(found[1], np.sqrt([[.25, .75]]))
  assert found[2].tolist() == [40]


def test_only_neighbours_merge_and_a_common_one_may_join_them():
  alike = np.ones((3, 1), np.float32)
  apart = np.zeros((0, 2), int)
  assert region_merging.merge_alike(
      alike, [5, 5, 5], apart, np.inf)[0].tolist() == [0, 1, 2]
  chain = np.array([[0, 1], [1, 2]])
  assert region_merging.merge_alike(
      alike, [5, 5, 5], chain, 0.)[0].tolist() == [0, 0, 0]


def test_a_number_without_pixels_stays_alone():
  """Its description is all zero: nothing is known of it."""
  histograms = np.array([[1.], [0.], [1.]], np.float32)
  owners, merged, sizes = region_merging.merge_alike(
      histograms, [4, 0, 6], np.array([[0, 1], [0, 2], [1, 2]]), 1e9)
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
  sizes, pairs = np.array([3, 4]), np.array([[0, 1]])
  before = histograms.copy()
  region_merging.merge_alike(histograms, sizes, pairs, 1e9)
  np.testing.assert_array_equal(histograms, before)
  assert sizes.tolist() == [3, 4] and pairs.tolist() == [[0, 1]]


def test_thousands_of_regions_take_no_table_of_pairs(rng):
  """As 16-bit masks have; a table of costs alone would take 104 MB."""
  regions = np.arange(3600).reshape(60, 60)
  histograms = np.sqrt(rng.dirichlet([1.] * 3, 3600)).astype(np.float32)
  pairs = region_merging.neighbours(regions)
  assert len(pairs) == 2 * 59 * 60
  tracemalloc.start()
  owners, _, sizes = region_merging.merge_alike(
      histograms, np.ones(3600, int), pairs, .01)
  _, peak = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert 1 < len(sizes) < 3600 and sizes.sum() == 3600
  assert len(sizes) == owners.max() + 1 and peak < 30e6
