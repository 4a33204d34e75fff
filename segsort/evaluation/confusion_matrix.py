"""Counts of true against predicted classes, and the scores made of them."""

import cv2
import numpy as np

from segsort.errors import InputError

FLOAT_COUNTS = 2**24  # pixels; OpenCV's float32 counts stand still beyond

class ConfusionMatrix:
  """Counts of (true class, predicted class) over pixels.

  Attributes:
    counts: i64[C, C], rows are the truth, columns the prediction.
    other: i64[C], pixels of each true class that were predicted as something
      that is no class, such as 255. They are wrong, but count against no
      other class; the TF1 release put label C into the last class.
    ignore_label: true label of pixels that are left out.
  """

  def __init__(self, num_classes, ignore_label=255):
    self.counts = np.zeros((num_classes, num_classes), np.int64)
    self.other = np.zeros(num_classes, np.int64)
    self.ignore_label = ignore_label

  @property
  def num_classes(self):
    """The number of classes."""
    return len(self.counts)

  @property
  def true_pixels(self):
    """i64[C], the pixels of each class in the truth."""
    return self.counts.sum(axis=1) + self.other

  @property
  def predicted_pixels(self):
    """i64[C], the pixels predicted as each class, ignored ones left out."""
    return self.counts.sum(axis=0)

  def update(self, truth, predictions, name='the truth'):
    """Counts the pixels of one picture.

    Args:
      truth: integers of any shape.
      predictions: integers of the same shape.
      name: what an error message calls the truth.

    Raises:
      InputError: a true label is neither a class nor the ignore label.
    """
    if truth.dtype == predictions.dtype == np.uint8 and truth.size and (
        self.num_classes <= 256):
      self._add_table(_count_bytes(truth, predictions), name)
      return
    num_classes = self.num_classes
    scored = truth != self.ignore_label
    truth = truth[scored].astype(np.int64)
    predictions = predictions[scored].astype(np.int64)
    self._refuse(truth[(truth < 0) | (truth >= num_classes)], name)
    is_class = (predictions >= 0) & (predictions < num_classes)
    columns = np.where(is_class, predictions, num_classes)
    pairs = np.bincount(
        truth * (num_classes + 1) + columns,
        minlength=num_classes * (num_classes + 1))
    pairs = pairs.reshape(num_classes, num_classes + 1)
    self.counts += pairs[:, :num_classes]
    self.other += pairs[:, num_classes]

  def _add_table(self, table, name):
    """Adds counts i64[256, 256] of all labels, whatever they mean."""
    num_classes = self.num_classes
    if 0 <= self.ignore_label < len(table):
      table[self.ignore_label] = 0
    labels = np.flatnonzero(table.any(axis=1))
    self._refuse(labels[labels >= num_classes], name)
    self.counts += table[:num_classes, :num_classes]
    self.other += table[:num_classes, num_classes:].sum(axis=1)

  def _refuse(self, strange, name):
    """Raises if there is a true label of no class that is not ignored."""
    if strange.size:
      raise InputError(
          f'{name} holds the label {strange[0]}, which is neither one of the '
          f'{self.num_classes} classes nor the ignore label '
          f'{self.ignore_label}; check --dataset, --num_classes and '
          '--ignore_label')

  def add(self, matrix):
    """Adds the counts of another ConfusionMatrix of as many classes."""
    self.counts += matrix.counts
    self.other += matrix.other

  def overlaps(self):
    """i64[3, C], the pixels of each class that are right, true, predicted."""
    return np.stack([
        np.diag(self.counts), self.true_pixels, self.predicted_pixels])

  def iou(self):
    """f64[C], intersection over union; NaN for a class found in neither."""
    return intersection_over_union(*self.overlaps())

  def mean_iou(self):
    """Mean IoU of the classes found in the truth or the predictions."""
    return float(mean_known(self.iou()))

  def pixel_accuracy(self):
    """The share of scored pixels that are right; NaN if there are none."""
    return float(_ratio(np.trace(self.counts), self.true_pixels.sum()))

  def mean_accuracy(self):
    """Mean over the classes of the truth of the share of pixels found."""
    return float(mean_known(_ratio(np.diag(self.counts), self.true_pixels)))


def _count_bytes(truth, predictions):
  """Counts i64[256, 256] of (true, predicted) labels of u8 pictures.

  To sort pixels out first, into scored ones and those of no class, costs
  several times as much as to count all of them.
  """
  if truth.size > FLOAT_COUNTS:
    pairs = truth.astype(np.uint16) << 8 | predictions
    counts = np.bincount(pairs.ravel(), minlength=256 * 256)
  else:
    counts = cv2.calcHist(
        [truth.reshape(1, -1), predictions.reshape(1, -1)], [0, 1], None,
        [256, 256], [0, 256, 0, 256])
  return counts.reshape(256, 256).astype(np.int64)


def intersection_over_union(shared, true, predicted):
  """The share of pixels in both of two masks among those in either.

  Args:
    shared, true, predicted: pixels in both, in one and in the other, of any
      shape.

  Returns:
    f64 of that shape, NaN where both are empty.
  """
  return _ratio(shared, true + predicted - shared)


def mean_known(values, axis=None):
  """The mean of the values that are not NaN; NaN where there are none."""
  known = ~np.isnan(values)
  return _ratio(np.where(known, values, 0).sum(axis), known.sum(axis))


def _ratio(part, whole):
  """part / whole, NaN where the whole is 0."""
  return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
