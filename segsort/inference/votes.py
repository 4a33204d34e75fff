"""Votes of clusters, summed per pixel over windows, scales and mirrors.

All pixels of a cluster have the same votes: a table (clusters x classes) and
the cluster labels hold them all. Classes are painted one after the other, and
those that nobody votes for never, so that memory has one map a class that is
voted for, whatever the number of scales.
"""

import cv2
import numpy as np

LOOKUP_SIZE = 256  # of OpenCV's table for 8-bit labels
# Several classes' votes are looked up and summed at once, in lanes of a word.
PACK = np.dtype(np.uint64)


class VoteSum:
  """Votes per pixel and class, of one image.

  Attributes:
    size: (height, width) of the image.
  """

  def __init__(self, size):
    """Starts without votes."""
    self.size = tuple(size)
    self._totals = {}  # class -> f32[H, W]

  def add_view(self, size, windows, flip=False):
    """Adds the votes of one view of the image.

    Args:
      size: (height, width) of the view, another than the image's for another
        scale: votes are resized as OpenCV does, bilinearly.
      windows: list of (top, bottom, left, right) in the view, cluster labels
        [h, w] and votes i32[K, C] of the clusters. Overlaps are summed.
      flip: whether the view is a mirror image.
    """
    # By cluster: 55 times as fast as the count by pixel of the release.
    tables = np.stack([table for _, _, table in windows])
    voted = np.flatnonzero(tables.any((0, 1)))
    # No sum overflows: so many votes has a pixel that all windows show.
    lane = np.min_scalar_type(int(tables.max((1, 2)).sum()))
    lanes = PACK.itemsize // lane.itemsize
    for first in range(0, len(voted), lanes):
      labels = voted[first:first + lanes]
      packed = np.zeros(size, PACK)
      for (top, bottom, left, right), clusters, table in windows:
        part = packed[top:bottom, left:right]
        height, width = part.shape
        if table[:, labels].any():
          part += look_up(pack(table[:, labels], lane),
                          clusters[:height, :width])
      packed = packed.view(lane).reshape(*size, lanes)
      for index, label in enumerate(labels):
        self._add(label, packed[..., index].astype(np.float32), flip)

  def _add(self, label, votes, flip):
    """Adds f32[h, w] votes for one class, of the view's size."""
    if flip:
      votes = cv2.flip(votes, 1)
    if votes.shape != self.size:
      votes = cv2.resize(
          votes, self.size[::-1], interpolation=cv2.INTER_LINEAR)
    if label in self._totals:
      self._totals[label] += votes
    else:
      self._totals[label] = votes

  def winners(self):
    """Returns i32[H, W]: the class of most votes, ties to the lowest."""
    highest = self._totals.get(0, np.zeros(self.size, np.float32)).copy()
    dtype = np.min_scalar_type(max(self._totals, default=0))
    labels = np.zeros(self.size, dtype)
    for label in sorted(self._totals):
      more = self._totals[label] > highest
      # No label so far is higher: a maximum, much faster than under a mask.
      np.maximum(labels, np.multiply(more, dtype.type(label)), out=labels)
      np.maximum(highest, self._totals[label], out=highest)
    return labels.astype(np.int32)


def pack(votes, lane):
  """Returns PACK[K]: the votes i32[K, L] side by side, in lanes of a dtype."""
  packed = np.zeros([len(votes), PACK.itemsize // lane.itemsize], lane)
  packed[:, :votes.shape[1]] = votes
  return packed.view(PACK)[:, 0]


def look_up(values, clusters):
  """Returns PACK[h, w]: the value of each pixel's cluster.

  Args:
    values: PACK[K].
    clusters: u8[h, w] or i32[h, w], 0..K-1.
  """
  if clusters.dtype != np.uint8:
    return values[clusters]
  table = np.zeros(LOOKUP_SIZE, PACK)
  table[:len(values)] = values
  # OpenCV copies eight bytes at a time, whatever they stand for, and several
  # times faster than numpy takes them.
  return cv2.LUT(clusters, table.view(np.float64)).view(PACK)
