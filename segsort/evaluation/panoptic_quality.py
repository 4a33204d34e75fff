"""Panoptic quality (arXiv:1801.00868): are objects found, and how well.

A predicted segment and a true one of the same class match where their IoU is
above 1/2, which no two pairs of one segment can be. PQ = SQ * RQ: the mean IoU
of the matches, times their F1 score. Pixels without a true id count for
nothing; a predicted segment most of which lies on those, or on a crowd of its
class, is neither right nor wrong.
"""

import dataclasses
import functools

import numpy as np

from segsort.errors import InputError

VOID = 0


class PanopticQuality:
  """Counts over pictures.

  Attributes:
    matched: i64[C], pairs that match.
    surplus: i64[C], predicted segments without a true one.
    missed: i64[C], true segments without a predicted one.
    iou: f64[C], summed over the matches.
  """

  def __init__(self, num_classes):
    self.matched, self.surplus, self.missed = np.zeros(
        (3, num_classes), np.int64)
    self.iou = np.zeros(num_classes)

  def update(self, truth, prediction, crowds=frozenset(), name='a picture'):
    """Counts the segments of one picture.

    Args:
      truth: a `Segments` of the true ids.
      prediction: a `Segments` of the predicted ones.
      crowds: true ids that are a crowd: not to be found one by one.
      name: of the picture, for messages.

    Raises:
      InputError: another size, or a class out of range.
    """
    if truth.ids.shape != prediction.ids.shape:
      raise InputError(
          f'{name}: predicted are {prediction.ids.shape} pixels (height, '
          f'width), true {truth.ids.shape}; predict at full size')
    for segments in (truth, prediction):
      strange = [label for label in segments.classes.values()
                 if not 0 <= label < len(self.iou)]
      if strange:
        raise InputError(
            f'{name} holds the class {strange[0]}, but there are '
            f'{len(self.iou)}; check --dataset and --num_classes')
    shared = count_shared(truth.ids, prediction.ids)
    found, right = self._match(truth, prediction, shared, crowds)
    for number, label in truth.classes.items():
      self.missed[label] += number not in found | crowds
    for number, label in prediction.classes.items():
      left_out = shared.get((VOID, number), 0) + sum(
          shared.get((crowd, number), 0) for crowd in crowds
          if truth.classes[crowd] == label)
      self.surplus[label] += (
          number not in right and left_out <= prediction.areas[number] / 2)

  def _match(self, truth, prediction, shared, crowds):
    """Counts the matches; returns the true and the predicted ids in them."""
    found, right = set(), set()
    for (true, predicted), pixels in shared.items():
      if VOID in (true, predicted) or true in crowds:
        continue
      label = truth.classes[true]
      # As in COCO, a prediction where the truth is void counts for nothing.
      union = (truth.areas[true] + prediction.areas[predicted] - pixels
               - shared.get((VOID, predicted), 0))
      if label == prediction.classes[predicted] and pixels > union / 2:
        self.matched[label] += 1
        self.iou[label] += pixels / union
        found.add(true)
        right.add(predicted)
    return found, right

  def scores(self):
    """Returns PQ, SQ and RQ, f64[C] each; NaN for classes found in neither."""
    tried = self.matched + self.surplus / 2 + self.missed / 2
    recognition = np.where(
        tried > 0, self.matched / np.maximum(tried, .5), np.nan)
    quality = self.iou / np.maximum(self.matched, 1)
    segmentation = np.where(tried > 0, quality, np.nan)
    return segmentation * recognition, segmentation, recognition


@dataclasses.dataclass(frozen=True)
class Segments:
  """The segments of a picture.

  Attributes:
    ids: i32[H, W]; VOID has none.
    classes: {id: class} of every id in the picture.
  """
  ids: np.ndarray
  classes: dict

  @functools.cached_property
  def areas(self):
    """{id: pixels}."""
    return dict(zip(*(part.tolist() for part in np.unique(
        self.ids, return_counts=True))))


def count_shared(truth, prediction):
  """Returns {(true id, predicted id): pixels} of the pairs that meet."""
  pairs = truth.astype(np.int64).ravel() << 32 | prediction.ravel()
  present, counts = np.unique(pairs, return_counts=True)
  return {(int(pair >> 32), int(pair & 0xffffffff)): int(count)
          for pair, count in zip(present, counts)}
