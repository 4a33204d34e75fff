"""How well boundaries agree with several people's: precision, recall and F.

The measure of BSDS500 (Martin, Fowlkes and Malik, PAMI 2004): a boundary pixel
is right if it can be matched, one to one, to a person's boundary pixel within
0.0075 of the image's diagonal. The benchmark solves an assignment of least
cost in which a match always beats none, so that as many pixels match as can;
here that number is found directly, as a maximum flow (scipy). Which partner a
pixel gets may differ, the counts do not, except that the benchmark looks at a
pixel's six nearest partners only.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.spatial

TOLERANCE = 0.0075  # of the diagonal


def region_boundaries(labels):
  """Returns bool[H, W], thin boundaries of i[H, W] regions.

  A pixel is on one if it or its right, lower or diagonal neighbour differs:
  the corners of the doubled grid, as in the benchmark; then thinned.
  """
  padded = np.pad(labels, ((0, 1), (0, 1)), mode='edge')
  corners = np.stack([padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1],
                      padded[1:, 1:]])
  return thin((corners != corners[0]).any(0))


def thin(mask):
  """Thins bool[H, W] to lines of one pixel, 8-connected (Guo and Hall 1989)."""
  mask = mask.copy()
  while True:
    before = mask.sum()
    for half in (0, 1):
      mask &= ~_removable(mask, half)
    if mask.sum() == before:
      return mask


def _removable(mask, half):
  """Pixels that one half-step of the thinning takes off."""
  height, width = mask.shape
  padded = np.pad(mask, 1)
  # Clockwise from above; n[8] is n[0] again.
  n = [padded[1 + y:1 + y + height, 1 + x:1 + x + width]
       for y, x in ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1),
                    (-1, -1), (-1, 0))]
  crossings = sum((~n[i] & (n[i + 1] | n[i + 2])).astype(int)
                  for i in (0, 2, 4, 6))
  pairs = np.minimum(*(
      sum((n[i] | n[i + 1]).astype(int) for i in range(first, 8, 2))
      for first in (0, 1)))
  if half == 0:
    kept = (n[4] | n[5] | ~n[7]) & n[6]
  else:
    kept = (n[0] | n[1] | ~n[3]) & n[2]
  return mask & (crossings == 1) & (pairs >= 2) & (pairs <= 3) & ~kept


def match(boundaries, truth, tolerance=TOLERANCE):
  """Matches boundary pixels one to one, as many as possible.

  Args:
    boundaries: bool[H, W].
    truth: bool[H, W].
    tolerance: largest distance, a share of the diagonal.

  Returns:
    bool[P], whether each pixel of `boundaries` (in raster order) is matched.
  """
  found, true = np.argwhere(boundaries), np.argwhere(truth)
  if not (len(found) and len(true)):
    return np.zeros(len(found), bool)
  near = scipy.spatial.cKDTree(found).sparse_distance_matrix(
      scipy.spatial.cKDTree(true), tolerance * np.hypot(*boundaries.shape),
      output_type='coo_matrix')
  return _matched_rows(near.row, near.col, near.shape)


def _matched_rows(rows, columns, shape):
  """Matches rows to columns one to one, as many as possible.

  As a flow of one from each row to at most one column: scipy's own bipartite
  matching did not end within minutes on a boundary of BSDS500 (189080).

  Args:
    rows, columns: i[E], the pairs that may match.
    shape: (rows, columns) there are.

  Returns:
    bool[rows], whether each is matched.
  """
  source = sum(shape)
  ends = np.concatenate([
      np.stack([np.full(shape[0], source), np.arange(shape[0])]),
      np.stack([rows, shape[0] + columns]),
      np.stack([shape[0] + np.arange(shape[1]),
                np.full(shape[1], source + 1)])], 1)
  network = scipy.sparse.csr_array(
      (np.ones(ends.shape[1], np.int32), ends.astype(np.int32)),
      shape=(source + 2, source + 2))
  flow = scipy.sparse.csgraph.maximum_flow(network, source, source + 1).flow
  return flow[[source]].toarray()[0, :shape[0]] > 0


def count_boundaries(segmentations, truths, tolerance=TOLERANCE):
  """Counts matched boundary pixels of an image at T thresholds.

  Args:
    segmentations: T of i[H, W].
    truths: list of bool[H, W], one a person.
    tolerance: as in `match`.

  Returns:
    i64[T, 4]: boundary pixels matched to anyone, boundary pixels; true pixels
    matched, true pixels, both summed over people.
  """
  rows = []
  for labels in segmentations:
    boundaries = region_boundaries(labels)
    matched = [match(boundaries, truth, tolerance) for truth in truths]
    # As the benchmark: a pixel is right if anybody drew it, and what each drew
    # is to be found.
    rows.append((np.any(matched, 0).sum(), boundaries.sum(),
                 np.sum(matched), np.sum(truths)))
  return np.array(rows)


def summarize(counts, thresholds):
  """Scores of a data set.

  Args:
    counts: i64[N, T, 4] of N images.
    thresholds: T numbers.

  Returns:
    {'ods', 'ods_threshold', 'ois', 'at_last', 'ap', 'precision', 'recall'}: F
    at the best threshold of the data set and of each image, the share of images
    whose best is the last one, average precision, and precision and recall at
    the threshold of the data set.
  """
  counts = np.asarray(counts, np.float64)
  precision, recall = _rates(counts.sum(0))
  scores = f_measure(precision, recall)
  best = int(np.argmax(scores))
  own = f_measure(*_rates(counts)).argmax(1)
  chosen = counts[np.arange(len(counts)), own].sum(0)
  return {'ods': float(scores[best]),
          'ods_threshold': float(thresholds[best]),
          'ois': float(f_measure(*_rates(chosen))),
          'at_last': float(np.mean(own == len(thresholds) - 1)),
          'ap': average_precision(precision, recall),
          'precision': float(precision[best]), 'recall': float(recall[best])}


def _rates(counts):
  """Precision and recall of [..., 4] counts; nothing found is all right."""
  matched, found, recalled, true = np.moveaxis(counts, -1, 0)
  precision = np.where(found > 0, matched / np.maximum(found, 1), 1.)
  return precision, recalled / np.maximum(true, 1)


def f_measure(precision, recall):
  """The harmonic mean; 0 where both are 0."""
  return 2 * precision * recall / np.maximum(precision + recall, 1e-12)


def average_precision(precision, recall):
  """Mean of the interpolated precision at recalls 0, 0.01 .. 1, 0 beyond."""
  order = np.argsort(recall, kind='stable')
  recall, precision = recall[order], precision[order]
  known, first = np.unique(recall, return_index=True)
  heights = np.maximum.reduceat(precision, first)
  grid = np.linspace(0, 1, 101)
  return float(np.interp(grid, known, heights, left=0, right=0).mean())
