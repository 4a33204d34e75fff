"""Inference as the 2019 release formulates it, the twin of the benchmarks.

One network call a window, whose embeddings go through numpy; k-means by
products with one-hot labels; votes counted per pixel and class over the
neighbours. What comes out is what `segsort.inference` computes, but for the
rounding of sums.

Shapes: H height  W width  P pixels  D embedding  K clusters  M prototypes
        C classes  N neighbours
"""

import cv2
import numpy as np
import tensorflow as tf

from network import layers
from network.segsort import clustering
from segsort.data import preprocessing
from segsort.inference import embedding

ITERATIONS = 10


def make_network(model, window):
  """Returns a function f32[H, W, 3] -> numpy f32[H, W, D], of one window."""

  @tf.function
  def embed(image):
    return layers.resize_bilinear(model(image[None], training=False), window)[0]
  return lambda image: embed(image).numpy()


@tf.function(reduce_retracing=True)
def cluster_and_search(
    embeddings, locations, features, num_neighbours, number):
  """One-hot k-means, then the nearest prototypes of each cluster.

  Args:
    embeddings: f32[P, D], unit length.
    locations: f32[H, W, 2].
    features: f32[M, D], unit length.
    num_neighbours: N.
    number: rows and columns of the k-means' grid.

  Returns:
    i32[P] cluster labels and i32[K, N].
  """
  height, width = tf.unstack(tf.shape(locations)[:2])
  num_clusters = number**2
  pixels = clustering.normalize(tf.concat(
      [embeddings, tf.reshape(locations, [-1, 2])], -1))
  labels = tf.reshape(clustering.grid_labels(
      height, width, number, number), [-1])
  for _ in range(ITERATIONS):
    members = tf.one_hot(labels, num_clusters)
    centers = clustering.normalize(
        tf.matmul(members, pixels, transpose_a=True))
    similarities = tf.matmul(pixels, centers, transpose_b=True)
    labels = tf.argmax(similarities, -1, output_type=tf.int32)
  members = tf.one_hot(labels, num_clusters)
  queries = clustering.normalize(
      tf.matmul(members, embeddings, transpose_a=True))
  cosines = tf.matmul(queries, features, transpose_b=True)
  return labels, tf.math.top_k(cosines, num_neighbours).indices


def count_votes(clusters, neighbour_classes, num_classes):
  """Counts every pixel's neighbours, class after class.

  Args:
    clusters: i32[H, W].
    neighbour_classes: i32[K, N].
    num_classes: C.

  Returns:
    f32[H, W, C].
  """
  of_pixels = neighbour_classes[clusters]  # [H, W, N]
  votes = np.zeros([*clusters.shape, num_classes], np.float32)
  for label in range(num_classes):
    votes[..., label] = np.sum(of_pixels == label, axis=-1)
  return votes


def vote(embeddings, locations, prototypes, config):
  """Votes f32[H, W, C] of an image or a window.

  Args:
    embeddings: f32[H, W, D], unit length.
    locations: f32[H, W, 2].
    prototypes: f32[M, D] and i32[M].
    config: a `inference_settings.InferenceConfig`.
  """
  features, classes = prototypes
  labels, neighbours = cluster_and_search(
      tf.reshape(embeddings, [-1, embeddings.shape[-1]]), locations, features,
      config.k_in_nearest_neighbors, config.num_clusters)
  return count_votes(
      labels.numpy().reshape(embeddings.shape[:2]),
      classes[neighbours.numpy()], config.classes)


def predict_multi(network, image, prototypes, config, scales):
  """Returns i64[H, W] labels from the votes of scales and mirrors.

  Args:
    network: a function from `make_network`.
    image: u8[H, W, 3].
    prototypes: f32[M, D] and i32[M].
    config: a `inference_settings.InferenceConfig`.
    scales: list of numbers.
  """
  size = image.shape[:2]
  total = np.zeros([*size, config.classes], np.float32)
  for scale in scales:
    for flip in (False, True):
      scaled = [max(int(length * scale), 1) for length in size]
      pixels = layers.resize_bilinear(
          preprocessing.subtract_mean(image)[None], scaled)[0].numpy()
      votes = _vote_in_windows(
          network, pixels[:, ::-1] if flip else pixels, prototypes, config)
      votes = votes[:, ::-1] if flip else votes
      total += np.stack([
          cv2.resize(np.ascontiguousarray(votes[..., label]), size[::-1],
                     interpolation=cv2.INTER_LINEAR)
          for label in range(config.classes)], axis=-1)
  return np.argmax(total, -1)


def _vote_in_windows(network, pixels, prototypes, config):
  """Sums the votes f32[H, W, C] of one view, window after window."""
  window, size = config.input_size, pixels.shape[:2]
  padded = np.zeros([*np.maximum(size, window), 3], np.float32)
  padded[:size[0], :size[1]] = pixels
  locations = clustering.location_features(*size)
  votes = np.zeros([*size, config.classes], np.float32)
  for top, bottom, left, right in embedding.windows_of(
      padded.shape[:2], window, config.window_strides):
    raw = network(padded[top:bottom, left:right])
    inside = locations[top:bottom, left:right]
    raw = clustering.normalize(raw[:inside.shape[0], :inside.shape[1]])
    votes[top:bottom, left:right] += vote(raw, inside, prototypes, config)
  return votes
