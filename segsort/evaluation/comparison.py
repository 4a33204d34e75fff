"""Two sets of predictions of the same images: is one of them better?

The bootstrap (Efron and Tibshirani 1993): images are drawn with replacement,
the same for both sets, and the score of each draw is that of the data set which
it makes up; confusion matrices are summed anew.
"""

import dataclasses

import numpy as np

from segsort.evaluation import image_scores

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Difference:
  """How much more one set of predictions scores than another.

  Attributes:
    ours: the score of the one.
    other: that of the other.
    low, high: between which `ours - other` lies in CONFIDENCE of the resamples.
  """
  ours: float
  other: float
  low: float
  high: float

  @property
  def value(self):
    """ours - other."""
    return self.ours - self.other


def compare(ours, other, *, resamples, seed):
  """Compares two sets of predictions of the same images, image by image.

  Args:
    ours, other: FolderScores of the same N images in the same order.
    resamples: how often to draw N images.
    seed: of the draws.

  Returns:
    {'mean_iou': Difference}, and 'boundary_f' where both have been scored for
    boundaries, and there are some.
  """
  num_images = len(ours.counts)
  draws = np.random.default_rng(seed).multinomial(
      num_images, np.full(num_images, 1 / num_images), resamples)
  scores = {'mean_iou': [_resample_iou(folder.counts, draws)
                         for folder in (ours, other)]}
  whole = {'mean_iou': [folder.matrix.mean_iou() for folder in (ours, other)]}
  boundaries = [folder.boundaries for folder in (ours, other)]
  if all(found and not np.isnan(found.mean_f) for found in boundaries):
    scores['boundary_f'] = [_resample_mean(found.image_f, draws)
                            for found in boundaries]
    whole['boundary_f'] = [found.mean_f for found in boundaries]
  return {name: Difference(*whole[name], *_interval(first - second))
          for name, (first, second) in scores.items()}


def _resample_iou(counts, draws):
  """Mean IoU of each draw.

  Args:
    counts: i64[N, 3, C] of `image_scores.FolderScores`.
    draws: i64[R, N], how often each image was drawn.

  Returns:
    f64[R].
  """
  flat = counts.reshape(len(counts), -1).astype(np.float64)
  sums = (draws.astype(np.float64) @ flat).reshape(-1, *counts.shape[1:])
  return image_scores.mean_iou(sums)


def _resample_mean(values, draws):
  """The mean over the images of each draw, f64[R], without unknown values."""
  known = ~np.isnan(values)
  sums, numbers = draws @ np.where(known, values, 0), draws @ known
  return np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)


def _interval(differences):
  """The percentiles of f64[R] that enclose CONFIDENCE of them."""
  known = differences[~np.isnan(differences)]
  if not known.size:
    return float('nan'), float('nan')
  tails = 50 * (1 - CONFIDENCE)
  return tuple(np.percentile(known, [tails, 100 - tails]).tolist())


def comparison_lines(differences, compare_dir, num_images, resamples):
  """The printed report, in per cent of 1.

  Args:
    differences: what `compare` returned.
    compare_dir: the folder of the others.
    num_images: N.
    resamples: R.

  Returns:
    List of lines.
  """
  titles = {'mean_iou': 'mean IOU', 'boundary_f': 'boundary F'}
  lines = [f'against {compare_dir}, with {CONFIDENCE:.0%} intervals from '
           f'{resamples} resamples of {num_images} images:']
  for name, found in differences.items():
    lines.append(
        f'difference in {titles[name]}: {100 * found.ours:.4f}% - '
        f'{100 * found.other:.4f}% = {100 * found.value:+.4f}, '
        f'from {100 * found.low:+.4f} to {100 * found.high:+.4f}')
  return lines


def comparison_table(differences, compare_dir, resamples):
  """The comparison for a JSON file, fractions of 1."""
  return {'pred_dir': compare_dir, 'resamples': resamples,
          'confidence': CONFIDENCE,
          **{name: {**dataclasses.asdict(found), 'difference': found.value}
             for name, found in differences.items()}}
