"""Watershed, orientation and merging, against loops and cases by hand."""

import needs
import numpy as np
import pytest

from segsort.contours import ultrametric
from segsort.contours import watershed
from segsort.evaluation import region_metrics


def _ridge(size, column, height=.8):
  contours = np.zeros((1, size, size), np.float32)
  contours[0, :, column] = height
  return contours


def test_two_basins_meet_at_a_ridge():
  hierarchy = ultrametric.build_hierarchy(_ridge(9, 4))
  assert hierarchy.basins.max() == 1
  np.testing.assert_array_equal(hierarchy.basins[:, :4], 0)
  np.testing.assert_array_equal(hierarchy.basins[:, 5:], 1)
  np.testing.assert_allclose(hierarchy.levels, .8)
  assert ultrametric.cut(hierarchy, .79).max() == 1
  assert ultrametric.cut(hierarchy, .81).max() == 0


def _flood(strengths):
  """Basins by descent, a pixel at a time; no two values are equal."""
  height, width = strengths.shape
  labels = {}

  def sink(y, x):
    around = [(strengths[v, u], v, u)
              for v, u in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x))
              if 0 <= v < height and 0 <= u < width]
    value, v, u = min(around)
    return (y, x) if value >= strengths[y, x] else sink(v, u)

  sinks = [[sink(y, x) for x in range(width)] for y in range(height)]
  return np.array([[labels.setdefault(s, len(labels)) for s in row]
                   for row in sinks])


def test_watershed_is_where_water_runs(rng):
  strengths = rng.permutation(12 * 15).reshape(12, 15).astype(np.float32)
  np.testing.assert_array_equal(
      watershed.watershed(strengths), _flood(strengths))


def test_plateaus_drain_or_are_one_basin():
  row = np.array([[0, 1, 1, 1, 1, 0, 2, 2, 0]], np.float32)
  labels = watershed.watershed(np.repeat(row, 3, 0))
  np.testing.assert_array_equal(labels[0, [0, 1, 2]], 0)
  np.testing.assert_array_equal(labels[0, [3, 4, 5, 6]], 1)
  assert labels.max() == 2
  assert watershed.watershed(np.full((5, 7), .3, np.float32)).max() == 0


@pytest.mark.parametrize('degrees', range(0, 180, 15))
def test_orientation_of_a_straight_boundary(degrees):
  """The convention: 0 is horizontal, angles grow clockwise on the screen."""
  angle = np.deg2rad(degrees)
  y, x = np.mgrid[-20:21, -20:21]
  regions = (y * np.cos(angle) - x * np.sin(angle) > .25).astype(int)
  edges, _ = ultrametric.find_edges(regions)
  middle = np.abs(edges.first - 20).max(1) < 12
  turn = (ultrametric.edge_orientations(edges)[middle] - angle) % np.pi
  assert np.minimum(turn, np.pi - turn).max() < np.deg2rad(14)


def test_strength_is_read_at_the_boundarys_orientation():
  contours = np.zeros((8, 21, 21), np.float32)
  contours[0], contours[4] = .2, .9  # horizontal and vertical contours
  for axis, strength in ((0, .2), (1, .9)):
    regions = (np.indices((21, 21))[axis] > 10).astype(int)
    edges, _ = ultrametric.find_edges(regions)
    np.testing.assert_allclose(
        ultrametric.edge_strengths(contours, edges), strength, rtol=1e-6)


def test_one_map_is_as_the_same_at_all_orientations(rng):
  contours = rng.random((1, 12, 15), np.float32)
  edges, _ = ultrametric.find_edges(watershed.watershed(contours[0]))
  np.testing.assert_allclose(
      *(ultrametric.edge_strengths(np.repeat(contours, count, 0), edges)
        for count in (1, 4)), rtol=1e-6)


def _merge_slowly(pairs, sums, lengths):
  """Each step looks for the weakest mean among all borders."""
  names = {region: region for region in np.unique(pairs)}
  levels = np.full(len(pairs), np.nan)
  while np.isnan(levels).any():
    borders = {}
    for arc, pair in enumerate(pairs):
      key = frozenset(names[region] for region in pair)
      if len(key) == 2:
        borders.setdefault(key, []).append(arc)
    key, arcs = min(borders.items(), key=lambda item: (
        sums[item[1]].sum() / lengths[item[1]].sum()))
    levels[arcs] = sums[arcs].sum() / lengths[arcs].sum()
    a, b = key
    names = {region: a if name == b else name for region, name in names.items()}
  return levels


def test_merging_against_a_search_through_all_borders(rng):
  basins = watershed.watershed(rng.random((14, 14)).astype(np.float32))
  edges, pairs = ultrametric.find_edges(basins)
  lengths = np.bincount(edges.arcs)
  sums = rng.random(len(pairs)) * lengths
  levels, merges = ultrametric.merge_levels(pairs, sums, lengths)
  np.testing.assert_allclose(levels, _merge_slowly(pairs, sums, lengths))
  assert len(merges) == basins.max() and (np.diff(merges) >= 0).all()


@needs.higra
def test_the_same_hierarchy_as_higra(rng):
  import higra
  basins = watershed.watershed(rng.random((40, 40)).astype(np.float32))
  edges, pairs = ultrametric.find_edges(basins)
  lengths = np.bincount(edges.arcs)
  means = rng.random(len(pairs))
  levels, _ = ultrametric.merge_levels(pairs, means * lengths, lengths)
  graph = higra.UndirectedGraph(int(basins.max()) + 1)
  graph.add_edges(*pairs.T)
  tree, altitudes = higra.binary_partition_tree_average_linkage(
      graph, means, lengths.astype(float))
  np.testing.assert_allclose(
      levels, higra.saliency(tree, altitudes), rtol=1e-9)


def test_the_map_holds_the_cuts(rng):
  hierarchy = ultrametric.build_hierarchy(
      rng.random((8, 20, 30)).astype(np.float32))
  ucm = ultrametric.contour_map(hierarchy)
  assert ucm.shape == (41, 61) and not ucm[1::2, 1::2].any()
  for threshold in np.quantile(hierarchy.merges, [.1, .5, .9]):
    threshold = np.float32(threshold) + np.float32(1e-4)
    np.testing.assert_array_equal(
        ultrametric.cut(hierarchy, threshold),
        region_metrics.regions_of_ucm(ucm, threshold))


def test_the_threshold_is_raised_for_too_many_regions(rng):
  hierarchy = ultrametric.build_hierarchy(
      rng.random((1, 30, 30)).astype(np.float32))
  for most in (1, 2, 7, 10 ** 6):
    threshold = ultrametric.threshold_for(hierarchy, 0., most)
    count = ultrametric.cut(hierarchy, threshold).max() + 1
    assert count == min(most, hierarchy.basins.max() + 1)
  assert ultrametric.threshold_for(hierarchy, 2., 7) == 2.


def test_an_image_without_contours_is_one_region():
  for size in ((1, 1), (1, 6), (5, 4)):
    hierarchy = ultrametric.build_hierarchy(np.zeros((8, *size), np.float32))
    assert not ultrametric.cut(hierarchy, 0.).any()
    assert ultrametric.threshold_for(hierarchy, 0., 1) == 0.
    assert not ultrametric.contour_map(hierarchy).any()


def test_heap_order_does_not_matter(rng):
  """Relabelled regions merge at the same levels."""
  basins = watershed.watershed(rng.random((14, 14)).astype(np.float32))
  edges, pairs = ultrametric.find_edges(basins)
  lengths = np.bincount(edges.arcs)
  sums = rng.random(len(pairs)) * lengths
  names = rng.permutation(int(basins.max()) + 1)
  np.testing.assert_allclose(
      ultrametric.merge_levels(pairs, sums, lengths)[0],
      ultrametric.merge_levels(names[pairs], sums, lengths)[0])


def test_the_crest_of_a_wide_contour_is_no_region():
  """Columns 4 and 6 are ridges, the left one the weaker, 5 lies between."""
  contours = _ridge(9, 4, .7)
  contours[0, :, 5], contours[0, :, 6] = .65, .8
  for min_pixels, count in ((9, 3), (10, 2)):
    hierarchy = ultrametric.build_hierarchy(contours, min_pixels)
    assert hierarchy.basins.max() + 1 == count
    assert ultrametric.cut(hierarchy, .69).max() + 1 == count
  assert set(hierarchy.basins[:, 5]) == {0}
  np.testing.assert_allclose(hierarchy.levels, .8)


def test_no_region_of_few_pixels_is_left(rng):
  strengths = rng.random((30, 41)).astype(np.float32)
  basins = watershed.watershed(strengths)
  for min_pixels in (1, 7, 40, 2000):
    regions = ultrametric.absorb_small(basins, strengths, min_pixels)
    assert regions.max() == 0 or np.bincount(regions.ravel()).min() >= min(
        min_pixels, regions.size)
    # They are unions of basins.
    pairs = np.unique(np.stack([basins, regions], -1).reshape(-1, 2), axis=0)
    assert len(pairs) == basins.max() + 1
    np.testing.assert_array_equal(
        regions, region_metrics.number_regions(regions))
    if min_pixels == 1:
      np.testing.assert_array_equal(regions, basins)
  assert regions.max() == 0
