"""The ring of prototypes against a list, by hand, and at its edges."""

import collections

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort.memory_bank import EMPTY, MemoryBank


def _random_batch(rng, size, dim=3):
  vectors = rng.normal(size=(size, dim))
  vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
  return vectors.astype(np.float32), rng.integers(0, 5, size).astype(np.int32)


@pytest.mark.parametrize('seed', range(8))
def test_reads_what_a_queue_of_lists_holds(seed):
  rng = np.random.default_rng(seed)
  num_banks, rows = int(rng.integers(1, 4)), int(rng.integers(1, 6))
  bank = MemoryBank(num_banks, rows, 3)
  queue = collections.deque(maxlen=num_banks)
  for _ in range(6):
    prototypes, labels = _random_batch(rng, rng.integers(0, 8))
    bank.enqueue(prototypes, labels)
    queue.append((prototypes[:rows], labels[:rows]))
    stored, stored_labels = bank.read()
    closeness.assert_close(
        stored, np.concatenate([batch[0] for batch in queue]))
    assert stored_labels.numpy().tolist() == [
        label for batch in queue for label in batch[1]]
    assert bank.fill_fraction().numpy() == pytest.approx(
        sum(len(batch[1]) for batch in queue) / (num_banks * rows))


def test_ring_by_hand():
  bank = MemoryBank(2, 2, 2)
  assert bank.read()[0].shape == [0, 2] and bank.fill_fraction() == 0
  bank.enqueue(tf.constant([[1., 0]]), tf.constant([4]))
  assert bank.labels.numpy().tolist() == [[EMPTY, EMPTY], [4, EMPTY]]
  bank.enqueue(tf.constant([[0., 1], [1, 0], [-1, 0]]), tf.constant([3, 2, 1]))
  assert bank.labels.numpy().tolist() == [[4, EMPTY], [3, 2]]
  assert bank.fill_fraction().numpy() == .75
  bank.enqueue(tf.zeros([0, 2]), tf.zeros([0], tf.int32))
  assert bank.labels.numpy().tolist() == [[3, 2], [EMPTY, EMPTY]]
  assert bank.read()[0].numpy().tolist() == [[0, 1], [1, 0]]


def test_too_many_prototypes_are_drawn_by_seed(rng):
  prototypes, _ = _random_batch(rng, 50)
  labels = np.arange(50, dtype=np.int32)

  def drawn(seed):
    bank = MemoryBank(1, 10, 3)
    bank.enqueue(prototypes, labels, seed=seed)
    stored, chosen = (tensor.numpy() for tensor in bank.read())
    closeness.assert_close(stored, prototypes[chosen])
    assert len(set(chosen)) == 10
    return chosen.tolist()

  assert drawn([1, 2]) == drawn([1, 2])
  assert drawn([1, 2]) != drawn([1, 3]) != drawn([2, 3])


def test_every_prototype_is_drawn_equally_often():
  counts = np.zeros(6)
  for step in range(120):
    bank = MemoryBank(1, 2, 1)
    bank.enqueue(tf.ones([6, 1]), tf.range(6), seed=[0, step])
    counts[bank.read()[1].numpy()] += 1
  # 40 expected; the standard deviation is about 5.
  assert counts.sum() == 240 and abs(counts - 40).max() < 21


def test_no_banks_hold_nothing_and_are_never_full(rng):
  bank = MemoryBank(0, 5, 3)
  bank.enqueue(*_random_batch(rng, 4), seed=[0, 0])
  prototypes, labels = bank.read()
  assert prototypes.shape == [0, 3] and labels.shape == [0]
  assert bank.fill_fraction() == 0


def test_stored_prototypes_are_read_at_unit_length_without_gradient():
  bank = MemoryBank(1, 2, 2)
  bank.enqueue(tf.constant([[3., 4]]), tf.constant([0]))
  with tf.GradientTape() as tape:
    tape.watch(bank.prototypes)
    prototypes, _ = bank.read()
    total = tf.reduce_sum(prototypes)
  closeness.assert_close(prototypes, [[.6, .8]])
  assert tape.gradient(total, bank.prototypes) is None


def test_unknown_sizes_inside_a_function(rng):
  bank, eager = MemoryBank(2, 4, 3), MemoryBank(2, 4, 3)

  @tf.function(input_signature=[
      tf.TensorSpec([None, 3]), tf.TensorSpec([None], tf.int32),
      tf.TensorSpec([], tf.int32)])
  def step(prototypes, labels, number):
    before = bank.read()
    bank.enqueue(prototypes, labels, seed=[7, number])
    return before

  for number, size in enumerate((2, 9, 0, 4)):
    batch = _random_batch(rng, size)
    (stored, labels), expected = step(*batch, number), eager.read()
    closeness.assert_close(stored, expected[0])
    np.testing.assert_array_equal(labels, expected[1])
    eager.enqueue(*batch, seed=[7, number])
  np.testing.assert_array_equal(bank.prototypes, eager.prototypes)


def test_a_frozen_bank_keeps_random_directions_of_class_0():
  bank = MemoryBank(2, 3, 4)
  bank.freeze([1, 0])
  before = [tensor.numpy() for tensor in bank.read()]
  closeness.assert_close(np.linalg.norm(before[0], axis=-1), np.ones(6))
  assert len(np.unique(before[0].round(4), axis=0)) == 6
  assert before[1].tolist() == [0] * 6
  bank.enqueue(tf.ones([3, 4]), tf.constant([1, 2, 3]))
  for tensor, expected in zip(bank.read(), before):
    np.testing.assert_array_equal(tensor, expected)
