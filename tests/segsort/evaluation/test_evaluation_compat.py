"""`--tf1_compat` of evaluation: the figures that the TF1 release printed."""

import json

import needs
import numpy as np
import pytest

from segsort.evaluation import evaluation
from segsort.evaluation import evaluation_compat
from segsort.evaluation import evaluation_flags
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.runs import files

GOLDEN = needs.SHARED / 'golden/c9'


@pytest.fixture(name='golden')
def _golden():
  return json.loads((needs.shared('golden/c9') / 'expected.json').read_text())


def _matrix(truth, predictions, num_classes):
  matrix = ConfusionMatrix(
      num_classes + 1, evaluation_compat.EVALUATION_IGNORE_LABEL)
  matrix.update(evaluation_compat.evaluation_truth(truth, num_classes),
                predictions)
  return matrix


@pytest.mark.parametrize('suffix, num_classes, replace, key', [
    ('', 21, '', 'stdout_21'),
    ('', 10, '', 'stdout_10'),
    ('_suffix', 21, '_pred.,_gt.', 'stdout_string_replace__pred,_gt')])
def test_lines_match_golden(golden, capsys, suffix, num_classes, replace, key):
  evaluation.evaluate_folders(evaluation_flags.EvaluateConfig(
      pred_dir=f'{GOLDEN}/pred{suffix}', gt_dir=f'{GOLDEN}/gt{suffix}',
      num_classes=num_classes, string_replace=replace, tf1_compat=True))
  assert capsys.readouterr().out.splitlines() == golden[key]


def test_figures_match_golden(golden, tmp_path):
  path = tmp_path / 'scores.json'
  evaluation.evaluate_folders(evaluation_flags.EvaluateConfig(
      pred_dir=f'{GOLDEN}/pred', gt_dir=f'{GOLDEN}/gt', tf1_compat=True,
      save_json=str(path)))
  figures = json.loads(path.read_text())
  assert figures.pop('num_predictions') == 4
  assert figures.pop('initialisation') == ''  # of a network; there is none
  for key, value in figures.items():
    np.testing.assert_allclose(value, golden[key], rtol=1e-14, err_msg=key)


def test_library_confusion_matrix_matches_golden(golden):
  matrix = _matrix(np.array(golden['confusion_target']),
                   np.array(golden['confusion_pred']), 21)
  np.testing.assert_array_equal(
      evaluation_compat.evaluation_confusion(matrix),
      golden['confusion_matrix_21'])
  assert matrix.pixel_accuracy() == golden['accuracy']


def test_default_differs_from_golden_where_it_should(golden):
  matrix = evaluation.evaluate_folders(evaluation_flags.EvaluateConfig(
      pred_dir=f'{GOLDEN}/pred', gt_dir=f'{GOLDEN}/gt'))
  # Its predictions of 255 and 30 are wrong, not unseen.
  assert matrix.pixel_accuracy() == pytest.approx(
      sum(golden['tp']) / sum(golden['tp_fn']))
  assert matrix.other.sum() == sum(golden['tp_fn']) - sum(golden['tp_fp'])


def _figures_with_loops(truth, predictions, num_classes):
  true, predicted, hits = np.zeros((3, num_classes))
  for wanted, got in zip(truth.ravel(), predictions.ravel()):
    if wanted >= num_classes:
      continue
    true[wanted] += 1
    if got <= num_classes:
      predicted[min(got, num_classes - 1)] += 1
    if wanted == got:
      hits[wanted] += 1
  iou = [100 * h / (t + p - h) if t + p - h else 0
         for h, t, p in zip(hits, true, predicted)]
  return {
      'tp_fn': true, 'tp_fp': predicted, 'tp': hits, 'iou_percent': iou,
      'mean_iou_percent': sum(iou) / num_classes,
      'mean_pixel_acc_fraction': hits.sum() / predicted.sum()}


@pytest.mark.parametrize('seed', range(6))
def test_figures_match_loops(seed):
  rng = np.random.default_rng(seed)
  num_classes = 2 + seed
  labels = [*range(num_classes - 1), num_classes, num_classes + 1, 255]
  truth = rng.choice(labels, (20, 30))
  predictions = np.where(
      rng.random((20, 30)) < 0.5, truth, rng.choice(labels, (20, 30)))
  figures = evaluation_compat.evaluation_figures(
      _matrix(truth, predictions, num_classes))
  expected = _figures_with_loops(truth, predictions, num_classes)
  assert figures.keys() == expected.keys()
  for key, value in expected.items():
    np.testing.assert_allclose(figures[key], value, rtol=1e-12, err_msg=key)


def test_two_classes_by_hand():
  truth = np.array([0, 0, 1, 1, 1, 2, 255])
  predictions = np.array([0, 1, 1, 2, 255, 0, 0])
  matrix = _matrix(truth, predictions, 2)
  figures = evaluation_compat.evaluation_figures(matrix)
  assert figures['tp_fn'] == [2, 3]
  assert figures['tp_fp'] == [1, 3]  # the 2 lands in class 1, 255 nowhere
  assert figures['tp'] == [1, 1]
  np.testing.assert_allclose(figures['iou_percent'], [50, 20])
  np.testing.assert_allclose(figures['mean_pixel_acc_fraction'], 2 / 4)
  np.testing.assert_array_equal(
      evaluation_compat.evaluation_confusion(matrix), [[1, 1], [0, 2]])


def test_absent_classes_count_zero_in_the_mean():
  figures = evaluation_compat.evaluation_figures(
      _matrix(np.zeros(4, int), np.zeros(4, int), 4))
  np.testing.assert_allclose(figures['iou_percent'], [100, 0, 0, 0])
  assert figures['mean_iou_percent'] == pytest.approx(25)


def test_lines_of_more_classes_than_names(tmp_path, capsys):
  mask = np.array([[0, 21]], np.uint8)
  files.write_png(tmp_path / 'gt/a.png', mask)
  files.write_png(tmp_path / 'pred/a.png', mask)
  evaluation.evaluate_folders(evaluation_flags.EvaluateConfig(
      pred_dir=str(tmp_path / 'pred'), gt_dir=str(tmp_path / 'gt'),
      num_classes=22, tf1_compat=True))
  lines = capsys.readouterr().out.splitlines()
  assert lines[21:] == [
      'class           : 21, acc: 100.0000%', 'mean IOU: 9.0909%',
      'mean Pixel Acc: 1.0000%']
