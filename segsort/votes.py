"""Votes of clusters, summed per pixel over windows, scales and mirrors.

All pixels of a cluster have the same votes: a table (clusters x classes) and
the cluster labels hold them all. Classes are painted one after the other, and
those that nobody votes for never, so that memory has one map a class that is
voted for, whatever the number of scales.
"""

import cv2
import numpy as np

LOOKUP_SIZE = 256  # of OpenCV's table for 8-bit labels


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
    voted = np.any([table.any(0) for _, _, table in windows], axis=0)
    for label in np.flatnonzero(voted):
      votes = np.zeros(size, np.float32)
      for (top, bottom, left, right), clusters, table in windows:
        if table[:, label].any():
          part = votes[top:bottom, left:right]
          height, width = part.shape
          # In place, and several times faster than numpy's += of 8 bits.
          cv2.accumulate(
              look_up(table[:, label], clusters[:height, :width]), part)
      if flip:
        votes = cv2.flip(votes, 1)
      self._add(label, cv2.resize(
          votes, self.size[::-1], interpolation=cv2.INTER_LINEAR))

  def _add(self, label, votes):
    if label in self._totals:
      self._totals[label] += votes
    else:
      self._totals[label] = votes

  def winners(self):
    """Returns i32[H, W]: the class of most votes, ties to the lowest."""
    labels = np.zeros(self.size, np.int32)
    highest = self._totals.get(0, np.zeros(self.size, np.float32)).copy()
    for label in sorted(self._totals):
      more = self._totals[label] > highest
      np.copyto(labels, label, where=more)
      np.maximum(highest, self._totals[label], out=highest)
    return labels


def look_up(votes, clusters):
  """Returns u8[h, w], or f32[h, w] where 8 bits do not do: votes per pixel.

  Args:
    votes: i32[K], 0 or more.
    clusters: u8[h, w] or i32[h, w], 0..K-1.
  """
  votes = votes.astype(np.uint8 if votes.max() < 256 else np.float32)
  if clusters.dtype != np.uint8:
    return votes[clusters]
  table = np.zeros(LOOKUP_SIZE, votes.dtype)
  table[:len(votes)] = votes
  return cv2.LUT(clusters, table)
