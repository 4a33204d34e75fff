"""How well the boundaries of classes are drawn: F, boundary IoU, trimaps.

A *scored* pixel is one whose truth is known. Others are no boundary to
anything, neither in the truth nor in the prediction, and what is predicted on
them counts for nothing. Ignored pixels between objects are labelled before:
`void_band`.

    H height  W width  C classes

    labels: integers [H, W].        scored: bool[H, W].
"""

import cv2
import numpy as np

from segsort.evaluation import boundary_metrics

TRIMAP_WIDTHS = 1, 2, 4, 8, 16  # pixels to either side of a boundary
ROUNDING = 1e-6  # pixels, so that that of the diagonal decides nothing


def boundary_pixels(labels, scored):
  """Finds the pixels on either side of a change of label.

  Args:
    labels: integers [H, W].
    scored: bool[H, W].

  Returns:
    bool[H, W], the scored pixels that have another label than a scored pixel
    above, below, left or right of them. The image's edge is no boundary.
  """
  found = np.zeros(labels.shape, bool)
  for ahead, behind in ((np.s_[1:], np.s_[:-1]),
                        (np.s_[:, 1:], np.s_[:, :-1])):
    change = (labels[ahead] != labels[behind]) & scored[ahead] & scored[behind]
    found[ahead] |= change
    found[behind] |= change
  return found


def boundary_f(truth, predictions, scored, num_classes, tolerance):
  """Boundary F of each class of one image.

  The measure of Csurka et al., "What is a good evaluation measure for semantic
  segmentation?" (BMVC 2013): precision is the share of the class's predicted
  boundary pixels that lie within the tolerance of a true one of the class,
  recall the other way round, and F their harmonic mean. The score of an image
  is the mean over its classes, that of a data set the mean over images.

  Args:
    truth: integers [H, W], 0..C-1 where scored.
    predictions: integers [H, W]; what is no class has no boundary of its own.
    scored: bool[H, W].
    num_classes: C.
    tolerance: largest distance, a share of the image's diagonal.

  Returns:
    f64[C]; 0 for a class that has a boundary in the truth or the prediction
    alone, NaN for one that has none in either.
  """
  radius = tolerance * np.hypot(*truth.shape) + ROUNDING
  true, found = (boundary_pixels(labels, scored)
                 for labels in (truth, predictions))
  scores = np.full(num_classes, np.nan)
  for label in _union(_classes(truth, true, num_classes),
                      _classes(predictions, found, num_classes)):
    lines = true & (truth == label), found & (predictions == label)
    recall, precision = (share_near(*pair, radius)
                         for pair in (lines, lines[::-1]))
    scores[label] = boundary_metrics.f_measure(precision, recall)
  return scores


def share_near(points, others, radius):
  """Returns the share of some pixels that are near others; 0 without pixels.

  Args:
    points: bool[H, W].
    others: bool[H, W].
    radius: the largest Euclidean distance in pixels.
  """
  box = bounding_box(points, int(radius) + 1)
  points, others = points[box], others[box]
  if not (points.any() and others.any()):
    return 0.
  return float((distances(~others)[points] <= radius).mean())


def band_pixels(truth, predictions, scored, num_classes, share):
  """Counts what boundary IoU is made of, for each class of one image.

  Cheng et al., "Boundary IoU" (CVPR 2021): the intersection over union of the
  pixels of true and predicted mask that are no further than d inside of their
  own outline. As in the authors' code, distances are chessboard distances, and
  an object ends at the image's edge. Counts are to be summed over images.

  Args:
    truth: integers [H, W], 0..C-1 where scored.
    predictions: integers [H, W].
    scored: bool[H, W].
    num_classes: C.
    share: d as a share of the image's diagonal; at least one pixel.

  Returns:
    i64[3, C], pixels in both bands, in the true, in the predicted one.
  """
  width = max(1, round(share * np.hypot(*truth.shape)))
  counts = np.zeros((3, num_classes), np.int64)
  for label in _union(*(_classes(labels, scored, num_classes)
                        for labels in (truth, predictions))):
    true, found = (_inner_band(scored & (labels == label), scored, width)
                   for labels in (truth, predictions))
    counts[:, label] = (true & found).sum(), true.sum(), found.sum()
  return counts


def _inner_band(mask, scored, width):
  """The pixels of a mask with a scored pixel of none, or the edge, near by."""
  band = np.zeros_like(mask)
  box = bounding_box(mask, width)
  part = mask[box]
  # Beyond the box is the edge, or what no pixel of the mask reaches.
  inside = cv2.erode(
      (part | ~scored[box]).astype(np.uint8),
      np.ones((2 * width + 1, 2 * width + 1), np.uint8),
      borderType=cv2.BORDER_CONSTANT, borderValue=0)
  band[box] = part & (inside == 0)
  return band


def distances_to_change(labels, scored, reach):
  """Returns f32[H, W]: how far the nearest scored pixel of another label is.

  Args:
    labels: integers [H, W].
    scored: bool[H, W].
    reach: the largest distance that matters, in pixels; beyond, and where there
      is no such pixel, it is infinite.
  """
  nearest = np.full(labels.shape, np.inf, np.float32)
  for label in np.unique(labels):
    mask = labels == label
    box = bounding_box(mask, reach + 1)
    part, others = mask[box], scored[box] & ~mask[box]
    if others.any():
      nearest[box][part] = distances(~others)[part]
  nearest[nearest > reach] = np.inf
  return nearest


def bounding_box(mask, margin):
  """Returns slices around the True pixels of bool[H, W], as far as it goes."""
  left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
  return (slice(max(top - margin, 0), top + height + margin),
          slice(max(left - margin, 0), left + width + margin))


def distances(mask):
  """Exact Euclidean distances to the nearest False pixel, f32[H, W]."""
  return cv2.distanceTransform(
      mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _classes(labels, where, num_classes):
  """The classes among the labels of some pixels, in order."""
  counts = np.bincount(labels[where], minlength=num_classes)
  return np.flatnonzero(counts[:num_classes])


def _union(first, second):
  return np.union1d(first, second).tolist()
