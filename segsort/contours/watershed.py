"""Basins of a map: every pixel belongs to the minimum that water runs to."""

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from segsort.evaluation import region_metrics


def watershed(strengths):
  """Divides a map into basins: every pixel goes where water would run.

  Args:
    strengths: f32[H, W].

  Returns:
    i32[H, W], basins connected by sides, from 0 on in raster order.
  """
  height, width = strengths.shape
  lowest, target = _lowest_neighbours(strengths)
  runs = lowest < strengths
  # A plateau drains from its rim inwards; one without outlet is a basin.
  while True:
    level, way = _lowest_neighbours(np.where(runs, strengths, np.inf))
    drained = ~runs & (level == strengths)
    if not drained.any():
      break
    target[drained] = way[drained]
    runs |= drained
  places = np.arange(height * width).reshape(height, width)
  starts, ends = [places[runs]], [target[runs]]
  for first, second in ((np.s_[:, :-1], np.s_[:, 1:]),
                        (np.s_[:-1], np.s_[1:])):
    flat = (~runs[first] & ~runs[second]
            & (strengths[first] == strengths[second]))
    starts.append(places[first][flat])
    ends.append(places[second][flat])
  labels = components(height * width, np.concatenate(starts),
                       np.concatenate(ends))
  return region_metrics.number_regions(labels.reshape(height, width))


def _lowest_neighbours(strengths):
  """The lowest value among the four neighbours, and its place i64[H, W]."""
  height, width = strengths.shape
  padded = np.pad(strengths, 1, constant_values=np.inf)
  around = np.stack([padded[:-2, 1:-1], padded[1:-1, :-2],
                     padded[1:-1, 2:], padded[2:, 1:-1]])
  which = around.argmin(0)
  steps = np.array([-width, -1, 1, width])
  places = np.arange(height * width).reshape(height, width)
  return around.min(0), places + steps[which]


def components(count, starts, ends):
  """Numbers the connected components of an undirected graph.

  Args:
    count: of nodes.
    starts: i[E], a node an edge.
    ends: i[E], the other one.

  Returns:
    i32[count].
  """
  graph = scipy.sparse.coo_array(
      (np.ones(len(starts), bool), (starts, ends)), shape=(count, count))
  return scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
