"""The scores of a folder as lines and as a table for JSON."""

import numpy as np

from segsort.evaluation.class_boundaries import TRIMAP_WIDTHS
from segsort.evaluation.confusion_matrix import mean_known


def score_lines(matrix, names):
  """The printed report: a row per class, then the means.

  Args:
    matrix: ConfusionMatrix.
    names: a name per class.

  Returns:
    List of lines.
  """
  iou = matrix.iou()
  width = max(15, *map(len, names))
  lines = [
      f'class {name:{width}s}: {label:02d}, IOU: {_percent(value)}'
      for label, (name, value) in enumerate(zip(names, iou))]
  absent = _absent(iou, names)
  if absent:
    lines.append('absent, so left out of the mean: ' + ', '.join(absent))
  if matrix.other.any():
    lines.append('pixels predicted as none of the classes, which count as '
                 f'wrong: {matrix.other.sum()}')
  return lines + [
      f'mean IOU: {100 * matrix.mean_iou():.4f}%',
      f'pixel accuracy: {100 * matrix.pixel_accuracy():.4f}%',
      f'mean accuracy: {100 * matrix.mean_accuracy():.4f}%']


def score_table(matrix, names):
  """The scores for a JSON file, fractions of 1; absent classes are None."""
  iou = matrix.iou()
  return {
      'mean_iou': matrix.mean_iou(),
      'pixel_accuracy': matrix.pixel_accuracy(),
      'mean_accuracy': matrix.mean_accuracy(),
      'iou': _by_name(iou, names),
      'absent': _absent(iou, names),
      'confusion_matrix': matrix.counts.tolist(),
      'predicted_as_no_class': matrix.other.tolist()}


def boundary_lines(boundaries, names):
  """The printed report of boundaries: a row per class, then the means.

  Args:
    boundaries: BoundaryScores of `image_scores`.
    names: a name per class.

  Returns:
    List of lines.
  """
  width = max(15, *map(len, names))
  lines = [
      f'class {name:{width}s}: {label:02d}, boundary F: {_percent(score)}, '
      f'boundary IOU: {_percent(iou)}'
      for label, (name, score, iou) in enumerate(
          zip(names, boundaries.class_f, boundaries.band_iou))]
  ignored, left = boundaries.void
  if ignored:
    lines.append('ignored pixels that count as the nearest class for these: '
                 f'{_percent(1 - left / ignored)}')
  lines += [f'mean boundary F: {_percent(boundaries.mean_f)}',
            f'mean boundary IOU: {_percent(mean_known(boundaries.band_iou))}']
  return lines + [
      f'mean IOU within {width} px of a boundary: {_percent(trimap.mean_iou())}'
      for width, trimap in zip(TRIMAP_WIDTHS, boundaries.trimaps)]


def boundary_table(boundaries, names):
  """The scores of boundaries for a JSON file, like `score_table`."""
  return {
      'ignored_pixels': int(boundaries.void[0]),
      'ignored_pixels_filled': int(boundaries.void[0] - boundaries.void[1]),
      'mean_boundary_f': _known(boundaries.mean_f),
      'boundary_f': _by_name(boundaries.class_f, names),
      'mean_boundary_iou': _known(mean_known(boundaries.band_iou)),
      'boundary_iou': _by_name(boundaries.band_iou, names),
      'trimap_mean_iou': {
          str(width): _known(trimap.mean_iou())
          for width, trimap in zip(TRIMAP_WIDTHS, boundaries.trimaps)}}


def _by_name(values, names):
  return {name: _known(value) for name, value in zip(names, values)}


def _known(value):
  """A number for JSON, which has no NaN."""
  return None if np.isnan(value) else float(value)


def _percent(value):
  return 'absent' if np.isnan(value) else f'{100 * value:.4f}%'


def _absent(iou, names):
  """The names of the classes found in neither truth nor predictions."""
  return [name for name, value in zip(names, iou) if np.isnan(value)]
