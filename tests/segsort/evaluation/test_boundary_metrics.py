"""Thinning, matching and F of boundaries, on cases small enough to see."""


import needs
import numpy as np
import pytest
import scipy.ndimage
import scipy.optimize

from segsort.evaluation import boundary_metrics
from segsort.evaluation import region_files


EIGHT = np.ones((3, 3))


def _line(size, column):
  mask = np.zeros((size, size), bool)
  mask[:, column] = True
  return mask


def test_boundaries_of_halves_are_one_line():
  labels = np.zeros((6, 8), int)
  labels[:, 4:] = 1
  expected = np.zeros((6, 8), bool)
  expected[:, 3] = True
  np.testing.assert_array_equal(
      boundary_metrics.region_boundaries(labels), expected)
  assert not boundary_metrics.region_boundaries(np.zeros((4, 4), int)).any()


def test_thinning_keeps_the_shape_and_no_corner_of_a_staircase(rng):
  stairs = np.eye(9, dtype=bool)
  stairs[1:, :-1] |= np.eye(8, dtype=bool)  # steps connected by sides
  thin = boundary_metrics.thin(stairs)
  assert thin.sum() <= 10 and scipy.ndimage.label(thin, EIGHT)[1] == 1
  blobs = scipy.ndimage.gaussian_filter(rng.random((60, 60)), 3) > .5
  thin = boundary_metrics.thin(blobs)
  assert (thin <= blobs).all() and thin.sum() < blobs.sum() / 2
  assert (scipy.ndimage.label(thin, EIGHT)[1]
          == scipy.ndimage.label(blobs, EIGHT)[1])
  np.testing.assert_array_equal(boundary_metrics.thin(thin), thin)


def test_a_line_matches_within_the_tolerance_only():
  truth = _line(100, 50)  # tolerance: 1.06 pixels
  for distance, matched in ((0, 100), (1, 100), (2, 0)):
    assert boundary_metrics.match(
        _line(100, 50 + distance), truth).sum() == matched
  assert not boundary_metrics.match(truth, np.zeros_like(truth)).any()


def test_one_pixel_of_truth_takes_one_partner():
  truth = np.zeros((200, 200), bool)
  found = truth.copy()
  truth[10, 10] = found[10, 9:12] = True
  assert boundary_metrics.match(found, truth).sum() == 1


def test_as_many_match_as_an_assignment_can(rng):
  found, truth = rng.random((2, 25, 25)) < .15
  tolerance = 2.3 / np.hypot(25, 25)
  a, b = np.argwhere(found), np.argwhere(truth)
  far = np.linalg.norm(a[:, None] - b, axis=-1) > 2.3
  rows, columns = scipy.optimize.linear_sum_assignment(far)
  assert boundary_metrics.match(found, truth, tolerance).sum() == (
      ~far[rows, columns]).sum()


def test_counts_and_scores_by_hand():
  labels = np.zeros((100, 100), int)
  labels[:, 51:] = 1  # boundary in column 50
  right, wrong = _line(100, 50), _line(100, 20)
  counts = boundary_metrics.count_boundaries(
      [labels, np.zeros_like(labels)], [right, wrong])
  np.testing.assert_array_equal(
      counts, [[100, 100, 100, 200], [0, 0, 0, 200]])
  scores = boundary_metrics.summarize([counts], [.1, .9])
  assert scores == pytest.approx({
      'ods': 2 / 3, 'ods_threshold': .1, 'ois': 2 / 3, 'precision': 1,
      'recall': .5, 'ap': 51 / 101, 'at_last': 0})


def test_a_boundary_that_scipys_bipartite_matching_does_not_end_on():
  bsds = needs.shared('data/bsds500')
  regions, = region_files.read_segmentations(
      str(bsds / 'ucm2/val/189080.npz'), [.1])
  _, truths = region_files.read_truth(
      str(bsds / 'groundTruth/val/189080.mat'))
  boundaries = boundary_metrics.region_boundaries(regions)
  matched = boundary_metrics.match(boundaries, truths[1])
  assert matched.shape == (boundaries.sum(),) == (4073,)
  assert matched.sum() == 1554  # also by the other direction's matching
