"""Boundaries drawn through the ignored bands between objects.

VOC's masks ignore a band of some five pixels along every outline (two or three
at half size), so that no two objects touch and no boundary would be left to
score. A pixel of such a band gets the nearest class, which puts the boundary in
the band's middle. No pixel of a band is further from a labelled one than the
tolerance of boundary F, a share of the diagonal as well: so a boundary that is
anywhere in the band is found. What is wider is no band but an area that nobody
labelled, and stays ignored, its rim included.
"""

import numpy as np

from segsort.evaluation import boundary_metrics
from segsort.evaluation.class_boundaries import ROUNDING
from segsort.evaluation.class_boundaries import bounding_box, distances

REACH = boundary_metrics.TOLERANCE  # from labelled pixels, of the diagonal
LEAST = 2  # pixels: bands of small pictures are two to four wide


def fill(labels, ignore_label):
  """Gives the ignored pixels of bands the label of the nearest labelled one.

  A band is where between the labelled pixels no disc fits whose radius is the
  largest distance: what an opening by that disc takes away.

  Args:
    labels: integers [H, W], each a class or the ignore label.
    ignore_label: the label of ignored pixels.

  Returns:
    integers [H, W] of the same type; of equally near labels it is the lowest.
    The labels themselves if none is ignored.
  """
  ignored = labels == ignore_label
  if not ignored.any():
    return labels
  radius = max(LEAST, REACH * np.hypot(*labels.shape)) + ROUNDING
  band = ignored & ~_wide(ignored, radius)
  filled, nearest = labels.copy(), np.full(labels.shape, np.inf, np.float32)
  for label in np.unique(labels[~ignored]) if band.any() else ():
    mask = labels == label
    box = bounding_box(mask, int(radius) + 1)  # as far as a band reaches
    ahead = distances(~mask[box])
    closer = band[box] & (ahead < nearest[box])
    filled[box][closer] = label
    nearest[box][closer] = ahead[closer]
  return filled


def _wide(ignored, radius):
  """The ignored pixels in a disc of ignored ones, bool[H, W]."""
  if ignored.all():
    return ignored  # there is no pixel that a distance could be to
  centres = distances(ignored) > radius
  if not centres.any():
    return centres
  return ignored & (distances(~centres) <= radius)
