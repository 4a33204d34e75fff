"""Segments and votes against loops; what may stand between script tags."""

import json
import types

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import retrieval
from network.segsort import voting
from segsort.explanation import page
from segsort.explanation import retrieved


def test_the_winner_comes_first_and_ties_go_to_the_lowest_class():
  assert retrieved.rank_votes(np.array([1, 2, 0, 2]), 5) == (
      (1, 2), (3, 2), (0, 1))
  assert retrieved.rank_votes(np.array([0, 1]), 1) == ((1, 1),)


def test_weighted_votes_are_scaled_to_the_neighbours():
  assert retrieved.rank_votes(np.array([25000, 0, 150000, 25000]), 4) == (
      (2, 3.), (0, .5), (3, .5))


@pytest.mark.parametrize('seed', range(4))
def test_the_winner_is_that_of_the_network(seed):
  labels = np.random.default_rng(seed).integers(0, 5, (30, 6))
  winners = retrieval.majority_vote(tf.constant(labels), 5).numpy()
  votes = voting.count_votes(tf.constant(labels), 5).numpy()
  assert [retrieved.rank_votes(row, 6)[0][0] for row in votes] == list(winners)


def _labeller(clusters, prototypes, nearest, votes):
  return types.SimpleNamespace(
      retrieve=lambda image: (clusters, prototypes, nearest, votes))


def test_segments_by_hand():
  clusters = np.array([[4, 4, 1], [4, 4, 1], [2, 2, 2]])
  prototypes = np.zeros((5, 2), np.float32)
  prototypes[[4, 1, 2]] = [[1, 0], [0, 1], [.6, .8]]
  nearest = np.zeros((5, 3), np.int32)
  nearest[[4, 1, 2]] = [[0, 1, 2], [2, 1, 0], [1, 2, 0]]
  votes = np.tile([0, 2, 1], (5, 1))  # of classes 2, 1 and 1
  features = np.array([[1, 0], [.8, .6], [0, 1]], np.float32)
  truth = np.array([[0, 0, 255], [0, 2, 255], [1, 255, 1]])
  found = retrieved.find_segments(
      _labeller(clusters, prototypes, nearest, votes), None, features, truth)
  assert [segment.cluster for segment in found] == [4, 1, 2]
  assert [segment.centre for segment in found] == [(.5, .5), (2, .5), (1, 2)]
  assert [segment.pixels for segment in found] == [4, 2, 3]
  assert {segment.label for segment in found} == {1}
  assert [segment.votes for segment in found] == [((1, 2), (2, 1))] * 3
  assert [segment.truth for segment in found] == [(0, .75), None, (1, 1)]
  assert [segment.is_wrong for segment in found] == [True, False, False]
  for segment, cosines in zip(found, ([1, .8, 0], [1, .6, 0], [.96, .8, .6])):
    rows, values = zip(*segment.neighbours)
    assert list(rows) == nearest[segment.cluster].tolist()
    closeness.assert_close(values, cosines)
  assert found[0].outline == 'M2 0l0 2-2 0 0-2z'


def test_embedded_json_ends_no_script_and_is_read_as_it_was():
  value = {'names': ['</script><!--', 'a & b', '\u2028\u00e9"\'\\']}
  text = page.embed_json(value)
  assert not set('<>&\u2028') & set(text)
  assert json.loads(text) == value
