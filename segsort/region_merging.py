"""Regions of one image that touch and look alike become one.

Contours cut a textured object along its texture: stripes are regions of their
own, too small to show what they are part of. Merged by Ward's criterion (1963)
among neighbours, they are described as a whole, and small regions with a poor
description weigh little.
"""

import numpy as np


def neighbours(regions):
  """Returns bool[R, R]: which of regions i[H, W] of 0..R-1 share an edge."""
  count = int(regions.max()) + 1
  touch = np.zeros((count, count), bool)
  for first, second in ((regions[:, 1:], regions[:, :-1]),
                        (regions[1:], regions[:-1])):
    touch[first, second] = True
  touch |= touch.T
  np.fill_diagonal(touch, False)
  return touch


def merge_alike(histograms, sizes, touch, cost):
  """Merges the cheapest pair of neighbours as long as it costs at most `cost`.

  The cost of a pair is by how much describing both by their mean raises the sum
  over pixels of squared distances: n m / (n + m) |h - g|^2.

  Args:
    histograms: f32[R, D], square roots of shares, times any weights, as by
      `texture_descriptors.region_histograms`.
    sizes: i[R], pixels; a region without any stays as it is.
    touch: bool[R, R], symmetric, of `neighbours`.
    cost: pixels times squared distance; 0 merges regions that are equal,
      infinity all that hang together.

  Returns:
    owners i[R], the number of the merged region of each, in the order of their
    first ones; merged histograms f32[M, D]; and sizes i[M].
  """
  count = len(sizes)
  squares = np.square(histograms, dtype=np.float64)
  sizes = np.array(sizes, np.float64)
  touch = touch & (sizes > 0) & (sizes > 0)[:, None]
  owners = np.arange(count)

  def costs_of(region):
    distances = ((np.sqrt(squares) - np.sqrt(squares[region])) ** 2).sum(1)
    factors = sizes * sizes[region] / np.maximum(sizes + sizes[region], 1)
    return np.where(touch[region], factors * distances, np.inf)

  costs = np.stack([costs_of(region) for region in range(count)])
  while costs.min() <= cost and costs.min() < np.inf:
    kept, gone = sorted(divmod(int(costs.argmin()), count))
    squares[kept] = np.average(
        squares[[kept, gone]], 0, weights=sizes[[kept, gone]])
    sizes[kept] += sizes[gone]
    touch[kept] |= touch[gone]
    touch[:, kept] |= touch[:, gone]
    touch[gone] = touch[:, gone] = touch[kept, kept] = False
    owners[owners == gone] = kept
    costs[gone] = costs[:, gone] = np.inf
    costs[kept] = costs[:, kept] = costs_of(kept)
  firsts, owners = np.unique(owners, return_inverse=True)
  return (owners, np.sqrt(squares[firsts]).astype(np.float32),
          sizes[firsts].astype(np.int64))
