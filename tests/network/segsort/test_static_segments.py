"""Segments in a shape that a compiler knows equal those of any shape."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import clustering
from network.segsort import loss as loss_lib
from network.segsort import memory_bank
from network.segsort import prototypes

B, K, C, D = 3, 4, 5, 6


def make_batch(rng):
  """Embeddings, cluster labels (some -1) and classes of three images."""
  embeddings = rng.normal(size=(B, 6, 7, D)).astype(np.float32)
  clusters = rng.integers(0, K, (B, 6, 7)).astype(np.int32)
  clusters += K * np.arange(B, dtype=np.int32)[:, None, None]
  clusters[rng.random((B, 6, 7)) < .2] = -1
  return embeddings, clusters, rng.integers(0, C, (B, 6, 7)).astype(np.int32)


def twin(clusters, classes, max_segments):
  """Loops: the rank of each pixel's pair among the pairs there are."""
  pairs = sorted({(k, c) for k, c in zip(clusters.flat, classes.flat)
                  if k >= 0})
  ranks = {pair: rank for rank, pair in enumerate(pairs)
           if rank < max_segments}
  labels = [ranks.get(pair, -1) for pair in zip(clusters.flat, classes.flat)]
  found = [c for _, c in pairs[:max_segments]]
  found += [-1] * (max_segments - len(found))
  return np.reshape(labels, clusters.shape), found, len(pairs)


@pytest.mark.parametrize('max_segments', [1, 7, 30, 80])
def test_compact_segments_against_loops(rng, max_segments):
  _, clusters, classes = make_batch(rng)
  ours = prototypes.compact_segments(
      clusters, classes, B * K, C, max_segments)
  for ours_one, theirs in zip(ours, twin(clusters, classes, max_segments)):
    np.testing.assert_array_equal(ours_one, theirs)


def test_too_many_segments_are_counted_by_hand():
  labels, classes, count = prototypes.compact_segments(
      tf.constant([0, 0, 1, -1]), tf.constant([1, 0, 1, 0]), 2, 2, 2)
  assert labels.numpy().tolist() == [1, 0, -1, -1]
  assert classes.numpy().tolist() == [0, 1] and int(count) == 3


def loss_and_gradient(batch, bank, static_shape):
  embeddings, clusters, classes = batch
  with tf.GradientTape() as tape:
    embeddings = tf.constant(embeddings)
    tape.watch(embeddings)
    loss, found, labels, _ = loss_lib.segsort_loss(
        clustering.normalize(embeddings), clusters, classes,
        concentration=10., bank=bank, static_shape=static_shape)
  return loss, tape.gradient(loss, embeddings), found, labels


@pytest.mark.parametrize('compiled', [False, True])
def test_loss_and_gradient_equal_the_dynamic_ones(rng, compiled):
  bank = memory_bank.MemoryBank(2, 9, D)
  bank.enqueue(
      clustering.normalize(rng.normal(size=(5, D))), tf.range(5))
  batch = make_batch(rng)
  dynamic = loss_and_gradient(batch, bank.read(), None)

  @tf.function(jit_compile=compiled)
  def static():
    return loss_and_gradient(batch, bank.read(True), (B * K, C, 90))

  ours = static()
  closeness.assert_close(ours[0], dynamic[0])
  closeness.assert_close(ours[1], dynamic[1])
  present = ours[3].numpy() >= 0
  assert present.sum() == len(dynamic[3])
  found = ours[2].numpy()[:present.sum()]
  order = (dynamic[2].numpy() @ found.T).argmax(-1)  # each nearest to itself
  assert sorted(order) == list(range(len(found)))
  closeness.assert_close(found[order], dynamic[2])


@pytest.mark.parametrize('grouped', [False, True])
def test_unsupervised_loss_equals_the_dynamic_one(rng, grouped):
  """Compiled, with a bank that is half empty and with more room than needed."""
  bank = memory_bank.MemoryBank(2, 9, D)
  bank.enqueue(clustering.normalize(rng.normal(size=(5, D))),
               tf.constant([0, 1, 1, 3, 200]))
  regions = rng.integers(0, 4, (B, 6, 7)).astype(np.int32)
  regions[0, 4:] = -1
  raw = tf.constant(rng.normal(size=(B, 6, 7, D)).astype(np.float32))

  def compute(static_bank, max_segments):
    with tf.GradientTape() as tape:
      tape.watch(raw)
      loss, found, classes, labels = loss_lib.unsupervised_segsort_loss(
          clustering.normalize(raw), regions, concentration=10.,
          bank=bank.read(static_bank), grouped=grouped,
          max_segments=max_segments)
    return loss, tape.gradient(loss, raw), found, classes, labels

  dynamic = compute(False, None)
  static = tf.function(lambda: compute(True, 40), jit_compile=True)()
  closeness.assert_close(static[0], dynamic[0])
  closeness.assert_close(static[1], dynamic[1])
  present = static[3].numpy() >= 0
  assert present.sum() == len(dynamic[3]) == 12
  np.testing.assert_array_equal(static[4].numpy() < 0, regions < 0)


def test_regions_without_room_are_counted():
  regions = loss_lib.number_regions(tf.constant([[[0, 5]], [[5, -1]]]))
  labels, _, count = loss_lib.compact_regions(regions, 2)
  assert labels.numpy().tolist() == [[[0, 1]], [[-1, -1]]] and int(count) == 3


def test_enqueue_leaves_out_rows_without_a_prototype(rng):
  bank = memory_bank.MemoryBank(1, 3, 2)
  found = clustering.normalize(rng.normal(size=(6, 2)))
  labels = tf.constant([-1, 4, -1, 2, -1, -1])
  for seed in (None, [1, 2]):
    bank.enqueue(found, labels, seed)
    stored, stored_labels = bank.read()
    assert sorted(stored_labels.numpy()) == [2, 4]
    for row, label in zip(stored, stored_labels):
      closeness.assert_close(row, found[1 if label == 4 else 3])
