"""Regions of one image that touch and look alike become one.

Contours cut a textured object along its texture: stripes are regions of their
own, too small to show what they are part of. Merged by Ward's criterion (1963)
among neighbours, they are described as a whole, and small regions with a poor
description weigh little.
"""

import heapq

import numpy as np


def neighbours(regions):
  """Returns i[P, 2], the pairs of regions of i[H, W] that share an edge.

  A pair is there once, the smaller number first, in order.
  """
  pairs = np.concatenate([
      np.stack([first.ravel(), second.ravel()], 1).astype(np.int64)
      for first, second in ((regions[:, 1:], regions[:, :-1]),
                            (regions[1:], regions[:-1]))])
  pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1)
  count = int(regions.max()) + 1
  return np.stack(np.divmod(
      np.unique(pairs[:, 0] * count + pairs[:, 1]), count), 1)


def merge_alike(histograms, sizes, pairs, cost):
  """Merges the cheapest pair of neighbours as long as it costs at most `cost`.

  The cost of a pair is by how much describing both by their mean raises the sum
  over pixels of squared distances: n m / (n + m) |h - g|^2.

  Args:
    histograms: f32[R, D], square roots of shares, times any weights, as by
      `texture_descriptors.region_histograms`.
    sizes: i[R], pixels; a region without any stays as it is.
    pairs: i[P, 2], of `neighbours`.
    cost: pixels times squared distance; infinity merges all that hang
      together.

  Returns:
    owners i[R], the number of the merged region of each, in the order of their
    first ones; merged histograms f32[M, D]; and sizes i[M].
  """
  squares = np.square(histograms, dtype=np.float64)
  sizes = np.array(sizes, np.float64)
  owners = np.arange(len(sizes))
  near = [set() for _ in owners]
  for first, second in pairs:
    if sizes[first] and sizes[second]:
      near[first].add(second)
      near[second].add(first)
  version = np.zeros(len(sizes), int)  # rises when a region changes or goes
  # Not a table of all pairs: 1600 regions take .4 s instead of 14.
  queue = []

  def enqueue(region, others):
    others = np.array(sorted(others), int)
    for price, other in zip(_prices(squares, sizes, region, others), others):
      if price <= cost:
        pair = sorted((region, other))
        heapq.heappush(queue, (price, *pair, *version[pair]))

  for region, others in enumerate(near):
    enqueue(region, {other for other in others if other > region})
  while queue:
    _, kept, gone, *seen = heapq.heappop(queue)
    if seen != list(version[[kept, gone]]):
      continue
    version[[kept, gone]] += 1
    squares[kept] = np.average(
        squares[[kept, gone]], 0, weights=sizes[[kept, gone]])
    sizes[kept] += sizes[gone]
    owners[owners == gone] = kept
    for other in near[gone]:
      near[other].remove(gone)
      near[other].add(kept)
    near[kept] |= near[gone]
    near[kept] -= {kept, gone}
    near[gone] = set()
    enqueue(kept, near[kept])
  firsts, owners = np.unique(owners, return_inverse=True)
  return (owners, np.sqrt(squares[firsts]).astype(np.float32),
          sizes[firsts].astype(np.int64))


def _prices(squares, sizes, region, others):
  """Returns f64[others], what merging a region with each of others costs."""
  distances = (
      (np.sqrt(squares[others]) - np.sqrt(squares[region])) ** 2).sum(1)
  return distances * (
      sizes[others] * sizes[region] / (sizes[others] + sizes[region]))
