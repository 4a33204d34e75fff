"""K-means at the network's resolution against loops over pixels."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network import layers
from network.segsort import clustering
from network.segsort import coarse_kmeans
from network.segsort import patch_steps
from network.segsort import patches as patches_lib


@pytest.fixture(name='small_chunks', autouse=True)
def _small_chunks(monkeypatch):
  """Many chunks in small images, and several blocks of clusters."""
  monkeypatch.setattr(coarse_kmeans, 'PATCHES_STEP', 4)
  monkeypatch.setattr(coarse_kmeans, 'MAX_SLOTS', {'CPU': 512, 'GPU': 512})
  monkeypatch.setattr(patch_steps, 'MAX_UNROLLED', 7)


def _unit(vectors):
  lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
  return vectors / np.where(lengths > 1e-6, lengths, 1)


def _draw(rng, size, dim=5, num_cues=2):
  """The network's answer of output stride 8, and cues."""
  answer = rng.normal(size=(-(-size[0] // 8), -(-size[1] // 8), dim))
  return answer.astype(np.float32), rng.random(
      (*size, num_cues)).astype(np.float32)


def _patches(answer, size):
  return patches_lib.of_window(tf.constant(answer), size, size)


def _cluster(answer, cues, labels, num_clusters, iterations):
  return coarse_kmeans.cluster(
      _patches(answer, labels.shape), tf.constant(cues),
      tf.constant(labels, tf.int32), num_clusters, iterations)[0].numpy()


def _embed(answer, size):
  """f64[P, D], of unit length."""
  raw = layers.resize_bilinear(answer[None], size)[0].numpy().astype(float)
  return _unit(raw).reshape(-1, raw.shape[-1])


def _twin(answer, cues, labels, num_clusters, iterations):
  """Dense, loops over clusters and pixels, in float64."""
  features = _unit(np.concatenate([
      _embed(answer, labels.shape), cues.reshape(labels.size, -1)], -1))
  found = labels.ravel().copy()
  for _ in range(iterations):
    sums = np.array([features[found == k].sum(0) for k in range(num_clusters)])
    for pixel in np.flatnonzero(found >= 0):
      found[pixel], = closeness.leaders(
          [features[pixel] @ _unit(total) if total.any() else -9
           for total in sums], 1)
  return found.reshape(labels.shape)


@pytest.mark.parametrize('size, num_cues', (
    ((24, 32), 2), ((27, 45), 5), ((19, 8), 2), ((1, 1), 2)))
def test_labels_are_those_of_loops(rng, size, num_cues):
  answer, cues = _draw(rng, size, num_cues=num_cues)
  labels = rng.integers(0, 9, size)
  np.testing.assert_array_equal(
      _cluster(answer, cues, labels, 9, 3), _twin(answer, cues, labels, 9, 3))


def test_pixels_that_take_no_part_keep_minus_1_and_move_nothing(rng):
  size = 21, 30
  answer, cues = _draw(rng, size)
  labels = rng.integers(0, 4, size)
  labels[5:14, 3:20] = -1
  found = _cluster(answer, cues, labels, 4, 3)
  np.testing.assert_array_equal(found, _twin(answer, cues, labels, 4, 3))
  assert (found[5:14, 3:20] == -1).all() and (found == -1).sum() == 9 * 17


@pytest.mark.parametrize('num_clusters, size', (
    (1, (9, 5)), (25, (26, 33)), (400, (14, 9))))
def test_any_number_of_clusters(rng, num_clusters, size):
  answer, cues = _draw(rng, size)
  labels = rng.integers(0, num_clusters, size)
  np.testing.assert_array_equal(
      _cluster(answer, cues, labels, num_clusters, 2),
      _twin(answer, cues, labels, num_clusters, 2))


def test_an_empty_cluster_is_never_chosen(rng):
  answer, cues = _draw(rng, (16, 24))  # cosines may all be negative
  labels = rng.choice([1, 3], (16, 24))
  assert set(_cluster(answer, cues, labels, 5, 4).ravel()) <= {1, 3}


def test_a_tie_goes_to_the_lowest_cluster_in_another_block_as_well(
    monkeypatch):
  # Two clusters of one pixel each, which are alike, have the same center: of
  # more pixels, rows of a product may be summed in different orders.
  monkeypatch.setattr(clustering, 'normalize', closeness.normalize_exactly)
  answer = np.tile(np.float32([1, 0]), (2, 2, 1))
  labels = np.full((16, 16), -1)
  labels[3, 4], labels[9, 9] = 12, 2
  found = _cluster(answer, np.zeros((16, 16, 2), 'f4'), labels, 13, 1)
  np.testing.assert_array_equal(found, np.where(labels < 0, -1, 2))


def test_a_zero_embedding_is_clustered_by_its_cues(rng):
  size = 16, 16
  answer, cues = _draw(rng, size)
  answer[:] = 0
  labels = rng.integers(0, 3, size)
  np.testing.assert_array_equal(
      _cluster(answer, cues, labels, 3, 3), _twin(answer, cues, labels, 3, 3))


def test_no_iterations_return_the_start(rng):
  labels = rng.integers(-1, 4, (9, 12))
  np.testing.assert_array_equal(
      _cluster(*_draw(rng, (9, 12)), labels, 4, 0), labels)


def test_sizes_may_be_unknown_while_tracing(rng):
  size = 20, 31
  answer, cues = _draw(rng, size)
  labels = rng.integers(0, 4, size).astype(np.int32)

  @tf.function(input_signature=[
      tf.TensorSpec([None] * 3), tf.TensorSpec([None, None, 2]),
      tf.TensorSpec([None] * 2, tf.int32)])
  def traced(answer, cues, labels):
    shape = tf.shape(labels)
    return coarse_kmeans.cluster(
        patches_lib.of_window(answer, shape, shape), cues, labels, 4, 3)[0]
  np.testing.assert_array_equal(
      traced(answer, cues, labels), _twin(answer, cues, labels, 4, 3))


def test_mean_directions_are_those_of_pixels(rng):
  size = 22, 35
  answer, _ = _draw(rng, size)
  labels = rng.integers(-1, 4, size).astype(np.int32)
  means = coarse_kmeans.mean_directions(
      _patches(answer, size), tf.constant(labels), 5).numpy()
  embeddings = _embed(answer, size)
  closeness.assert_close(means[:4], [
      _unit(embeddings[labels.ravel() == k].sum(0)) for k in range(4)])
  np.testing.assert_array_equal(means[4], np.zeros(5))


@pytest.mark.parametrize('iterations', (0, 2))
def test_clusters_come_with_their_mean_directions(rng, iterations):
  size = 18, 25
  answer, cues = _draw(rng, size)
  labels = tf.constant(rng.integers(-1, 3, size), tf.int32)
  patches = _patches(answer, size)
  found, means = coarse_kmeans.cluster(patches, cues, labels, 3, iterations)
  closeness.assert_close(
      means, coarse_kmeans.mean_directions(patches, found, 3))


@pytest.mark.parametrize('shape, rows', (
    ((1, 64), 4), ((8, 64), 8), ((9, 64), 8), ((5, 4), 8), ((1000, 4), 128)))
def test_chunks_have_few_sizes(shape, rows):
  assert int(coarse_kmeans.chunk_rows(tf.constant(shape))[0]) == rows


def test_the_dense_path_finds_the_same(rng):
  size = 40, 52
  answer, _ = _draw(rng, size, 8)
  cues = clustering.location_features(*size)
  labels = clustering.grid_labels(*size, 3, 3).numpy()
  features = clustering.add_location(
      tf.constant(_embed(answer, size), tf.float32), tf.reshape(cues, [-1, 2]))
  dense = clustering.spherical_kmeans(
      features[None], labels.reshape(1, -1), 9, 10)[0].numpy()
  found = _cluster(answer, cues, labels, 9, 10)
  assert (found.ravel() != dense).sum() <= 2  # ties of rounding
