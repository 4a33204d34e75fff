"""The scores of one image, and what those of a folder add up to."""

import dataclasses

import numpy as np

from segsort.evaluation import class_boundaries
from segsort.evaluation import confusion_matrix
from segsort.evaluation import void_band
from segsort.evaluation.confusion_matrix import ConfusionMatrix

CSV_DIGITS = 6


@dataclasses.dataclass
class BoundaryScores:
  """Boundaries of an image, or of several.

  Attributes:
    f: f64[N, C], boundary F of each class of N images, NaN without boundary.
    bands: i64[3, C], what `class_boundaries.band_pixels` counts, summed.
    trimaps: a ConfusionMatrix for each of `class_boundaries.TRIMAP_WIDTHS`.
    void: i64[2], the ignored pixels, and those that `void_band` leaves ignored.
  """
  f: np.ndarray
  bands: np.ndarray
  trimaps: list
  void: np.ndarray

  @property
  def class_f(self):
    """f64[C], boundary F of each class: the mean over its images."""
    return confusion_matrix.mean_known(self.f, 0)

  @property
  def image_f(self):
    """f64[N], boundary F of each image: the mean over its classes."""
    return confusion_matrix.mean_known(self.f, 1)

  @property
  def mean_f(self):
    """Boundary F of the data set: the mean over its images."""
    return float(confusion_matrix.mean_known(self.image_f))

  @property
  def band_iou(self):
    """f64[C], boundary IoU of each class."""
    return confusion_matrix.intersection_over_union(*self.bands)


def score_boundaries(truth, predictions, config):
  """Scores the boundaries of one image.

  Args:
    truth: integers [H, W], each a class or the ignore label.
    predictions: integers [H, W].
    config: an EvaluateConfig.

  Returns:
    BoundaryScores of one image.
  """
  # Predictions may have bands as well: the truth itself has to score 1.
  filled, found = (void_band.fill(labels, config.ignore_label)
                   for labels in (truth, predictions))
  masks = filled, found, filled != config.ignore_label, config.classes
  return BoundaryScores(
      f=class_boundaries.boundary_f(*masks, config.tolerance)[np.newaxis],
      bands=class_boundaries.band_pixels(*masks, config.boundary_width),
      trimaps=_score_trimaps(
          *((truth, predictions) if config.void_trimaps else (filled, found)),
          config),
      void=np.array([np.sum(mask == config.ignore_label)
                     for mask in (truth, filled)]))


def _score_trimaps(truth, predictions, config):
  """Counts the pixels near a change of label: a ConfusionMatrix per width.

  Kohli et al. (IJCV 2009) and Chen et al. (DeepLab, ICLR 2015) take VOC's
  ignored bands for the boundaries: with --void_trimaps every ignored pixel is
  a change. Otherwise only other classes are, as for the other scores.
  """
  widths = class_boundaries.TRIMAP_WIDTHS
  distances = class_boundaries.distances_to_change(
      truth, (truth != config.ignore_label) | config.void_trimaps, widths[-1])
  trimaps = []
  for width in widths:
    band = distances <= width
    trimaps.append(ConfusionMatrix(config.classes, config.ignore_label))
    trimaps[-1].update(truth[band], predictions[band])
  return trimaps


@dataclasses.dataclass
class ImageScores:
  """Scores of one image.

  Attributes:
    matrix: its ConfusionMatrix.
    boundaries: its BoundaryScores, or None.
  """
  matrix: ConfusionMatrix
  boundaries: BoundaryScores | None = None


class FolderScores:
  """Scores of the images of a folder.

  Attributes:
    matrix: ConfusionMatrix, the sum over images.
    counts: i64[N, 3, C], of each image the pixels of each class that are right,
      true and predicted: all that mean IoU needs.
    accuracies: f64[N], the pixel accuracy of each image.
    boundaries: BoundaryScores, or None.
  """

  def __init__(self, images):
    """Sums ImageScores, which are asked for one at a time."""
    self.matrix = self.boundaries = None
    counts, accuracies, scores = [], [], []
    for image in images:
      counts.append(image.matrix.overlaps())
      accuracies.append(image.matrix.pixel_accuracy())
      self.matrix = _sum(self.matrix, image.matrix)
      if image.boundaries:
        scores.append(image.boundaries.f)
        self.boundaries = _add(self.boundaries, image.boundaries)
    self.counts, self.accuracies = np.stack(counts), np.array(accuracies)
    if self.boundaries:
      self.boundaries.f = np.concatenate(scores)

  @property
  def image_iou(self):
    """f64[N], the mean IoU of each image over the classes found in it."""
    return mean_iou(self.counts)

  def rows(self, names):
    """Returns the lines of a CSV file, the heading first.

    Args:
      names: one an image.
    """
    columns = {'image': names, 'pixel_accuracy': self.accuracies,
               'mean_iou': self.image_iou}
    if self.boundaries:
      columns['boundary_f'] = self.boundaries.image_f
    return [list(columns), *(map(_cell, row) for row in zip(*columns.values()))]


def mean_iou(counts):
  """Mean IoU from the overlaps of each class.

  Args:
    counts: [..., 3, C], pixels that are right, true and predicted.

  Returns:
    f64[...], over the classes found in the truth or the predictions.
  """
  return confusion_matrix.mean_known(
      confusion_matrix.intersection_over_union(*np.moveaxis(counts, -2, 0)), -1)


def _sum(total, matrix):
  """Adds a ConfusionMatrix to another, or to None."""
  if total is None:
    total = ConfusionMatrix(matrix.num_classes, matrix.ignore_label)
  total.add(matrix)
  return total


def _add(total, image):
  """Adds an image's BoundaryScores, but for F, to those of others, or None."""
  if total is None:
    return dataclasses.replace(image)
  for of_all, of_image in zip(total.trimaps, image.trimaps):
    of_all.add(of_image)
  total.bands = total.bands + image.bands
  total.void = total.void + image.void
  return total


def _cell(value):
  """A CSV cell; that of an unknown score is empty."""
  if isinstance(value, str):
    return value
  return '' if np.isnan(value) else f'{value:.{CSV_DIGITS}f}'
