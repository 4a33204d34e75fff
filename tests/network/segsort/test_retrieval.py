"""Nearest prototypes and votes against loops, by hand, and at their edges."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import retrieval
from network.segsort import voting


def _integers(rng, *shape):
  """Vectors whose products a float32 holds exactly, summed in any order."""
  return rng.integers(-9, 10, shape).astype(np.float32)


def _nearest_twin(queries, prototypes, num_neighbours):
  found = []
  for query in queries:
    cosines = [float(np.dot(query, prototype)) for prototype in prototypes]
    order = sorted(range(len(cosines)), key=lambda m: (-cosines[m], m))
    found.append(order[:num_neighbours])
  return found


@pytest.mark.parametrize('seed', range(10))
def test_neighbours_equal_loops_with_many_ties(seed):
  rng = np.random.default_rng(seed)
  rows, stored, dim = rng.integers([1, 1, 1], [30, 40, 5])
  # Small integers: equal cosines are exactly equal.
  queries = rng.integers(-2, 3, (rows, dim)).astype(np.float32)
  prototypes = rng.integers(-2, 3, (stored, dim)).astype(np.float32)
  number = int(rng.integers(1, stored + 1))
  assert retrieval.nearest_prototypes(
      tf.constant(queries), tf.constant(prototypes),
      number).numpy().tolist() == _nearest_twin(queries, prototypes, number)


def test_neighbours_by_hand():
  prototypes = tf.constant([[0., 1], [1, 0], [.6, .8], [1, 0]])
  assert retrieval.nearest_prototypes(
      tf.constant([[1., 0], [0, -1]]), prototypes, 3).numpy().tolist() == [
          [1, 3, 2], [1, 3, 2]]


@pytest.mark.parametrize('stored', (1, 2, 127, 128, 129, 300))
@pytest.mark.parametrize('chunk, cosines', (
    (31, 90), (128, 1000), (129, 2**22), (2**16, 300)))
def test_chunks_change_nothing(rng, monkeypatch, stored, chunk, cosines):
  queries, prototypes = _integers(rng, 37, 5), _integers(rng, stored, 5)
  prototypes[stored // 2:] = prototypes[:stored - stored // 2]  # ties

  def merge_chunks():
    """Cosines as well as indices, in a graph of its own."""
    nearest = retrieval.no_neighbours(37, min(stored, 5))
    for first in range(0, stored, retrieval.CHUNK):
      columns = tf.transpose(prototypes[first:first + retrieval.CHUNK])
      nearest = tf.function(retrieval.merge_nearest)(
          queries, columns, first, nearest)
    return nearest

  whole = merge_chunks()
  assert whole[1].numpy().tolist() == _nearest_twin(
      queries, prototypes, min(stored, 5))
  monkeypatch.setattr(retrieval, 'CHUNK', chunk)
  monkeypatch.setattr(retrieval, 'COSINES', cosines)
  for one, other in zip(merge_chunks(), whole):
    np.testing.assert_array_equal(one, other)
  np.testing.assert_array_equal(
      retrieval.nearest_prototypes(queries, prototypes, min(stored, 5)),
      whole[1])


def test_equal_cosines_of_all_chunks_go_to_the_lowest(monkeypatch):
  monkeypatch.setattr(retrieval, 'CHUNK', 3)
  prototypes = np.tile(np.float32([[.6, .8]]), (10, 1))
  prototypes[7] = 1, 0
  assert retrieval.nearest_prototypes(
      tf.constant([[1., 0], [-1, 0]]), prototypes, 4).numpy().tolist() == [
          [7, 0, 1, 2], [0, 1, 2, 3]]


def test_more_neighbours_than_a_chunk_or_all_of_them(rng, monkeypatch):
  monkeypatch.setattr(retrieval, 'CHUNK', 4)
  queries, prototypes = _integers(rng, 3, 6), _integers(rng, 11, 6)
  for number in (6, 11):
    assert retrieval.nearest_prototypes(
        queries, prototypes, number).numpy().tolist() == _nearest_twin(
            queries, prototypes, number)


def test_turning_queries_and_prototypes_changes_no_neighbour(rng):
  queries, prototypes = rng.normal(size=(9, 4)), rng.normal(size=(20, 4))
  turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
  for by in (np.eye(4), turn):
    np.testing.assert_array_equal(
        retrieval.nearest_prototypes(
            tf.constant(queries @ by, tf.float32),
            tf.constant(prototypes @ by, tf.float32), 7),
        closeness.leaders(queries @ prototypes.T, 7))


def test_a_zero_query_takes_the_first_and_no_query_none():
  prototypes = tf.constant([[1., 0], [0, 1]])
  assert retrieval.nearest_prototypes(
      tf.zeros([1, 2]), prototypes, 2).numpy().tolist() == [[0, 1]]
  assert retrieval.nearest_prototypes(
      tf.zeros([0, 2]), prototypes, 2).shape == [0, 2]


@pytest.mark.parametrize('seed', range(5))
def test_votes_equal_loops(seed):
  rng = np.random.default_rng(seed)
  rows, number, classes = rng.integers(1, [20, 10, 6])
  labels = rng.integers(0, classes, (rows, number)).astype(np.int32)
  counts = [[sum(label == c for label in row) for c in range(classes)]
            for row in labels]
  assert voting.count_votes(
      tf.constant(labels), classes).numpy().tolist() == counts
  assert retrieval.majority_vote(
      tf.constant(labels), classes).numpy().tolist() == [
          row.index(max(row)) for row in counts]


def test_majority_by_hand_ties_to_the_lowest_class():
  labels = tf.constant([[2, 1, 2], [2, 1, 0], [3, 3, 3]])
  assert retrieval.majority_vote(labels, 4).numpy().tolist() == [2, 0, 3]
  # The order of neighbours does not count.
  assert retrieval.majority_vote(
      labels[:, ::-1], 4).numpy().tolist() == [2, 0, 3]


def test_panoptic_ids_by_hand():
  assert retrieval.panoptic_ids(
      tf.constant([[0, 3]]), tf.constant([[7, 12]]), 100).numpy().tolist() == [
          [7, 312]]


@pytest.mark.parametrize('rows', (0, 1, 2500))
def test_unknown_sizes_inside_a_function(rng, rows):
  @tf.function(input_signature=[
      tf.TensorSpec([None, 3]), tf.TensorSpec([None, 3])])
  def find(queries, prototypes):
    return retrieval.nearest_prototypes(queries, prototypes, 4)

  queries = rng.integers(-2, 3, (rows, 3)).astype(np.float32)
  prototypes = rng.integers(-2, 3, (6, 3)).astype(np.float32)
  found = find(queries, prototypes).numpy()
  assert found.shape == (rows, 4)
  assert found.tolist() == _nearest_twin(queries, prototypes, 4)
