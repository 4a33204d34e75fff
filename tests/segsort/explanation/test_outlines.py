"""Outlines against pictures: what they enclose is what they were drawn from."""

import re

import cv2
import numpy as np
import pytest

from segsort.explanation import outlines


def _fill(polygons, shape):
  """bool[H, W]: pixels whose centre an odd number of polygons goes around."""
  inside = np.zeros(shape, bool)
  for row, column in np.ndindex(*shape):
    x, y = column + .5, row + .5
    for polygon in polygons:
      for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0)):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
          inside[row, column] ^= True
  return inside


def _path_to_polygons(path):
  """Reads an SVG path of M, l and z."""
  polygons = []
  for part in path.split('z')[:-1]:
    first, steps = part[1:].split('l')
    steps = [int(number) for number in re.findall(r'-?\d+', steps)]
    corners = [[int(number) for number in first.split()], *np.reshape(
        steps, (-1, 2)).tolist()]
    polygons.append(np.cumsum(corners, 0))
  return polygons


@pytest.mark.parametrize('seed', range(6))
def test_what_is_traced_is_filled_again(seed):
  rng = np.random.default_rng(seed)
  mask = rng.random((9, 13)) < rng.choice([.2, .5, .8])
  polygons = outlines.trace(mask)
  np.testing.assert_array_equal(_fill(polygons, mask.shape), mask)
  np.testing.assert_array_equal(
      _fill(_path_to_polygons(outlines.svg_path(polygons)), mask.shape), mask)


def test_corners_by_hand():
  mask = np.zeros((4, 5), bool)
  mask[1:3, 1:4] = True
  assert outlines.svg_path(outlines.trace(mask)) == 'M4 1l0 2-3 0 0-2z'
  mask[1, 1] = False
  (polygon,) = outlines.trace(mask)
  assert {tuple(corner) for corner in polygon} == {
      (2, 1), (4, 1), (4, 3), (1, 3), (1, 2), (2, 2)}


def test_a_hole_and_parts_that_touch_in_a_corner_are_polygons_of_their_own():
  ring = np.ones((3, 3), bool)
  ring[1, 1] = False
  outer, hole = outlines.trace(ring)
  assert cv2.contourArea(outer) == 9 and cv2.contourArea(hole) == 1
  assert (cv2.contourArea(outer, True) > 0) != (cv2.contourArea(hole, True) > 0)
  corner = np.eye(2, dtype=bool)
  assert [cv2.contourArea(part) for part in outlines.trace(corner)] == [1, 1]


def test_nothing_and_everything():
  assert outlines.trace(np.zeros((2, 3), bool)) == []
  assert outlines.outline(np.zeros((2, 3), bool)) == ''
  (polygon,) = outlines.trace(np.ones((2, 3), bool))
  assert len(polygon) == 4 and cv2.contourArea(polygon) == 6


def test_simplified_outlines_stay_close_and_lose_only_specks():
  rows, columns = np.indices((200, 200))
  disc = (rows - 90)**2 + (columns - 100)**2 < 60**2
  disc[0, 0] = True  # a speck
  polygons = outlines.trace(disc)
  fewer = outlines.simplify(polygons, .8, speck=8)
  assert len(polygons) == 2 and len(fewer) == 1
  corners = len(fewer[0])
  assert corners < 80 < len(max(polygons, key=len))
  radii = np.hypot(*(fewer[0] - (100.5, 90.5)).T)
  assert np.abs(radii - 60).max() < 1.5


@pytest.mark.parametrize('size', (1, 2))
def test_the_largest_part_is_kept_however_small(size):
  mask = np.zeros((300, 300), bool)
  mask[5:5 + size, 7] = True
  (polygon,) = _path_to_polygons(outlines.outline(mask))
  np.testing.assert_array_equal(
      _fill([polygon], mask.shape)[:10, :10], mask[:10, :10])


def test_joints_by_hand():
  labels = np.array([[0, 0, 1], [0, 2, 1], [2, 0, 1]])
  joints = outlines.find_joints(labels)
  assert [tuple(place) for place in np.argwhere(joints)] == [
      (0, 2),  # 0 and 1 at the upper border
      (1, 2), (2, 0),  # 0, 1 and 2; 0, 2 and the left border
      (2, 1),  # 0 and 2 cross
      (2, 2), (3, 1), (3, 2)]


@pytest.mark.parametrize('seed', range(5))
def test_neighbours_share_their_simplified_borders(seed):
  """Each step of a border inside the picture is walked once each way."""
  rng = np.random.default_rng(seed)
  smooth = cv2.GaussianBlur(rng.random((40, 50, 5)), (0, 0), 4)
  labels = smooth.argmax(-1)
  joints = outlines.find_joints(labels)
  steps, simplified = [], 0
  for label in np.unique(labels):
    polygons = outlines.trace(labels == label, joints)
    for polygon in outlines.simplify(polygons, .8, 0, joints):
      ends = np.roll(polygon, -1, 0)
      simplified += len(polygon)
      steps += [(tuple(a), tuple(b)) for a, b in zip(
          polygon.tolist(), ends.tolist())
          if not ((a[0] == b[0] and a[0] in (0, 50)) or
                  (a[1] == b[1] and a[1] in (0, 40)))]
  assert steps and sorted(steps) == sorted((b, a) for a, b in steps)
  assert simplified < sum(
      len(polygon) for label in np.unique(labels)
      for polygon in outlines.trace(labels == label, joints))
