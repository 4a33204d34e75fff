"""Labels step by step: window after window, class after class, no batches.

Only what decides on bits is the project's own: the network, the order of the
k-means' sums and the search. All else is plain loops.
"""

import cv2
import numpy as np
import tensorflow as tf

from network import layers
from network.segsort import chunked_kmeans
from network.segsort import clustering
from network.segsort import retrieval
from segsort.data import preprocessing
from segsort.inference import embedding


def _sum_members(features, labels, num_clusters):
  rows = int(chunked_kmeans.chunk_rows(features.shape[0]))
  return tf.reduce_sum(tf.stack([
      tf.math.unsorted_segment_sum(
          features[first:first + rows], labels[first:first + rows],
          num_clusters) for first in range(0, features.shape[0], rows)]), 0)


def _votes(embeddings, locations, prototypes, config):
  """f32[H, W, C]: each pixel's neighbours, counted class by class."""
  features, classes = prototypes
  height, width = embeddings.shape[:2]
  num_clusters = config.num_clusters**2
  pixels = tf.reshape(
      clustering.add_location(embeddings, locations), [height * width, -1])
  labels = tf.reshape(clustering.grid_labels(
      height, width, config.num_clusters, config.num_clusters), [-1])
  for _ in range(config.kmeans_iterations):
    centers = clustering.normalize(_sum_members(pixels, labels, num_clusters))
    labels = clustering.assign_clusters(pixels, centers)
  queries = clustering.normalize(_sum_members(
      tf.reshape(embeddings, [height * width, -1]), labels, num_clusters))
  nearest = retrieval.nearest_prototypes(
      queries, tf.constant(features), config.k_in_nearest_neighbors).numpy()
  neighbours = classes[nearest][labels.numpy()]  # [P, N]
  counts = [(neighbours == label).sum(-1) for label in range(config.classes)]
  return np.stack(counts, -1).reshape(height, width, -1).astype(np.float32)


def single(embedder, image, prototypes, config):
  """Returns the labels of single-scale inference."""
  locations = clustering.location_features(*image.shape[:2])
  return _votes(
      embedder.embed(image), locations, prototypes, config).argmax(-1)


def multi(embedder, image, prototypes, config, scales):
  """Returns the labels of multi-scale inference, with mirrors."""
  size = image.shape[:2]
  total = np.zeros([*size, config.classes], np.float32)
  for scale in scales:
    for flip in (False, True):
      scaled = [max(int(length * scale), 1) for length in size]
      pixels = layers.resize_bilinear(
          preprocessing.subtract_mean(image)[None], scaled)[0].numpy()
      pixels = pixels[:, ::-1] if flip else pixels
      votes = _view(embedder, pixels, prototypes, config)
      votes = votes[:, ::-1] if flip else votes
      total += np.stack([
          cv2.resize(np.ascontiguousarray(votes[..., label]), size[::-1],
                     interpolation=cv2.INTER_LINEAR)
          for label in range(config.classes)], -1)
  return total.argmax(-1)


def _view(embedder, pixels, prototypes, config):
  """Sums the votes of windows, f32[H, W, C]."""
  window, size = embedder.window, pixels.shape[:2]
  padded = np.zeros([*np.maximum(size, window), 3], np.float32)
  padded[:size[0], :size[1]] = pixels
  locations = clustering.location_features(*size)
  votes = np.zeros([*size, config.classes], np.float32)
  for top, bottom, left, right in embedding.windows_of(
      padded.shape[:2], window, config.window_strides):
    raw = embedder.embed_windows(padded[None, top:bottom, left:right])[0]
    inside = locations[top:bottom, left:right]
    raw = raw[:inside.shape[0], :inside.shape[1]]
    votes[top:bottom, left:right] += _votes(
        clustering.normalize(raw), inside, prototypes, config)
  return votes
