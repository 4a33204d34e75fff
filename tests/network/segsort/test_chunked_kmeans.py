"""K-means in chunks against loops, the plain one, and by hand."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import chunked_kmeans
from network.segsort import clustering


@pytest.fixture(name='small_chunks', autouse=True)
def _small_chunks(monkeypatch):
  """Many chunks in small images."""
  monkeypatch.setattr(chunked_kmeans, 'ROWS_STEP', 8)
  monkeypatch.setattr(chunked_kmeans, 'MAX_ROWS', {'CPU': 32, 'GPU': 32})


def _unit(vectors):
  return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _pixels(rng, num_pixels, dim=5):
  embeddings = _unit(rng.normal(size=(num_pixels, dim)))
  return embeddings.astype(np.float32), rng.random(
      (num_pixels, 2)).astype(np.float32)


def _cluster(embeddings, locations, labels, num_clusters, iterations):
  return chunked_kmeans.cluster_pixels(
      tf.constant(embeddings), tf.constant(locations),
      tf.constant(labels, tf.int32), num_clusters, iterations).numpy()


def _twin(embeddings, locations, labels, num_clusters, iterations):
  """Loops over clusters and pixels, in float64."""
  features = _unit(np.concatenate([embeddings, locations], -1).astype(float))
  labels = np.array(labels)
  for _ in range(iterations):
    sums = np.array([features[labels == k].sum(0)
                     for k in range(num_clusters)])
    for pixel in np.flatnonzero(labels >= 0):
      labels[pixel], = closeness.leaders(
          [features[pixel] @ _unit(total) if total.any() else -9
           for total in sums], 1)
  return labels


@pytest.mark.parametrize('num_pixels', (1, 7, 8, 32, 33, 150))
def test_labels_are_those_of_loops(rng, num_pixels):
  embeddings, locations = _pixels(rng, num_pixels)
  labels = rng.integers(0, 4, num_pixels)
  np.testing.assert_array_equal(
      _cluster(embeddings, locations, labels, 4, 3),
      _twin(embeddings, locations, labels, 4, 3))


def test_pixels_that_take_no_part_keep_minus_1_and_move_nothing(rng):
  embeddings, locations = _pixels(rng, 90)
  labels = rng.integers(0, 4, 90)
  labels[::3] = -1
  found = _cluster(embeddings, locations, labels, 4, 4)
  assert (found[::3] == -1).all()
  inside = labels >= 0
  np.testing.assert_array_equal(
      found[inside], _twin(embeddings[inside], locations[inside],
                           labels[inside], 4, 4))
  np.testing.assert_array_equal(
      found, _twin(embeddings, locations, labels, 4, 4))


def test_an_empty_cluster_is_never_chosen(rng):
  embeddings, locations = _pixels(rng, 60)
  labels = rng.choice([1, 3], 60)  # cosines may all be negative
  found = _cluster(embeddings, locations, labels, 5, 5)
  assert set(found) <= {1, 3}


@pytest.mark.parametrize('level', ((1, 2), (140, 299), (5, 600)))
def test_a_tie_goes_to_the_lowest_cluster(monkeypatch, level):
  # Two clusters of equal members have the same center.
  monkeypatch.setattr(clustering, 'normalize', closeness.normalize_exactly)
  embeddings = np.tile(np.float32([[1, 0]]), (40, 1))
  locations = np.zeros((40, 2), np.float32)
  labels = np.array(level)[np.arange(40) % 2]
  found = _cluster(embeddings, locations, labels, level[1] + 1, 1)
  np.testing.assert_array_equal(found, np.full(40, level[0]))


def test_no_iterations_return_the_start(rng):
  labels = rng.integers(-1, 4, 50)
  np.testing.assert_array_equal(
      _cluster(*_pixels(rng, 50), labels, 4, 0), labels)


@pytest.mark.parametrize('num_clusters', (1, 25, 300, 520))
def test_any_number_of_clusters(rng, num_clusters):
  embeddings, locations = _pixels(rng, 400)
  labels = rng.integers(0, num_clusters, 400)
  features = clustering.add_location(embeddings, locations)
  plain = clustering.spherical_kmeans(
      features[None], labels[None].astype(np.int32), num_clusters, 2)[0]
  expected = _twin(embeddings, locations, labels, num_clusters, 2)
  np.testing.assert_array_equal(plain, expected)
  np.testing.assert_array_equal(
      _cluster(embeddings, locations, labels, num_clusters, 2), expected)


def test_dimensions_may_be_unknown_while_tracing(rng):
  embeddings, locations = _pixels(rng, 70)
  labels = rng.integers(0, 4, 70).astype(np.int32)
  traced = tf.function(
      lambda *pixels: chunked_kmeans.cluster_pixels(*pixels, 4, 3),
      input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None, 2]),
                       tf.TensorSpec([None], tf.int32)])
  np.testing.assert_array_equal(
      traced(embeddings, locations, labels),
      _twin(embeddings, locations, labels, 4, 3))


def test_mean_directions_are_those_of_all_pixels_at_once(rng):
  embeddings, _ = _pixels(rng, 75)
  labels = rng.integers(-1, 6, 75).astype(np.int32)  # 4 and 5 are beyond K
  means = chunked_kmeans.mean_directions(
      tf.constant(embeddings), tf.constant(np.where(labels < 4, labels, -1)), 5)
  expected = [_unit(embeddings[labels == k].sum(0)) for k in range(4)]
  closeness.assert_close(means[:4], expected)
  np.testing.assert_array_equal(means[4], np.zeros(5))


@pytest.mark.parametrize('num_pixels, rows', (
    (1, 8), (8, 8), (9, 16), (32, 32), (33, 24), (65, 24), (1000, 32)))
def test_chunks_have_few_sizes(num_pixels, rows):
  assert int(chunked_kmeans.chunk_rows(num_pixels)) == rows
