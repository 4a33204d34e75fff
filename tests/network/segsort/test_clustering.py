"""Spherical k-means against loops, by hand, turned around, and at its edges."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import clustering
from network.segsort import loss


def _unit(vectors):
  """f64 rows of unit length; zero rows stay zero."""
  vectors = np.asarray(vectors, np.float64)
  lengths = np.sqrt((vectors ** 2).sum(-1, keepdims=True))
  return vectors / np.where(lengths > 1e-6, lengths, 1)


def _random_features(rng, *shape):
  return _unit(rng.normal(size=shape)).astype(np.float32)


def _kmeans_twin(features, labels, num_clusters, iterations):
  """One image, pixel by pixel; `labels` outside 0..K-1 take no part."""
  labels = list(labels)
  for _ in range(iterations):
    sums = np.zeros((num_clusters, features.shape[-1]))
    for feature, label in zip(features, labels):
      if 0 <= label < num_clusters:
        sums[label] += feature
    centers = _unit(sums)
    for pixel, feature in enumerate(features):
      if 0 <= labels[pixel] < num_clusters:
        labels[pixel], = closeness.leaders([
            np.dot(center, feature) if center.any() else -9
            for center in centers], 1)
  return np.array(labels)


def _kmeans_twins(features, labels, num_clusters, iterations):
  """All images of a batch."""
  return np.array([_kmeans_twin(*image, num_clusters, iterations)
                   for image in zip(features, labels)])


def _kmeans(features, labels, num_clusters, iterations):
  return clustering.spherical_kmeans(
      tf.constant(features, tf.float32), tf.constant(labels, tf.int32),
      num_clusters, iterations).numpy()


def _random_problem(seed):
  """features f32[B, P, D], labels i32[B, P] with pixels left out, K."""
  rng = np.random.default_rng(seed)
  batch, pixels, dim, num_clusters = rng.integers([1, 1, 2, 1], [4, 50, 6, 7])
  return (_random_features(rng, batch, pixels, dim),
          rng.integers(-1, num_clusters + 1, (batch, pixels)),
          int(num_clusters))


@pytest.mark.parametrize('seed', range(20))
def test_kmeans_equals_loops(seed):
  features, labels, num_clusters = _random_problem(seed)
  iterations = seed % 6
  np.testing.assert_array_equal(
      _kmeans(features, labels, num_clusters, iterations),
      _kmeans_twins(features, labels, num_clusters, iterations))


def test_kmeans_by_hand():
  # Means: (1, 1) and (-.2, .6), turned to unit length; then stable.
  features = [[[1, 0], [.8, .6], [0, 1], [-1, 0]]]
  assert _kmeans(features, [[0, 1, 0, 1]], 2, 1).tolist() == [[0, 0, 1, 1]]
  assert _kmeans(features, [[0, 1, 0, 1]], 2, 9).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize('seed', range(3))
def test_turning_all_embeddings_changes_no_label(seed):
  rng = np.random.default_rng(seed)
  features = _random_features(rng, 2, 40, 5)
  labels = rng.integers(0, 4, (2, 40))
  rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
  np.testing.assert_array_equal(
      _kmeans(features @ rotation, labels, 4, 5),
      _kmeans_twins(features, labels, 4, 5))


def test_renaming_clusters_renames_the_result(rng):
  features = _random_features(rng, 1, 40, 5)
  labels = rng.integers(0, 4, (1, 40))
  names = np.array([2, 0, 3, 1])
  np.testing.assert_array_equal(
      _kmeans(features, names[labels], 4, 5),
      names[_kmeans_twins(features, labels, 4, 5)])


def test_images_of_a_batch_do_not_meet(rng):
  features = _random_features(rng, 3, 30, 4)
  labels = rng.integers(0, 4, (3, 30))
  np.testing.assert_array_equal(
      _kmeans(features[::-1], labels[::-1], 4, 4),
      _kmeans_twins(features, labels, 4, 4)[::-1])


def test_left_out_pixels_change_nothing_and_keep_their_label(rng):
  features = _random_features(rng, 1, 30, 4)
  labels = rng.integers(0, 4, (1, 30))
  more_features = np.concatenate([features, features[:, ::-1]], 1)
  more_labels = np.concatenate([labels, np.full((1, 15), -1),
                                np.full((1, 15), 255)], 1)
  result = _kmeans(more_features, more_labels, 4, 4)
  np.testing.assert_array_equal(
      result[:, :30], _kmeans_twins(features, labels, 4, 4))
  np.testing.assert_array_equal(result[:, 30:], more_labels[:, 30:])


def test_kmeans_edges(rng):
  features = _random_features(rng, 1, 6, 3)
  labels = np.array([[0, 3, 3, 0, -1, 3]])
  assert _kmeans(features, labels, 5, 0).tolist() == labels.tolist()
  # Clusters 1, 2 and 4 are empty and stay so; one pixel, one cluster.
  assert set(_kmeans(features, labels, 5, 10)[0]) <= {-1, 0, 3}
  assert _kmeans(features[:, :1], [[0]], 1, 3).tolist() == [[0]]
  assert _kmeans(features, np.full((1, 6), -1), 5, 3).tolist() == [[-1] * 6]
  # Opposite members cancel: the mean is no direction, the cluster is empty.
  assert _kmeans([[[1, 0], [-1, 0], [0, 1]]], [[0, 0, 1]], 2, 1).tolist() == [
      [1, 1, 1]]


def test_ties_go_to_the_lowest_cluster_that_is_not_empty():
  features = [[[1., 0], [0, 1], [0, 0]]]
  assert _kmeans(features, [[1, 2, 2]], 3, 1).tolist() == [[1, 2, 1]]
  centers = tf.constant([[0., 0], [1, 0], [1, 0]])
  assert clustering.assign_clusters(
      tf.constant([[1., 0], [-1, 0]]), centers).numpy().tolist() == [1, 1]


def test_embeddings_that_are_all_zero_stay_finite():
  zeros = tf.zeros([1, 4, 2])
  assert clustering.normalize(zeros).numpy().max() == 0
  assert _kmeans(zeros, [[0, 1, 2, 1]], 3, 3).tolist() == [[0] * 4]
  with tf.GradientTape() as tape:
    tape.watch(zeros)
    length = tf.reduce_sum(clustering.normalize(zeros))
  assert np.isfinite(tape.gradient(length, zeros)).all()


def test_no_gradient_flows_through_the_kmeans(rng):
  features = tf.Variable(_random_features(rng, 1, 9, 3))
  with tf.GradientTape() as tape:
    labels = clustering.spherical_kmeans(
        features, tf.zeros([1, 9], tf.int32), 2, 2)
    total = tf.reduce_sum(tf.cast(labels, tf.float32))
  assert tape.gradient(total, features) is None


def test_normalize_and_mean_directions_by_hand():
  closeness.assert_close(
      clustering.normalize([[3, 4], [0, -2], [0, 0]]),
      [[.6, .8], [0, -1], [0, 0]])
  means = clustering.mean_directions(
      tf.constant([[1., 0], [0, 1], [0, 1], [1, 0]]), tf.constant([0, 0, 2, 7]),
      3)
  half = np.sqrt(.5)
  closeness.assert_close(means, [[half, half], [0, 0], [0, 1]])


def test_locations_and_their_place_beside_the_embedding():
  locations = clustering.location_features(2, 4).numpy()
  np.testing.assert_array_equal(locations[..., 0], [[0] * 4, [.5] * 4])
  np.testing.assert_array_equal(locations[..., 1], [[0, .25, .5, .75]] * 2)
  closeness.assert_close(
      clustering.add_location([[0., 1]], [[.5, .5]]),
      np.array([[0, 1, .5, .5]]) / np.sqrt(1.5))


def test_grid_labels_by_hand():
  assert clustering.grid_labels(3, 5, 2, 3).numpy().tolist() == [
      [0, 0, 2, 2, 4], [0, 0, 2, 2, 4], [1, 1, 3, 3, 5]]


@pytest.mark.parametrize('height', (1, 2, 5, 6, 11))
@pytest.mark.parametrize('width', (1, 4, 7))
def test_grid_labels_of_any_size_have_no_gap(height, width):
  for num_rows, num_columns in ((1, 1), (5, 5), (3, 2)):
    labels = clustering.grid_labels(
        height, width, num_rows, num_columns).numpy()
    cell = int(np.ceil(height / num_rows)), int(np.ceil(width / num_columns))
    rows = len({y // cell[0] for y in range(height)})
    for y in range(height):
      for x in range(width):
        assert labels[y, x] == y // cell[0] + rows * (x // cell[1])
    assert set(labels.ravel()) == set(range(labels.max() + 1))
    assert labels.max() < num_rows * num_columns


def test_cluster_batch_keeps_images_and_invalid_pixels_apart(rng):
  embeddings = _random_features(rng, 2, 4, 4, 3)
  locations = rng.random((2, 4, 4, 2)).astype(np.float32)
  grid = rng.integers(0, 4, (2, 4, 4)).astype(np.int32)
  valid = rng.random((2, 4, 4)) < .7

  def cluster(order):
    return loss.cluster_batch(
        embeddings[order], locations[order], grid[order], valid[order],
        num_clusters=4, iterations=3).numpy()

  labels, swapped = cluster([0, 1]), cluster([1, 0])
  assert (labels[~valid] == -1).all()
  assert set(labels[0][valid[0]]) <= set(range(4))
  assert set(labels[1][valid[1]]) <= set(range(4, 8))
  np.testing.assert_array_equal(
      np.where(valid[0], swapped[1] - 4, -1), labels[0])


def test_unknown_sizes_inside_a_function(rng):
  @tf.function(input_signature=[
      tf.TensorSpec([None] * 4), tf.TensorSpec([], tf.int32)])
  def cluster(embeddings, number):
    batch, height, width = tf.unstack(tf.shape(embeddings)[:3])
    features = clustering.add_location(embeddings, tf.broadcast_to(
        clustering.location_features(height, width),
        [batch, height, width, 2]))
    grid = clustering.grid_labels(height, width, number, number)
    return clustering.spherical_kmeans(
        tf.reshape(features, [batch, -1, 5]),
        tf.broadcast_to(tf.reshape(grid, [1, -1]), [batch, height * width]),
        9, 3)

  embeddings = _random_features(rng, 2, 7, 8, 3)
  locations = [[(y / 7, x / 8) for x in range(8)] for y in range(7)]
  start = [y // 3 + 3 * (x // 3) for y in range(7) for x in range(8)]
  for image, labels in zip(embeddings, cluster(embeddings, 3).numpy()):
    features = _unit(np.concatenate([image, locations], -1)).reshape(-1, 5)
    np.testing.assert_array_equal(labels, _kmeans_twin(features, start, 9, 3))
