"""A picture's segments, each with the training segments that voted on it."""

import dataclasses

import numpy as np

from segsort.data import input_pipeline
from segsort.explanation import outlines


@dataclasses.dataclass(frozen=True)
class Segment:
  """One segment of a picture.

  Attributes:
    cluster: its k-means cluster, or its region.
    outline: SVG path, in pixels of the picture.
    centre: (x, y), its middle: where a key finds its neighbours on the page.
    pixels: how many.
    votes: (class, number of votes) of every class voted for, the most first.
    neighbours: row and cosine of each nearest prototype, nearest first.
    truth: (class, share of the annotated pixels) of the most frequent true
      class; None where no pixel is annotated.
  """
  cluster: int
  outline: str
  centre: tuple
  pixels: int
  votes: tuple
  neighbours: tuple
  truth: tuple | None = None

  @property
  def label(self):
    """The class it is labelled with."""
    return self.votes[0][0]

  @property
  def is_wrong(self):
    """Whether the truth is known, and another."""
    return self.truth is not None and self.truth[0] != self.label


def find_segments(labeller, image, features, truth=None, regions=None):
  """Finds the segments of a picture and why they have their labels.

  Args:
    labeller: a `region_labeller.RegionLabeller` with these prototypes.
    image: u8[H, W, 3].
    features: f32[M, D], of the prototypes.
    truth: i32[H, W] true classes, or None.
    regions: i32[H, W] that are its segments, or None for k-means clusters.

  Returns:
    A list of `Segment`, in reading order of their centres.
  """
  clusters, prototypes, nearest, votes = (
      labeller.retrieve(image) if regions is None else
      labeller.retrieve_in_regions(image, regions))
  joints = outlines.find_joints(clusters)
  segments = []
  for cluster in np.unique(clusters):
    mask = clusters == cluster
    rows = nearest[cluster]
    cosines = features[rows] @ prototypes[cluster]
    segments.append(Segment(
        int(cluster), outlines.outline(mask, joints=joints), _centre(mask),
        int(mask.sum()), rank_votes(votes[cluster], len(rows)),
        tuple(zip(rows.tolist(), cosines.tolist())),
        None if truth is None else _majority(truth[mask])))
  return sorted(segments, key=lambda segment: segment.centre[::-1])


def rank_votes(votes, num_neighbours):
  """Sorts what a segment is labelled by.

  Args:
    votes: i32[C], as `voting.count_votes` counts them, at least one above 0.
    num_neighbours: N.

  Returns:
    A tuple of (class, number), the winner first: the most votes, and the
    lowest of the classes that have as many. Weighted votes are scaled to N in
    all, to a tenth.
  """
  total = int(votes.sum())
  shown = votes.tolist() if total == num_neighbours else (
      votes * (num_neighbours / total)).round(1).tolist()
  return tuple((int(label), shown[label])
               for label in np.argsort(-votes, kind='stable') if votes[label])


def _centre(mask):
  """The mean (x, y) of the pixels, to a tenth."""
  rows, columns = np.nonzero(mask)
  return round(float(columns.mean()), 1), round(float(rows.mean()), 1)


def _majority(classes):
  """(class, share) of the most frequent class of i32[P]; None without any."""
  counts = np.bincount(classes[classes != input_pipeline.IGNORED])
  if not counts.size:
    return None
  return int(counts.argmax()), float(counts.max() / counts.sum())
