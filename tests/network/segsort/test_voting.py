"""Weights of votes by hand."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import voting

LABELS = np.array([[0, 2, 0], [1, 1, 1]], np.int32)


def test_equal_votes_are_counted():
  assert voting.count_votes(LABELS, 3).numpy().tolist() == [
      [2, 0, 1], [0, 3, 0]]


def test_votes_are_weighed_by_class():
  votes = voting.count_votes(LABELS, 3, weights=voting.VoteWeights(
      tf.constant([.5, .25, 1.])))
  assert votes.numpy().tolist() == [[100000, 0, 100000], [0, 75000, 0]]


def test_votes_are_weighed_by_cosine():
  cosines = tf.constant([[1., .5, 1.0001], [0., -1., 1.]])
  votes = voting.count_votes(
      LABELS, 3, cosines, voting.VoteWeights(None, 2.)).numpy()
  # Of up to three votes, each is rounded to a whole number of 1 / VOTE.
  np.testing.assert_allclose(
      votes / voting.VOTE,
      [[2, 0, np.exp(-1)], [0, np.exp(-2) + np.exp(-4) + 1, 0]],
      atol=2 / voting.VOTE)


def test_class_weights_by_hand():
  labels = tf.constant([0] * 16 + [1] * 4 + [3])
  for balance, expected in ((.5, [.25, .5, 0, 1]), (0., [1, 1, 0, 1]),
                            (1., [1 / 16, .25, 0, 1])):
    closeness.assert_close(
        voting.class_weights(labels, 4, balance), expected)


@pytest.mark.parametrize('weights', (
    voting.EQUAL, voting.VoteWeights(tf.ones([3]), 3.)))
def test_no_segments_have_no_votes(weights):
  votes = voting.count_votes(
      tf.zeros([0, 5], tf.int32), 3, tf.zeros([0, 5]), weights)
  assert votes.shape == (0, 3)
