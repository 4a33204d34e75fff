"""Boundaries of classes against loops over pixels, and cases by hand."""

import math

import numpy as np
import pytest

from segsort.evaluation import class_boundaries

IGNORED = 255


def _random_masks(seed):
  """A truth with ignored pixels and a prediction, of four classes and 9."""
  rng = np.random.default_rng(seed)
  height, width = rng.integers(1, 14, 2)
  labels = [np.repeat(np.repeat(
      rng.choice(choices, (5, 5)), 3, 0), 3, 1)[:height, :width]
            for choices in ([0, 1, 2, IGNORED], [0, 1, 2, 3, 9])]
  for mask in labels:
    flips = rng.random(mask.shape) < 0.1
    mask[flips] = rng.choice([0, 1, 2, IGNORED], flips.sum())
  return labels[0], labels[1], labels[0] != IGNORED


def _twin_boundary(labels, scored, label):
  """Coordinates of the boundary pixels of a class, pixel by pixel."""
  height, width = labels.shape
  found = []
  for y, x in np.ndindex(height, width):
    if labels[y, x] != label or not scored[y, x]:
      continue
    for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
      if 0 <= v < height and 0 <= u < width and scored[v, u] and (
          labels[v, u] != label):
        found.append((y, x))
        break
  return found


def _twin_f(truth, predictions, scored, label, radius):
  true, found = (_twin_boundary(labels, scored, label)
                 for labels in (truth, predictions))
  if not true and not found:
    return math.nan
  shares = [
      sum(any(math.dist(point, other) <= radius for other in others)
          for point in points) / max(len(points), 1)
      for points, others in ((true, found), (found, true))]
  return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('tolerance', [0, 0.1, 0.2])
def test_boundary_f_equals_its_twin(seed, tolerance):
  truth, predictions, scored = _random_masks(seed)
  scores = class_boundaries.boundary_f(
      truth, predictions, scored, 4, tolerance)
  radius = tolerance * math.hypot(*truth.shape)
  np.testing.assert_allclose(scores, [
      _twin_f(truth, predictions, scored, label, radius) for label in range(4)])


def _twin_band(mask, scored, width):
  """Pixels of a mask with the edge or a scored pixel of none nearby."""
  band = np.zeros(mask.shape, bool)
  for y, x in np.argwhere(mask):
    for v in range(y - width, y + width + 1):
      for u in range(x - width, x + width + 1):
        outside = not (0 <= v < mask.shape[0] and 0 <= u < mask.shape[1])
        if outside or (scored[v, u] and not mask[v, u]):
          band[y, x] = True
  return band


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('share', [0.02, 0.2])
def test_bands_equal_their_twin(seed, share):
  truth, predictions, scored = _random_masks(seed)
  counts = class_boundaries.band_pixels(truth, predictions, scored, 4, share)
  width = max(1, round(share * math.hypot(*truth.shape)))
  for label in range(4):
    true, found = (_twin_band((labels == label) & scored, scored, width)
                   for labels in (truth, predictions))
    assert counts[:, label].tolist() == [
        (true & found).sum(), true.sum(), found.sum()]


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('reach', [3, 30])
def test_distances_to_change_equal_their_twin(seed, reach):
  truth, _, scored = _random_masks(seed)
  distances = class_boundaries.distances_to_change(truth, scored, reach)
  for point in np.ndindex(truth.shape):
    others = np.argwhere((truth != truth[point]) & scored)
    nearest = min((math.dist(point, other) for other in others),
                  default=math.inf)
    assert distances[point] == pytest.approx(
        nearest if nearest <= reach else math.inf)


def _steps(*edges, height=4, width=40):
  """A picture whose label grows by one at each of some columns."""
  labels = np.zeros((height, width), np.uint8)
  for edge in edges:
    labels[:, edge:] += 1
  return labels


def test_boundary_moved_by_hand():
  """An edge moved by two pixels is found from a tolerance of two pixels on."""
  truth, predictions = _steps(20), _steps(22)
  scored = np.ones(truth.shape, bool)
  diagonal = math.hypot(4, 40)
  for pixels, score in ((1.9, 0), (2, 1), (2.1, 1)):
    np.testing.assert_array_equal(class_boundaries.boundary_f(
        truth, predictions, scored, 2, pixels / diagonal), [score, score])


def test_spurious_boundary_costs_precision_by_hand():
  """Class 1 has two predicted edges, of which one is true: P .5, R 1."""
  truth = _steps(20)
  predictions = truth.copy()
  predictions[:, 35:] = 0
  scores = class_boundaries.boundary_f(
      truth, predictions, np.ones(truth.shape, bool), 3, 0.01)
  np.testing.assert_allclose(scores, [2 / 3, 2 / 3, np.nan])


def test_class_on_one_side_only_scores_zero():
  truth, predictions = _steps(20), _steps(20, 30)
  for masks in ((truth, predictions), (predictions, truth)):
    scores = class_boundaries.boundary_f(
        *masks, np.ones(truth.shape, bool), 4, 0.01)
    assert scores[2] == 0 and np.isnan(scores[3])


def test_identical_masks_score_one_whatever_is_predicted_on_ignored_ones():
  truth, _, scored = _random_masks(3)
  predictions = np.where(scored, truth, 3)
  scores = class_boundaries.boundary_f(truth, predictions, scored, 4, 0.0075)
  assert set(scores[~np.isnan(scores)]) == {1}
  shared, true, found = class_boundaries.band_pixels(
      truth, predictions, scored, 4, 0.02)
  assert shared.any()
  np.testing.assert_array_equal(shared, true)
  np.testing.assert_array_equal(shared, found)


def test_border_of_ignored_pixels_is_no_boundary():
  """An object of class 1 that touches ignored pixels alone has none."""
  truth = np.zeros((9, 9), np.uint8)
  truth[2:7, 2:7] = IGNORED
  truth[3:6, 3:6] = 1
  scored = truth != IGNORED
  assert not class_boundaries.boundary_pixels(truth, scored).any()
  predictions = np.zeros((9, 9), np.uint8)
  predictions[2:7, 2:7] = 1  # somewhere on the ignored ring
  assert not class_boundaries.boundary_pixels(predictions, scored).any()
  assert class_boundaries.distances_to_change(truth, scored, 9)[4, 4] == 3
  # Of the published trimap's kind there are, as of VOC's outlines.
  distances = class_boundaries.distances_to_change(
      truth, np.ones_like(scored), 9)
  assert distances[3, 3] == 1 and distances[4, 4] == 2 and distances[0, 2] == 2


def test_band_by_hand():
  """Squares of 6 and 5 pixels: outlines of 20 and 16 that share 9."""
  truth, predictions = (np.zeros((12, 12), np.uint8) for _ in range(2))
  truth[2:8, 2:8] = 1
  predictions[2:7, 2:7] = 1
  counts = class_boundaries.band_pixels(
      truth, predictions, np.ones((12, 12), bool), 2, 0.02)
  assert counts[:, 1].tolist() == [9, 20, 16]


def test_band_includes_the_edge_of_the_image():
  labels = np.ones((5, 7), np.uint8)
  counts = class_boundaries.band_pixels(
      labels, labels, np.ones((5, 7), bool), 2, 0.02)
  assert counts[:, 1].tolist() == [20, 20, 20]


@pytest.mark.parametrize('size', [(1, 1), (1, 8), (6, 5)])
@pytest.mark.parametrize('label', [0, IGNORED])
def test_picture_of_one_label(size, label):
  """One pixel, one row; all of one class, or all ignored."""
  labels = np.full(size, label, np.uint8)
  masks = labels, labels, labels != IGNORED, 2
  assert np.isnan(class_boundaries.boundary_f(*masks, 0.0075)).all()
  counts = class_boundaries.band_pixels(*masks, 0.02)
  assert counts.any() == (label == 0)
  assert np.isinf(class_boundaries.distances_to_change(
      labels, labels != IGNORED, 9)).all()


def test_scores_do_not_depend_on_orientation_or_ignored_margins():
  """Turned and mirrored, and with ignored pixels around."""
  truth, predictions, scored = _random_masks(5)
  expected = class_boundaries.boundary_f(truth, predictions, scored, 4, 0.1)
  turned = [np.rot90(mask)[:, ::-1] for mask in (truth, predictions, scored)]
  np.testing.assert_allclose(
      class_boundaries.boundary_f(*turned, 4, 0.1), expected)
  wider = [np.pad(mask, 3, constant_values=value) for mask, value in (
      (truth, IGNORED), (predictions, 2), (scored, False))]
  radius = 0.1 * math.hypot(*truth.shape)
  np.testing.assert_allclose(class_boundaries.boundary_f(
      *wider, 4, radius / math.hypot(*wider[0].shape)), expected)


def test_share_near_takes_the_tolerance_in():
  points, others = (np.zeros((9, 9), bool) for _ in range(2))
  points[4, 4] = points[0, 0] = True
  others[8, 7] = True  # 5 away from the one, and far from the other
  assert class_boundaries.share_near(points, others, 5) == .5
  assert class_boundaries.share_near(points, others, 4.99) == 0
  assert class_boundaries.share_near(points, np.zeros((9, 9), bool), 5) == 0
  assert class_boundaries.share_near(np.zeros((9, 9), bool), others, 5) == 0
