"""The confusion matrix and its scores, against loops and by hand."""

import numpy as np
import pytest

from segsort.errors import InputError
from segsort.evaluation import confusion_matrix
from segsort.evaluation.confusion_matrix import ConfusionMatrix


def _matrix(truth, predictions, num_classes, ignore_label=255):
  matrix = ConfusionMatrix(num_classes, ignore_label)
  matrix.update(np.array(truth), np.array(predictions))
  return matrix


def _random_masks(seed, num_classes=5, size=(17, 23)):
  """Masks with ignored truth and predictions of no class."""
  rng = np.random.default_rng(seed)
  truth = rng.choice([*range(num_classes), 255], size)
  guesses = rng.choice([*range(num_classes), num_classes, 255, 30], size)
  return truth, np.where(rng.random(size) < 0.5, truth, guesses)


def _scores_with_loops(truth, predictions, num_classes):
  """IoU by class, mean IoU, pixel and mean accuracy; one pixel at a time."""
  hits, true, union = np.zeros((3, num_classes))
  for wanted, got in zip(truth.ravel(), predictions.ravel()):
    if wanted == 255:
      continue
    true[wanted] += 1
    union[wanted] += 1
    if wanted == got:
      hits[wanted] += 1
    elif got < num_classes:
      union[got] += 1
  iou = [hit / whole if whole else np.nan for hit, whole in zip(hits, union)]
  found = [hit / whole for hit, whole in zip(hits, true) if whole]
  return (iou, sum(x for x in iou if x == x) / sum(x == x for x in iou),
          hits.sum() / true.sum(), sum(found) / len(found))


def test_two_classes_by_hand():
  matrix = _matrix([[0, 0, 0, 1, 1, 255]], [[0, 0, 1, 1, 0, 1]], 2)
  np.testing.assert_array_equal(matrix.counts, [[2, 1], [1, 1]])
  np.testing.assert_array_equal(matrix.other, [0, 0])
  assert matrix.counts.dtype == np.int64
  np.testing.assert_allclose(matrix.iou(), [2 / 4, 1 / 3])
  assert matrix.mean_iou() == pytest.approx(5 / 12)
  assert matrix.pixel_accuracy() == pytest.approx(3 / 5)
  assert matrix.mean_accuracy() == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_rows_are_the_truth():
  np.testing.assert_array_equal(
      _matrix([2, 2, 2], [0, 0, 1], 3).counts,
      [[0, 0, 0], [0, 0, 0], [2, 1, 0]])


@pytest.mark.parametrize('seed', range(8))
def test_scores_match_loops(seed):
  num_classes = 2 + seed
  truth, predictions = _random_masks(seed, num_classes)
  matrix = _matrix(truth, predictions, num_classes)
  iou, mean_iou, pixel_accuracy, mean_accuracy = _scores_with_loops(
      truth, predictions, num_classes)
  np.testing.assert_allclose(matrix.iou(), iou)
  assert matrix.mean_iou() == pytest.approx(mean_iou)
  assert matrix.pixel_accuracy() == pytest.approx(pixel_accuracy)
  assert matrix.mean_accuracy() == pytest.approx(mean_accuracy)


@pytest.mark.parametrize('strange', [2, 255, 300, -1])
def test_prediction_of_no_class_is_wrong_but_in_no_column(strange):
  matrix = _matrix([0, 0, 1, 1], [0, strange, 1, strange], 2)
  np.testing.assert_array_equal(matrix.counts, [[1, 0], [0, 1]])
  np.testing.assert_array_equal(matrix.other, [1, 1])
  np.testing.assert_allclose(matrix.iou(), [0.5, 0.5])
  assert matrix.pixel_accuracy() == 0.5
  assert matrix.mean_accuracy() == 0.5


def test_class_absent_from_both_is_left_out_of_the_mean():
  matrix = _matrix([0, 0, 2], [0, 0, 2], 4)
  np.testing.assert_array_equal(matrix.iou(), [1, np.nan, 1, np.nan])
  assert matrix.mean_iou() == 1
  assert matrix.mean_accuracy() == 1


def test_class_only_predicted_counts_zero():
  matrix = _matrix([0, 0], [0, 1], 3)
  np.testing.assert_array_equal(matrix.iou(), [0.5, 0, np.nan])
  assert matrix.mean_iou() == 0.25
  assert matrix.mean_accuracy() == 0.5  # class 1 is not in the truth


def test_class_predicted_on_ignored_pixels_only_is_absent():
  assert np.isnan(_matrix([0, 255], [0, 1], 2).iou()[1])


def test_all_ignored_is_nan_without_warnings(recwarn):
  matrix = _matrix([[255, 255]], [[0, 1]], 2)
  assert np.isnan(matrix.iou()).all()
  assert np.isnan(matrix.mean_iou())
  assert np.isnan(matrix.pixel_accuracy())
  assert np.isnan(matrix.mean_accuracy())
  assert not recwarn.list


def test_one_pixel():
  matrix = _matrix([[1]], [[1]], 2)
  np.testing.assert_array_equal(matrix.iou(), [np.nan, 1])
  assert matrix.pixel_accuracy() == 1


def test_ignored_pixels_change_nothing():
  truth, predictions = _random_masks(3)
  more_truth = np.concatenate([truth, np.full_like(truth, 255)])
  more_predictions = np.concatenate([predictions, predictions[::-1]])
  np.testing.assert_array_equal(
      _matrix(more_truth, more_predictions, 5).counts,
      _matrix(truth, predictions, 5).counts)


def test_permuting_classes_permutes_iou():
  truth, predictions = _random_masks(4)
  names = np.arange(256)
  names[:5] = [3, 0, 4, 1, 2]
  matrix = _matrix(truth, predictions, 5)
  renamed = _matrix(names[truth], names[predictions], 5)
  np.testing.assert_array_equal(renamed.iou()[names[:5]], matrix.iou())
  assert renamed.mean_iou() == pytest.approx(matrix.mean_iou())


def test_parts_add_up_to_the_whole():
  truth, predictions = _random_masks(5)
  whole = _matrix(truth, predictions, 5)
  merged = _matrix(truth[:4], predictions[:4], 5)
  merged.add(_matrix(truth[4:], predictions[4:], 5))
  np.testing.assert_array_equal(merged.counts, whole.counts)
  np.testing.assert_array_equal(merged.other, whole.other)
  updated = _matrix(truth[:4], predictions[:4], 5)
  updated.update(truth[4:], predictions[4:])
  np.testing.assert_array_equal(updated.counts, whole.counts)


def test_small_integer_types_do_not_overflow():
  truth, predictions = np.full((2, 300), 20, np.uint8)
  assert _matrix(truth, predictions, 21).counts[20, 20] == 300


@pytest.mark.parametrize('label', [2, 254, -1])
def test_true_label_of_no_class_is_refused_by_name(label):
  with pytest.raises(InputError) as raised:
    ConfusionMatrix(2).update(
        np.array([0, label]), np.array([0, 0]), 'gt/a.png')
  assert str(raised.value).startswith(f'gt/a.png holds the label {label},')
  assert '\n' not in str(raised.value)


@pytest.mark.parametrize('ignore_label', [0, 3, 255, -1])
@pytest.mark.parametrize('float_counts', [0, 2**24])
def test_bytes_count_as_wider_integers_do(
    monkeypatch, ignore_label, float_counts):
  monkeypatch.setattr(confusion_matrix, 'FLOAT_COUNTS', float_counts)
  truth, predictions = _random_masks(6)
  if ignore_label != 255:
    truth = np.where(truth == 255, 1, truth)
  wide = _matrix(truth, predictions, 5, ignore_label)
  narrow = _matrix(truth.astype(np.uint8)[None].T,
                   predictions.astype(np.uint8)[None].T, 5, ignore_label)
  np.testing.assert_array_equal(narrow.counts, wide.counts)
  np.testing.assert_array_equal(narrow.other, wide.other)
  assert narrow.other.any() and narrow.counts.dtype == np.int64


@pytest.mark.parametrize('dtype', [np.uint8, np.int32])
def test_a_strange_label_among_bytes_is_refused_and_counts_nothing(dtype):
  matrix = ConfusionMatrix(2)
  with pytest.raises(InputError, match='holds the label 7, which is neither'):
    matrix.update(np.array([0, 1, 7, 255], dtype), np.zeros(4, dtype))
  assert not matrix.counts.any() and not matrix.other.any()


def test_no_pixels_at_all():
  empty = np.zeros((0, 4), np.uint8)
  assert not _matrix(empty, empty, 2).counts.any()


def test_ignore_label_may_be_a_class():
  matrix = _matrix([0, 1, 1], [1, 1, 0], 2, ignore_label=0)
  np.testing.assert_array_equal(matrix.counts, [[0, 0], [1, 1]])
