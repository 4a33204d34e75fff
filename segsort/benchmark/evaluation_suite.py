"""Scoring a folder of predictions of the size of VOC 2012's val split."""

import os
import tempfile

import cv2
import numpy as np
import PIL.Image

from segsort.benchmark import measure
from segsort.data import dataset_info
from segsort.data import mask_pairs
from segsort.evaluation import evaluation
from segsort.evaluation import evaluation_flags
from segsort.runs import files

PAIRS, CLASSES, SIZE = 500, 21, (375, 500)


def comparisons():
  """Yields the row: 500 pairs of masks, decoded and counted."""
  with tempfile.TemporaryDirectory() as folder:
    config = evaluation_flags.EvaluateConfig(
        pred_dir=os.path.join(folder, 'pred'),
        gt_dir=os.path.join(folder, 'gt'))
    write_pairs(config)
    pairs = mask_pairs.find_pairs(config.pred_dir, config.gt_dir)
    _check_equal(
        evaluation.score_pairs(pairs, config).matrix, count_twin(pairs))
    yield measure.Comparison(
        name=f'score {PAIRS} pairs of {SIZE[0]}x{SIZE[1]}', aim=4., repeats=5,
        ours=lambda: evaluation.score_pairs(pairs, config).matrix,
        twin=lambda: count_twin(pairs))


def write_pairs(config):
  """Draws true masks with ignored borders, and predictions beside them."""
  rng = np.random.default_rng(0)
  for number in range(PAIRS):
    size = SIZE if number % 2 else SIZE[::-1]
    truth = np.zeros(size, np.uint8)
    for _ in range(rng.integers(2, 8)):
      centre, axes = (rng.integers(low, high, 2).tolist() for low, high in (
          (0, size[::-1]), (20, 150)))
      cv2.ellipse(truth, centre, axes, int(rng.integers(180)), 0, 360,
                  int(rng.integers(1, CLASSES)), -1)
    borders = cv2.morphologyEx(truth, cv2.MORPH_GRADIENT, np.ones((5, 5)))
    predictions = np.roll(truth, (3, 2), (0, 1))
    truth[borders > 0] = 255
    files.write_png(os.path.join(config.gt_dir, f'{number}.png'), truth,
                    dataset_info.get('voc12').palette)
    files.write_png(os.path.join(config.pred_dir, f'{number}.png'), predictions)


def count_twin(pairs):
  """Counts pair by pair: histograms of the truth, the prediction, the hits."""
  bins = np.arange(CLASSES + 1)
  totals = np.zeros((3, CLASSES), np.int64)
  for prediction_path, truth_path in pairs:
    predictions, truth = (np.array(PIL.Image.open(path))
                          for path in (prediction_path, truth_path))
    scored = truth < CLASSES
    hits = scored & (predictions == truth)
    for total, labels in zip(totals, (
        truth[scored], predictions[scored], truth[hits])):
      total += np.histogram(labels, bins)[0]
  return totals


def _check_equal(matrix, totals):
  """Makes sure that both count the same before they are timed."""
  np.testing.assert_array_equal(totals, [
      matrix.true_pixels, matrix.predicted_pixels, np.diag(matrix.counts)])
