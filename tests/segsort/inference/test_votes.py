"""Votes painted by class against a loop over pixels and classes."""

import cv2
import numpy as np
import pytest

from segsort.inference import votes as votes_lib


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


@pytest.mark.parametrize('lane', (np.uint8, np.uint16, np.uint32))
def test_looking_up_by_hand(lane):
  most = np.iinfo(lane).max
  values = votes_lib.pack(np.array([[5, 1], [0, most], [most, 2]]),
                          np.dtype(lane))
  for dtype in (np.uint8, np.int32):
    found = votes_lib.look_up(values, dtype([[2, 0], [1, 2]]))
    lanes = found.view(lane).reshape(2, 2, -1)
    np.testing.assert_array_equal(lanes[..., 0], [[most, 5], [0, most]])
    np.testing.assert_array_equal(lanes[..., 1], [[2, 1], [most, 2]])
    assert not lanes[..., 2:].any()


def test_every_word_is_looked_up_unchanged(rng):
  """Words are handed over as floats: NaN of every kind must come through."""
  values = np.concatenate([
      rng.integers(0, 2**64, 254, np.uint64),
      np.uint64([0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF])])
  clusters = np.arange(256, dtype=np.uint8).reshape(8, 32)
  np.testing.assert_array_equal(
      votes_lib.look_up(values, clusters), values.reshape(8, 32))


@pytest.mark.parametrize('most', (20, 200, 70000))
def test_lanes_of_any_width_give_the_winners_of_a_loop(rng, most):
  votes, total = votes_lib.VoteSum((9, 12)), np.zeros((9, 12, 21), np.float32)
  windows = [(place, rng.integers(0, 9, (6, 8)).astype(np.uint8),
              rng.integers(0, most, (9, 21)).astype(np.int32))
             for place in PLACES]
  votes.add_view((9, 12), windows)
  _add_twin(total, (9, 12), windows, False)
  np.testing.assert_array_equal(votes.winners(), total.argmax(-1))


def test_more_votes_than_8_bits_hold_add_up():
  votes = votes_lib.VoteSum((1, 2))
  clusters = np.uint8([[0, 1]])
  for table in (np.int32([[0, 300], [299, 0]]), np.int32([[301, 0], [0, 300]])):
    votes.add_view((1, 2), [((0, 1, 0, 2), clusters, table)])
  np.testing.assert_array_equal(votes.winners(), [[0, 1]])


def test_more_classes_than_8_bits_hold():
  votes = votes_lib.VoteSum((1, 2))
  table = np.zeros((2, 301), np.int32)
  table[0, [7, 300]], table[1, [44, 299]] = (1, 2), (3, 2)
  votes.add_view((1, 2), [((0, 1, 0, 2), np.uint8([[0, 1]]), table)])
  np.testing.assert_array_equal(votes.winners(), [[300, 44]])
