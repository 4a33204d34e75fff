"""Votes painted by class against a loop over pixels and classes."""

import cv2
import numpy as np
import pytest

from segsort import votes as votes_lib


def _view(rng, size, places, num_clusters, num_classes):
  windows = []
  for top, bottom, left, right in places:
    clusters = rng.integers(0, num_clusters, (bottom - top, right - left))
    table = rng.integers(0, 6, (num_clusters, num_classes)).astype(np.int32)
    table[:, 2] = 0  # a class without votes
    windows.append(((top, bottom, left, right), clusters.astype(
        np.uint8 if num_clusters <= 256 else np.int32), table))
  return windows


def _add_twin(total, size, windows, flip):
  """Adds a view to f64[H, W, C], class by class."""
  num_classes = total.shape[-1]
  votes = np.zeros([*size, num_classes], np.float32)
  for (top, _, left, _), clusters, table in windows:
    for row in range(clusters.shape[0]):
      for column in range(clusters.shape[1]):
        if top + row < size[0] and left + column < size[1]:
          votes[top + row, left + column] += table[clusters[row, column]]
  votes = votes[:, ::-1] if flip else votes
  for label in range(num_classes):
    total[..., label] += cv2.resize(
        np.ascontiguousarray(votes[..., label]), total.shape[1::-1],
        interpolation=cv2.INTER_LINEAR)


PLACES = (0, 6, 0, 8), (0, 6, 4, 12), (3, 9, 0, 8), (3, 9, 4, 12)


@pytest.mark.parametrize('num_clusters', (9, 300))
def test_winners_of_scales_and_mirrors_are_those_of_a_loop(rng, num_clusters):
  votes = votes_lib.VoteSum((7, 10))
  total = np.zeros((7, 10, 5), np.float32)
  for size, places, flip in (((9, 12), PLACES, False), ((9, 12), PLACES, True),
                             ((4, 5), [(0, 4, 0, 5)], True),
                             ((7, 10), [(0, 7, 0, 10)], False)):
    windows = _view(rng, size, places, num_clusters, 5)
    votes.add_view(size, windows, flip)
    _add_twin(total, size, windows, flip)
  labels = votes.winners()
  assert labels.dtype == np.int32 and len(set(labels.ravel())) > 2
  np.testing.assert_array_equal(labels, total.argmax(-1))


def test_what_reaches_beyond_the_view_is_cut_off(rng):
  votes, total = votes_lib.VoteSum((5, 4)), np.zeros((5, 4, 5), np.float32)
  windows = _view(rng, (5, 4), [(0, 8, 0, 8)], 9, 5)
  votes.add_view((5, 4), windows)
  _add_twin(total, (5, 4), windows, False)
  np.testing.assert_array_equal(votes.winners(), total.argmax(-1))


def test_a_tie_goes_to_the_lowest_class_and_no_votes_to_class_0():
  votes = votes_lib.VoteSum((1, 3))
  clusters = np.uint8([[0, 1, 2]])
  table = np.int32([[0, 3, 3], [0, 0, 0], [1, 0, 2]])
  votes.add_view((1, 3), [((0, 1, 0, 3), clusters, table)])
  np.testing.assert_array_equal(votes.winners(), [[1, 0, 2]])
  assert not votes_lib.VoteSum((2, 2)).winners().any()


@pytest.mark.parametrize('most, found_type', ((7, np.uint8), (300, np.float32)))
def test_looking_up_by_hand(most, found_type):
  for dtype in (np.uint8, np.int32):
    found = votes_lib.look_up(np.int32([5, 0, most]), dtype([[2, 0], [1, 2]]))
    np.testing.assert_array_equal(found, [[most, 5], [0, most]])
    assert found.dtype == found_type


def test_more_votes_than_8_bits_hold_add_up():
  votes = votes_lib.VoteSum((1, 2))
  clusters = np.uint8([[0, 1]])
  for table in (np.int32([[0, 300], [299, 0]]), np.int32([[301, 0], [0, 300]])):
    votes.add_view((1, 2), [((0, 1, 0, 2), clusters, table)])
  np.testing.assert_array_equal(votes.winners(), [[0, 1]])
