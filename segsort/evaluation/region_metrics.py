"""How well regions agree with several people's: covering, Rand index, VI.

The measures of Arbelaez et al., "Contour Detection and Hierarchical Image
Segmentation" (PAMI 2011). A hierarchy is scored at every
threshold of its ultrametric contour map, then at the best one: of the data set
(ODS), of each image (OIS), and for the covering of each true region (best).

All of them follow from tables of how many pixels two segmentations share. That
of a coarser threshold is a sum of rows of the finest one's.
"""

import dataclasses

import numpy as np
import scipy.ndimage

EIGHT = np.ones((3, 3))  # neighbours on the doubled grid, corners included


def regions_of_ucm(ucm, threshold):
  """Cuts an ultrametric contour map.

  Args:
    ucm: f32[2H+1, 2W+1], contour strengths on the doubled grid.
    threshold: contours above it remain.

  Returns:
    i32[H, W], numbered from 0.
  """
  labels, _ = scipy.ndimage.label(ucm <= threshold, structure=EIGHT)
  return number_regions(labels[1::2, 1::2])


def number_regions(labels):
  """Renumbers i[H, W] from 0 on, in raster order of first occurrence."""
  _, first, ids = np.unique(labels, return_index=True, return_inverse=True)
  rank = np.empty(len(first), np.int32)
  rank[np.argsort(first)] = np.arange(len(first))
  return rank[ids].reshape(labels.shape)


def shared_pixels(labels, truth):
  """Counts the pixels that two segmentations' regions share.

  Args:
    labels: i[H, W] from 0 on.
    truth: i[H, W] from 0 on.

  Returns:
    i64[R, G].
  """
  width = truth.max() + 1
  counts = np.bincount(
      labels.ravel().astype(np.int64) * width + truth.ravel(),
      minlength=(labels.max() + 1) * width)
  return counts.reshape(-1, width)


def coverings(table):
  """Returns f64[G]: each true region's best overlap with a region (IoU)."""
  unions = table.sum(1)[:, None] + table.sum(0) - table
  return (table / np.maximum(unions, 1)).max(0)


def rand_index(table):
  """Returns the share of pixel pairs on which two segmentations agree."""
  table = table.astype(np.float64)
  pixels = table.sum()
  if pixels < 2:
    return 1.
  disagree = ((table.sum(0) ** 2).sum() + (table.sum(1) ** 2).sum()
              - 2 * (table ** 2).sum())
  return 1 - disagree / (pixels * (pixels - 1))


def variation_of_information(table):
  """Returns H(regions | truth) + H(truth | regions), in bits."""
  joint, rows, columns = (
      _entropy(part) for part in (table, table.sum(1), table.sum(0)))
  return 2 * joint - rows - columns


def _entropy(counts):
  shares = counts[counts > 0] / counts.sum()
  return -(shares * np.log2(shares)).sum()


@dataclasses.dataclass
class ImageScores:
  """Scores of one image at T thresholds against all its people.

  Attributes:
    sizes: f64[G], pixels of each true region of each person.
    coverings: f64[T, G].
    rand: f64[T], probabilistic Rand index: the mean over people.
    variation: f64[T], variation of information in bits, likewise.
  """
  sizes: np.ndarray
  coverings: np.ndarray
  rand: np.ndarray
  variation: np.ndarray


def score_image(segmentations, truths):
  """Scores an image's segmentations, each a coarsening of the first.

  Args:
    segmentations: T of i[H, W], numbered from 0; the first is the finest.
    truths: list of i[H, W], one a person.

  Returns:
    An ImageScores.
  """
  finest = segmentations[0]
  _, places = np.unique(finest, return_index=True)
  truths = [number_regions(truth) for truth in truths]
  tables = [shared_pixels(finest, truth) for truth in truths]
  rows = [_score_tables(_merge_rows(tables, labels.ravel()[places]))
          for labels in segmentations]
  covering, rand, variation = (np.stack(part) for part in zip(*rows))
  sizes = np.concatenate([table.sum(0) for table in tables])
  return ImageScores(sizes.astype(float), covering, rand, variation)


def _merge_rows(tables, targets):
  """Sums the rows of i64[R, G] tables that go to the same target."""
  merged = []
  for table in tables:
    sums = np.zeros((targets.max() + 1, table.shape[1]), np.int64)
    np.add.at(sums, targets, table)
    merged.append(sums)
  return merged


def _score_tables(tables):
  return (np.concatenate([coverings(table) for table in tables]),
          np.mean([rand_index(table) for table in tables]),
          np.mean([variation_of_information(table) for table in tables]))


def summarize(scores, thresholds):
  """Scores of a data set.

  Args:
    scores: list of ImageScores, at the same T thresholds.
    thresholds: T numbers.

  Returns:
    {'covering': {'ods', 'ods_threshold', 'ois', 'at_last', 'best'}, 'rand' and
    'variation': the same but for 'best'}; at_last is the share of images whose
    best threshold is the last one.
  """
  sizes = np.array([image.sizes.sum() for image in scores])
  covered = np.stack([image.coverings @ image.sizes for image in scores], 1)
  best = sum(image.coverings.max(0) @ image.sizes for image in scores)
  total = sizes.sum()
  table = {'covering': _best(covered, thresholds, np.max, 1 / total),
           'rand': _best(np.stack([image.rand for image in scores], 1),
                         thresholds, np.max, 1 / len(scores)),
           'variation': _best(
               np.stack([image.variation for image in scores], 1), thresholds,
               np.min, 1 / len(scores))}
  table['covering']['best'] = float(best / total)
  return table


def _best(values, thresholds, choose, factor):
  """ODS and OIS of f64[T, N] values of N images."""
  of_data_set = values.sum(1)
  ods = choose(of_data_set)
  own = np.argmax(values == choose(values, 0), 0)
  return {
      'ods': float(ods * factor),
      'ods_threshold': float(thresholds[int(np.argmax(of_data_set == ods))]),
      'ois': float(choose(values, 0).sum() * factor),
      'at_last': float(np.mean(own == len(values) - 1))}
