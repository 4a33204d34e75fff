"""The bootstrap over images, against loops and where it is known."""

import json

import numpy as np
import pytest

from segsort.evaluation import comparison
from segsort.evaluation import image_scores
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.evaluation.image_scores import (
    BoundaryScores, FolderScores, ImageScores)


def _folder(matrices, boundary_f=None):
  """FolderScores of images with the given i[N, C, C] counts."""
  images = []
  for number, counts in enumerate(matrices):
    matrix = ConfusionMatrix(len(counts))
    matrix.counts[:] = counts
    images.append(ImageScores(matrix))
    if boundary_f is not None:
      images[-1].boundaries = BoundaryScores(
          f=boundary_f[number][np.newaxis], bands=np.zeros((3, 2), int),
          trimaps=[], void=np.zeros(2, int))
  return FolderScores(images)


def test_resampled_iou_equals_that_of_resummed_matrices(rng):
  counts = rng.integers(0, 20, (5, 3, 3))
  counts[:, 2] = counts[:, :, 2] = 0
  counts[1, 2, 2] = 4  # class 2 is absent from some resamples
  draws = rng.multinomial(5, [.2] * 5, 40)
  found = comparison._resample_iou(_folder(counts).counts, draws)
  for draw, value in zip(draws, found):
    matrix = ConfusionMatrix(3)
    for image, times in zip(counts, draw):
      matrix.counts += times * image
    assert value == pytest.approx(matrix.mean_iou())


def test_resampled_mean_leaves_unknown_images_out():
  draws = np.array([[2, 1, 0], [0, 0, 3], [1, 0, 2]])
  np.testing.assert_array_equal(
      comparison._resample_mean(np.array([.2, .8, np.nan]), draws),
      [(.2 + .2 + .8) / 3, np.nan, .2])


def test_same_predictions_differ_by_nothing(rng):
  folder = _folder(rng.integers(1, 9, (6, 2, 2)), rng.random((6, 2)))
  found = comparison.compare(folder, folder, resamples=50, seed=1)
  for name in ('mean_iou', 'boundary_f'):
    assert found[name].value == found[name].low == found[name].high == 0


def test_images_are_paired():
  """Each image is better by .1: so is each draw, however images vary."""
  first = np.array([[.9, .9], [.1, .1], [.5, .5]])
  matrices = [np.eye(2, dtype=int)] * 3
  found = comparison.compare(
      _folder(matrices, first), _folder(matrices, first - .1),
      resamples=200, seed=1)['boundary_f']
  assert found.ours == pytest.approx(.5) and found.other == pytest.approx(.4)
  assert found.low == pytest.approx(.1) and found.high == pytest.approx(.1)


def test_interval_is_that_of_the_mean(rng):
  """Of many images it is about 1.96 standard errors to either side."""
  values = rng.normal(.6, .1, (400, 2))
  others = rng.normal(.5, .1, (400, 2))
  matrices = [np.eye(2, dtype=int)] * 400
  found = comparison.compare(
      _folder(matrices, values), _folder(matrices, others), resamples=4000,
      seed=3)['boundary_f']
  error = (values.mean(1) - others.mean(1)).std() / 20
  assert found.value - found.low == pytest.approx(1.96 * error, rel=.08)
  assert found.high - found.value == pytest.approx(1.96 * error, rel=.08)


def test_seed_decides_the_draws(rng):
  folders = [_folder(rng.integers(1, 9, (6, 2, 2))) for _ in range(2)]
  first, again, other = (
      comparison.compare(*folders, resamples=50, seed=seed)
      for seed in (1, 1, 2))
  assert first == again != other
  assert list(first) == ['mean_iou']  # no boundaries
  assert first['mean_iou'].low <= first['mean_iou'].value
  assert first['mean_iou'].value <= first['mean_iou'].high


def test_pictures_without_boundaries_are_not_compared_by_them():
  folder = _folder([np.eye(2, dtype=int)], np.full((1, 2), np.nan))
  assert list(comparison.compare(folder, folder, resamples=9, seed=1)) == [
      'mean_iou']


def test_one_image_is_always_drawn(rng):
  folders = [_folder(rng.integers(1, 9, (1, 2, 2))) for _ in range(2)]
  found = comparison.compare(*folders, resamples=9, seed=1)['mean_iou']
  assert found.low == found.high == pytest.approx(found.value)
  assert found.ours == pytest.approx(
      float(image_scores.mean_iou(folders[0].counts)[0]))


def test_lines_and_table():
  found = {'mean_iou': comparison.Difference(.5, .25, -.125, .75)}
  assert comparison.comparison_lines(found, 'other/gray', 7, 100) == [
      'against other/gray, with 95% intervals from 100 resamples of 7 images:',
      'difference in mean IOU: 50.0000% - 25.0000% = +25.0000, '
      'from -12.5000 to +75.0000']
  table = comparison.comparison_table(found, 'other/gray', 100)
  assert json.loads(json.dumps(table, allow_nan=False)) == {
      'pred_dir': 'other/gray', 'resamples': 100, 'confidence': .95,
      'mean_iou': {'ours': .5, 'other': .25, 'low': -.125, 'high': .75,
                   'difference': .25}}
