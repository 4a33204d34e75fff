"""Ignored bands between objects against loops over pixels, and by hand."""

import math

import cv2
import numpy as np
import pytest

from segsort.evaluation import class_boundaries
from segsort.evaluation import evaluation_flags
from segsort.evaluation import image_scores
from segsort.evaluation import void_band

IGNORED = 255
CONFIG = evaluation_flags.EvaluateConfig(
    pred_dir='p', gt_dir='g', num_classes=3, boundary=True)


def _twin(labels, radius):
  """The labels of bands, disc by disc and pixel by pixel."""
  points = list(np.ndindex(labels.shape))
  known = [point for point in points if labels[point] != IGNORED]
  open_centres = [
      point for point in points
      if min((math.dist(point, other) for other in known),
             default=math.inf) > radius]
  filled = labels.copy()
  for point in set(points) - set(known):
    if all(math.dist(point, centre) > radius for centre in open_centres):
      filled[point] = min(
          (math.dist(point, other), labels[other]) for other in known)[1]
  return filled


@pytest.mark.parametrize('seed', range(12))
def test_fill_equals_its_twin(seed):
  rng = np.random.default_rng(seed)
  height, width = rng.integers(1, 18, 2)
  labels = np.kron(rng.choice([0, 1, 2, IGNORED, IGNORED], (6, 6)),
                   np.ones((3, 3), int))[:height, :width]
  labels[rng.random(labels.shape) < .05] = 1
  np.testing.assert_array_equal(
      void_band.fill(labels, IGNORED), _twin(labels, void_band.LEAST))


def test_bands_are_filled_to_the_middle_and_areas_stay_by_hand():
  """Four ignored columns are a band of a small picture, five are an area."""
  row = [0] * 4 + [IGNORED] * 4 + [1] * 4 + [IGNORED] * 5 + [2] * 3
  labels = np.array([row] * 9, np.uint8)
  expected = [0] * 6 + [1] * 6 + [IGNORED] * 5 + [2] * 3
  np.testing.assert_array_equal(
      void_band.fill(labels, IGNORED), [expected] * 9)


def test_the_lowest_of_equally_near_labels():
  labels = np.array([[2, 2, IGNORED, 1, 1, IGNORED, 0]])
  assert void_band.fill(labels, IGNORED).tolist() == [[2, 2, 1, 1, 1, 0, 0]]


@pytest.mark.parametrize('size, widest', [
    ((40, 60), 4), ((375, 500), 8), ((1024, 2048), 34)])
def test_the_widest_band_grows_with_the_picture(size, widest):
  """Distances up to 0.0075 of the diagonal: 0.54, 4.7 and 17.2 pixels."""
  for width in (widest, widest + 1):
    labels = np.zeros(size, np.uint8)
    labels[:, 30:] = 1
    labels[:, 20:20 + width] = IGNORED
    filled = void_band.fill(labels, IGNORED)
    assert (filled == IGNORED).any() == (width > widest)


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (30, 20)])
@pytest.mark.parametrize('label', [0, IGNORED])
def test_picture_of_one_label(size, label):
  labels = np.full(size, label, np.uint8)
  np.testing.assert_array_equal(void_band.fill(labels, IGNORED), labels)


def test_band_at_the_edge_of_the_picture():
  """What ends at the edge may go on beyond it, so half a width is the limit."""
  labels = np.ones((12, 12), np.uint8)
  labels[:2] = labels[:, -3:] = IGNORED
  filled = void_band.fill(labels, IGNORED)
  assert (filled[:2, :6] == 1).all() and (filled[:, -3:] == IGNORED).all()


def test_fill_does_not_depend_on_orientation_or_change_its_argument(rng):
  labels = np.kron(rng.choice([0, 1, IGNORED], (9, 7)), np.ones((2, 2), int))
  before = labels.copy()
  filled = void_band.fill(labels, IGNORED)
  np.testing.assert_array_equal(labels, before)
  assert (filled != labels).any()
  np.testing.assert_array_equal(
      void_band.fill(np.rot90(labels)[:, ::-1], IGNORED),
      np.rot90(filled)[:, ::-1])


def _drawing():
  """A scene of two overlapping objects, and its mask with VOC's outlines."""
  scene = np.zeros((188, 250), np.uint8)
  cv2.ellipse(scene, (90, 90), (60, 40), 30, 0, 360, 1, -1)
  cv2.rectangle(scene, (120, 60), (200, 150), 2, -1)
  outlines = cv2.morphologyEx(scene, cv2.MORPH_GRADIENT, np.ones((3, 3)))
  return scene, np.where(outlines, IGNORED, scene).astype(np.uint8)


@pytest.mark.parametrize('pixels', [0, 1, 2, 3, 5])
def test_scores_with_and_without_outlines_are_nearly_the_same(pixels):
  """A shifted prediction; each score moves by what corners lose at most."""
  scene, outlined = _drawing()
  predictions = np.roll(scene, pixels, 1)
  scores = [image_scores.score_boundaries(truth, predictions, CONFIG)
            for truth in (scene, outlined)]
  plain, banded = ([found.mean_f, np.mean(found.band_iou),
                    *(trimap.mean_iou() for trimap in found.trimaps)]
                   for found in scores)
  np.testing.assert_allclose(banded, plain, atol=.01)
  if pixels == 0:
    np.testing.assert_array_equal(banded, 1)
  # Without the rule there is no boundary left to compare.
  assert not class_boundaries.boundary_pixels(
      outlined, outlined != IGNORED).any()


def test_truth_with_its_bands_scores_one_as_a_prediction():
  _, truth = _drawing()
  scores = image_scores.score_boundaries(truth, truth, CONFIG)
  assert scores.mean_f == 1 and (scores.band_iou == 1).all()


def test_prediction_that_is_true_where_anything_is_known_scores_one():
  _, truth = _drawing()
  truth[100:140, 20:60] = IGNORED  # an area across an outline
  filled = void_band.fill(truth, IGNORED)
  predictions = np.where(filled == IGNORED, 2, filled)
  scores = image_scores.score_boundaries(truth, predictions, CONFIG)
  assert scores.mean_f == 1 and (scores.band_iou == 1).all()
  assert {trimap.mean_iou() for trimap in scores.trimaps} == {1}
  assert scores.void.tolist() == [np.sum(truth == IGNORED),
                                  np.sum(filled == IGNORED)]
  assert 40 * 40 <= scores.void[1] < 40 * 40 + 9  # and what adjoins it
