"""Instances by retrieval, panoptic ids and the oracle, against loops."""

import numpy as np
import pytest
import tensorflow as tf

from network.segsort import clustering
from network.segsort import retrieval


@pytest.mark.parametrize('seed', range(5))
def test_instances_are_numbered_as_they_first_occur(seed):
  rng = np.random.default_rng(seed)
  neighbours = rng.integers(0, 4, (12, 5)).astype(np.int32)
  winners = [np.bincount(row).argmax() for row in neighbours]  # lowest first
  order = list(dict.fromkeys(winners))
  np.testing.assert_array_equal(
      retrieval.vote_instances(neighbours, 4),
      [order.index(winner) for winner in winners])


def test_instances_by_hand():
  neighbours = tf.constant([[7, 7, 2], [3, 5, 5], [2, 7, 7], [2, 3, 4]])
  assert retrieval.vote_instances(neighbours, 8).numpy().tolist() == [0, 1, 0,
                                                                      2]


def test_only_things_have_instances():
  semantic = tf.constant([[1, 2], [3, 2]])
  instance = tf.constant([[4, 5], [6, 0]])
  things = tf.constant([2, 3])
  found = retrieval.without_instances(semantic, instance, things)
  assert found.numpy().tolist() == [[0, 5], [6, 0]]
  none = retrieval.without_instances(
      semantic, instance, tf.zeros([0], tf.int32))
  assert not none.numpy().any()
  ids = retrieval.panoptic_ids(semantic, found, 256)
  assert ids.numpy().tolist() == [[256, 517], [774, 512]]


@pytest.mark.parametrize('seed', range(4))
def test_the_oracle_gives_each_cluster_its_majority(seed):
  rng = np.random.default_rng(seed)
  clusters = rng.integers(0, 6, (2, 5, 7)).astype(np.int32)
  classes = rng.choice([0, 1, 2, 255], clusters.shape).astype(np.int32)
  expected = np.zeros_like(clusters)
  for cluster in range(6):
    members = classes[clusters == cluster]
    counts = np.bincount(members[members < 3], minlength=3)
    expected[clusters == cluster] = counts.argmax()
  np.testing.assert_array_equal(
      retrieval.oracle_labels(clusters, classes, 6, 3), expected)


def test_sums_of_members_are_not_normalised():
  features = tf.constant([[1., 0.], [2., 5.], [4., 4.], [9., 9.]])
  labels = tf.constant([2, 2, 0, -1])
  np.testing.assert_array_equal(
      clustering.sum_members(features, labels, 3), [[4, 4], [0, 0], [3, 5]])
  # What is beyond the last cluster counts for nothing.
  np.testing.assert_array_equal(
      clustering.sum_members(features, labels, 1), [[4, 4]])
