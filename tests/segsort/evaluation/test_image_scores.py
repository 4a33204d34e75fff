"""Scores of images and what they add up to."""

import dataclasses

import numpy as np
import pytest

from segsort.evaluation import class_boundaries
from segsort.evaluation import evaluation_flags
from segsort.evaluation import image_scores
from segsort.evaluation import void_band
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.evaluation.image_scores import FolderScores, ImageScores

CONFIG = evaluation_flags.EvaluateConfig(
    pred_dir='p', gt_dir='g', num_classes=3, boundary=True, tolerance=.05)


def _images(rng, num_images=4):
  """ImageScores of random pictures of 0, 1, 2 and ignored pixels."""
  images = []
  for _ in range(num_images):
    truth = np.kron(rng.choice([0, 1, 2, 255], (4, 5)), np.ones((5, 5), int))
    predictions = np.kron(rng.choice([0, 1, 2], (4, 5)), np.ones((5, 5), int))
    images.append((truth.astype(np.uint8), predictions.astype(np.uint8)))
  return images


def _score(truth, predictions):
  matrix = ConfusionMatrix(3)
  matrix.update(truth, predictions)
  return ImageScores(
      matrix, image_scores.score_boundaries(truth, predictions, CONFIG))


@pytest.mark.parametrize('void_trimaps', [False, True])
def test_trimaps_count_the_pixels_near_a_change(rng, void_trimaps):
  (truth, predictions), = _images(rng, 1)
  truth[:, :3] = 0  # and a band of ignored pixels, which is filled or not
  truth[:, 3:6] = 255
  scores = image_scores.score_boundaries(
      truth, predictions,
      dataclasses.replace(CONFIG, void_trimaps=void_trimaps))
  labels = truth if void_trimaps else void_band.fill(truth, 255)
  distances = class_boundaries.distances_to_change(
      labels, (labels != 255) | void_trimaps, 16)
  for width, trimap in zip((1, 2, 4, 8, 16), scores.trimaps):
    expected = np.zeros((3, 3), int)
    for point in np.argwhere((distances <= width) & (labels != 255)):
      expected[labels[tuple(point)], predictions[tuple(point)]] += 1
    np.testing.assert_array_equal(trimap.counts, expected)
  assert scores.trimaps[0].counts.sum() < scores.trimaps[2].counts.sum()


def test_folder_sums_its_images(rng):
  images = _images(rng)
  folder = FolderScores(_score(*image) for image in images)
  whole = ConfusionMatrix(3)
  for image in images:
    whole.update(*image)
  np.testing.assert_array_equal(folder.matrix.counts, whole.counts)
  alone = [_score(*image) for image in images]
  np.testing.assert_allclose(
      folder.image_iou, [image.matrix.mean_iou() for image in alone])
  np.testing.assert_array_equal(
      folder.boundaries.bands, sum(image.boundaries.bands for image in alone))
  np.testing.assert_array_equal(
      folder.boundaries.void, sum(image.boundaries.void for image in alone))
  assert folder.boundaries.void[0] > folder.boundaries.void[1] > 0
  np.testing.assert_array_equal(
      folder.boundaries.f, [image.boundaries.f[0] for image in alone])
  for index, trimap in enumerate(folder.boundaries.trimaps):
    np.testing.assert_array_equal(trimap.counts, sum(
        image.boundaries.trimaps[index].counts for image in alone))


def test_boundary_f_is_the_mean_over_images_of_the_mean_over_classes():
  scores = image_scores.BoundaryScores(
      f=np.array([[1, .5, np.nan], [.5, np.nan, 0], [np.nan] * 3]),
      bands=np.zeros((3, 3), int), trimaps=[], void=np.zeros(2, int))
  np.testing.assert_array_equal(scores.image_f, [.75, .25, np.nan])
  assert scores.mean_f == .5
  np.testing.assert_array_equal(scores.class_f, [.75, .5, 0])
  assert np.isnan(scores.band_iou).all()


def test_rows_of_the_csv_leave_unknown_scores_empty():
  ignored = np.full((2, 2), 255, np.uint8)
  halves = np.array([[0, 0], [1, 1]], np.uint8)
  folder = FolderScores([
      _score(ignored, halves), _score(halves, np.zeros_like(halves)),
      _score(halves, halves)])
  heading, *rows = [list(row) for row in folder.rows(['a', 'b', 'sub/c'])]
  assert heading == ['image', 'pixel_accuracy', 'mean_iou', 'boundary_f']
  assert rows == [['a', '', '', ''],
                  ['b', '0.500000', '0.250000', '0.000000'],
                  ['sub/c', '1.000000', '1.000000', '1.000000']]


def test_rows_without_boundaries():
  matrix = ConfusionMatrix(3)
  matrix.update(np.array([0, 1]), np.array([0, 1]))
  folder = FolderScores([ImageScores(matrix)])
  assert folder.boundaries is None
  assert [list(row) for row in folder.rows(['a'])] == [
      ['image', 'pixel_accuracy', 'mean_iou'], ['a', '1.000000', '1.000000']]


def test_mean_iou_of_overlaps_is_that_of_the_matrix(rng):
  matrix = ConfusionMatrix(4)
  matrix.counts[:3, :3] = rng.integers(0, 9, (3, 3))
  matrix.other[1] = 3
  assert image_scores.mean_iou(matrix.overlaps()) == pytest.approx(
      matrix.mean_iou())
