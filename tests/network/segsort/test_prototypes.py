"""Segments, prototypes and majority labels against loops and by hand."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import prototypes


def _unit(vectors):
  return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True),
                              1e-9)


def _random_pixels(seed):
  """embeddings f32[P, D], cluster labels i32[P], classes i32[P]."""
  rng = np.random.default_rng(seed)
  pixels, dim, clusters, classes = rng.integers([1, 2, 1, 1], [60, 6, 8, 6])
  return (_unit(rng.normal(size=(pixels, dim))).astype(np.float32),
          rng.integers(0, clusters, pixels).astype(np.int32),
          rng.integers(0, classes, pixels).astype(np.int32))


@pytest.mark.parametrize('seed', range(10))
def test_split_by_class_numbers_pairs_as_they_appear(seed):
  _, clusters, classes = _random_pixels(seed)
  numbers = {}
  for pair in zip(clusters, classes):
    numbers.setdefault(pair, len(numbers))
  labels, segment_classes = prototypes.split_by_class(
      tf.constant(clusters), tf.constant(classes))
  assert labels.numpy().tolist() == [
      numbers[pair] for pair in zip(clusters, classes)]
  assert segment_classes.numpy().tolist() == [pair[1] for pair in numbers]


def test_split_by_class_by_hand():
  labels, classes = prototypes.split_by_class(
      tf.constant([7, 7, 2, 7, 2]), tf.constant([1, 0, 1, 1, 1]))
  assert labels.numpy().tolist() == [0, 1, 2, 0, 2]
  assert classes.numpy().tolist() == [1, 0, 1]


def test_split_by_class_of_large_numbers_and_of_nothing():
  # Clusters times classes exceeds 32 bits.
  labels, classes = prototypes.split_by_class(
      tf.constant([2**30, 2**30, 5]), tf.constant([2**30, 3, 2**30]))
  assert labels.numpy().tolist() == [0, 1, 2]
  assert classes.numpy().tolist() == [2**30, 3, 2**30]
  nothing = tf.zeros([0], tf.int32)
  labels, classes = prototypes.split_by_class(nothing, nothing)
  assert labels.shape == classes.shape == [0]


@pytest.mark.parametrize('seed', range(10))
def test_segment_prototypes_are_mean_directions(seed):
  embeddings, segments, _ = _random_pixels(seed)
  segments[seed % len(segments)] = -1
  expected = np.zeros((9, embeddings.shape[1]))
  for embedding, segment in zip(embeddings, segments):
    if segment >= 0:
      expected[segment] += embedding
  closeness.assert_close(
      prototypes.segment_prototypes(
          tf.constant(embeddings), tf.constant(segments), 9),
      _unit(expected))


def test_renaming_segments_and_turning_embeddings(rng):
  embeddings, segments, _ = _random_pixels(3)
  turn = np.linalg.qr(rng.normal(size=(embeddings.shape[1],) * 2))[0]
  names = rng.permutation(8).astype(np.int32)
  before = prototypes.segment_prototypes(embeddings, segments, 8).numpy()
  after = prototypes.segment_prototypes(
      (embeddings @ turn).astype(np.float32), names[segments], 8).numpy()
  closeness.assert_close(after[names], before @ turn)


def _majority_twin(clusters, classes, num_clusters, num_classes):
  counts = np.zeros((num_clusters, num_classes), int)
  for cluster, label in zip(clusters, classes):
    if 0 <= label < num_classes:
      counts[cluster, label] += 1
  winners = [max(range(num_classes), key=lambda c: (row[c], -c))
             for row in counts]
  return counts.tolist(), winners


@pytest.mark.parametrize('seed', range(10))
def test_counts_and_majorities_equal_loops(seed):
  _, clusters, classes = _random_pixels(seed)
  classes[::3] = 255
  counts, winners = _majority_twin(clusters, classes, 9, 4)
  arguments = tf.constant(clusters), tf.constant(classes), 9, 4
  assert prototypes.count_labels(*arguments).numpy().tolist() == counts
  assert prototypes.majority_labels(*arguments).numpy().tolist() == winners


def test_majority_by_hand_with_a_tie_and_an_empty_cluster():
  labels = prototypes.majority_labels(
      tf.constant([0, 0, 0, 2, 2]), tf.constant([3, 3, 1, 3, 1]), 3, 4)
  assert labels.numpy().tolist() == [3, 0, 1]


def _annotated_twin(embeddings, clusters, classes):
  features, labels = [], []
  for cluster in dict.fromkeys(clusters.tolist()):
    members = classes[clusters == cluster]
    label = np.bincount(members).argmax()
    chosen = embeddings[(clusters == cluster) & (classes == label)]
    features.append(_unit(chosen.astype(np.float64).sum(0)))
    labels.append(label)
  return np.array(features), labels


@pytest.mark.parametrize('seed', range(10))
def test_annotated_prototypes_equal_loops(seed):
  embeddings, clusters, classes = _random_pixels(seed)
  features, labels = prototypes.annotated_prototypes(
      tf.constant(embeddings), tf.constant(clusters), tf.constant(classes), 6)
  expected, expected_labels = _annotated_twin(embeddings, clusters, classes)
  closeness.assert_close(features, expected)
  assert labels.numpy().tolist() == expected_labels


def test_annotated_prototypes_by_hand_and_of_one_pixel():
  # The class 2 pixel of cluster 5 counts for nothing.
  features, labels = prototypes.annotated_prototypes(
      tf.constant([[1., 0], [0, 1], [0, 1], [0, -1]]),
      tf.constant([5, 5, 5, 0]), tf.constant([1, 1, 2, 0]), 3)
  closeness.assert_close(features, [[.5 ** .5, .5 ** .5], [0, -1]])
  assert labels.numpy().tolist() == [1, 0]
  features, labels = prototypes.annotated_prototypes(
      tf.constant([[0., 1]]), tf.constant([3]), tf.constant([2]), 3)
  assert features.numpy().tolist() == [[0, 1]] and labels.numpy() == [2]


def test_unknown_sizes_inside_a_function():
  @tf.function(input_signature=[tf.TensorSpec([None, 3]), *[
      tf.TensorSpec([None], tf.int32)] * 2])
  def annotate(embeddings, clusters, classes):
    segments, segment_classes = prototypes.split_by_class(clusters, classes)
    return (prototypes.segment_prototypes(
        embeddings, segments, tf.shape(segment_classes)[0]),
            *prototypes.annotated_prototypes(embeddings, clusters, classes, 6))

  rng = np.random.default_rng(1)
  embeddings = _unit(rng.normal(size=(40, 3))).astype(np.float32)
  clusters, classes = rng.integers(0, 5, (2, 40)).astype(np.int32)
  segments, features, labels = annotate(embeddings, clusters, classes)
  expected, expected_labels = _annotated_twin(embeddings, clusters, classes)
  closeness.assert_close(features, expected)
  assert labels.numpy().tolist() == expected_labels
  assert len(segments) == len(set(zip(clusters, classes)))


def test_no_pixels_give_no_prototypes():
  nothing = tf.zeros([0], tf.int32)
  features, labels = prototypes.annotated_prototypes(
      tf.zeros([0, 3]), nothing, nothing, 4)
  assert features.shape == [0, 3] and labels.shape == [0]
