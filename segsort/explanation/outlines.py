"""Segments as outlines: what an SVG path draws and a pointer hits."""

import cv2
import numpy as np

# (row, column) of a step along the edges of pixels, to the right, down, to the
# left and up, and the pixels beside an edge, seen from the corner it leaves:
# the one inside, on the right hand, and the one outside.
_STEPS = (0, 1), (1, 0), (0, -1), (-1, 0)
_SPECK = 3  # tolerances: a part of a smaller side is neither seen nor hit
_TOLERANCE = 0.8  # pixels: the steps of a slope become a line


def trace(mask, joints=None):
  """Walks around the parts and holes of a mask, along the edges of pixels.

  Args:
    mask: bool[H, W].
    joints: bool[H + 1, W + 1], corners of pixels that stay in every polygon
      that they are on; or None.

  Returns:
    A list of closed polygons i32[N, 2] of corners (x, y), clockwise around a
    part and the other way around a hole. Parts that touch in a corner only are
    apart. Straight runs have no other corners than joints within.
  """
  if joints is None:
    joints = np.zeros([length + 1 for length in mask.shape], bool)
  edges = _edges(mask)
  polygons = []
  while edges:
    polygons.append(_walk(edges, next(iter(edges)), joints))
  return polygons


def _edges(mask):
  """Returns {(row, column, direction): None} of all edges, in order."""
  padded = np.pad(mask, 1)
  inside = padded[1:-1, 1:-1]
  # Clockwise around a pixel; each edge starts at a corner of the pixel.
  sides = (
      (~padded[:-2, 1:-1], 0, 0),  # nothing above: right, from top left
      (~padded[1:-1, 2:], 0, 1),  # nothing to the right: down, from top right
      (~padded[2:, 1:-1], 1, 1),  # nothing below: left, from bottom right
      (~padded[1:-1, :-2], 1, 0))  # nothing to the left: up, from bottom left
  edges = {}
  for direction, (outside, down, right) in enumerate(sides):
    rows, columns = np.nonzero(inside & outside)
    edges.update(dict.fromkeys(zip(
        (rows + down).tolist(), (columns + right).tolist(),
        [direction] * len(rows))))
  return edges


def _walk(edges, start, joints):
  """Takes one closed walk out of the edges; returns its corners."""
  corners = []
  row, column, direction = start
  while (row, column, direction) in edges:
    del edges[row, column, direction]
    row += _STEPS[direction][0]
    column += _STEPS[direction][1]
    # To the right first: where parts meet in a corner, each keeps to itself.
    for turn in (1, 0, 3):
      if (row, column, (direction + turn) % 4) in edges:
        break
    else:
      turn = (start[2] - direction) % 4  # back at the start
    if turn or joints[row, column]:
      corners.append((column, row))
    direction = (direction + turn) % 4
  return np.array(corners, np.int32)


def find_joints(labels):
  """Finds where three segments meet, or two in a corner.

  Between two joints, the border of two segments is the same line from both
  sides, and stays so when it is simplified from joint to joint.

  Args:
    labels: integers [H, W], 0 or more.

  Returns:
    bool[H + 1, W + 1], corners of pixels; outside the picture is a segment.
  """
  around = np.pad(labels.astype(np.int64), 1, constant_values=-1)
  upper, lower = around[:-1], around[1:]
  four = np.stack([upper[:, :-1], upper[:, 1:], lower[:, :-1], lower[:, 1:]])
  crossed = (four[0] == four[3]) & (four[1] == four[2]) & (four[0] != four[1])
  return crossed | ((np.diff(np.sort(four, 0), axis=0) != 0).sum(0) >= 2)


def simplify(polygons, tolerance, speck=0, joints=None):
  """Leaves out corners, and parts that nobody could see or hit.

  Args:
    polygons: of `trace`.
    tolerance: how far, in pixels, an outline may move.
    speck: parts and holes of a smaller area are left out, but the largest.
    joints: as for `trace`; lines between them stay those of both sides.

  Returns:
    A list of polygons i32[N, 2], N >= 3.
  """
  areas = [abs(cv2.contourArea(polygon)) for polygon in polygons]
  fewer = [_simplify_polygon(polygon, tolerance, joints)
           for polygon, area in zip(polygons, areas) if area >= speck]
  fewer = [polygon for polygon in fewer if len(polygon) >= 3]
  return fewer or [polygons[place] for place in np.argsort(areas)[-1:]]


def _simplify_polygon(polygon, tolerance, joints):
  """Simplifies the lines between joints; two corners are left of a sliver."""
  places = [] if joints is None else np.flatnonzero(
      joints[polygon[:, 1], polygon[:, 0]]).tolist()
  if len(places) < 2:
    places = _far_apart(polygon, places)
  ring = np.roll(polygon, -places[0], 0)
  ring = np.concatenate([ring, ring[:1]])
  places = [*(place - places[0] for place in places), len(polygon)]
  return np.concatenate([
      _simplify_line(ring[first:last + 1], tolerance)[:-1]
      for first, last in zip(places, places[1:])])


def _far_apart(polygon, places):
  """Two corners to cut an island at, the same from both sides of its border."""
  first = places[0] if places else int(np.lexsort(polygon.T)[0])
  distances = ((polygon - polygon[first])**2).sum(1)
  return sorted((first, int(np.lexsort([*polygon.T, distances])[-1])))


def _simplify_line(line, tolerance):
  """Douglas and Peucker's, the same for a line and its reverse; i32[N, 2]."""
  turned = line[::-1]
  is_turned = turned.tolist() < line.tolist()
  fewer = cv2.approxPolyDP(
      np.ascontiguousarray(turned if is_turned else line)[:, None], tolerance,
      False)[:, 0]
  return fewer[::-1] if is_turned else fewer


def svg_path(polygons):
  """Returns the `d` of an SVG path, relative and short; fill it evenodd."""
  return ''.join(map(_svg_polygon, polygons))


def _svg_polygon(polygon):
  """One closed polygon: its first corner, then the steps to the others."""
  (column, row), steps = polygon[0], np.diff(polygon, axis=0)
  numbers = ' '.join(map(str, steps.ravel()))
  return f'M{column} {row}l{numbers.replace(" -", "-")}z'


def outline(mask, shown=600, joints=None):
  """Returns the SVG path of a mask, a pixel a unit, simplified.

  Args:
    mask: bool[H, W].
    shown: pixels that the longer side is about shown with: finer details of a
      larger picture are left out.
    joints: of `find_joints`, where the mask is one of many segments.
  """
  tolerance = _TOLERANCE * max(1, max(mask.shape) / shown)
  return svg_path(simplify(
      trace(mask, joints), tolerance, (_SPECK * tolerance)**2, joints))
