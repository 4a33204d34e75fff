"""From embeddings to labels in one function of tensors (arXiv:1910.06962).

K-means, retrieval and vote of one image, for graphs that leave this project:
nothing here needs files or Python while it runs.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network.segsort import chunked_kmeans
from network.segsort import clustering
from network.segsort import retrieval


def cluster_image(embeddings, locations, num_rows, num_columns, iterations):
  """K-means of one image, from a grid of `num_rows` x `num_columns` = K.

  Args:
    embeddings: f32[H, W, D], unit length.
    locations: f32[H, W, 2], `clustering.location_features`.
    num_rows: an int.
    num_columns: an int.
    iterations: an int.

  Returns:
    i32[H, W] in 0..K-1, and f32[K, D], the clusters' mean directions; zero
    where a cluster has no pixel.
  """
  height, width = tf.unstack(tf.shape(embeddings)[:2])
  pixels = tf.reshape(embeddings, [height * width, embeddings.shape[-1]])
  grid = clustering.grid_labels(height, width, num_rows, num_columns)
  clusters = chunked_kmeans.cluster_pixels(
      pixels, tf.reshape(locations, [-1, 2]), tf.reshape(grid, [-1]),
      num_rows * num_columns, iterations)
  means = chunked_kmeans.mean_directions(
      pixels, clusters, num_rows * num_columns)
  return tf.reshape(clusters, [height, width]), means


def label_image(embeddings, prototypes, prototype_labels, *, num_clusters,
                iterations, num_neighbours, num_classes):
  """Labels an image by the nearest prototypes of its segments.

  Args:
    embeddings: f32[H, W, D], unit length.
    prototypes: f32[M, D], unit length, M >= N.
    prototype_labels: i32[M] in 0..C-1.
    num_clusters: rows and columns of the k-means' grid.
    iterations: of the k-means.
    num_neighbours: N.
    num_classes: C.

  Returns:
    A dict: labels i32[H, W]; segments i32[H, W] in 0..K-1, K the square of
    `num_clusters`; segment_labels i32[K]; neighbours i32[K, N], rows of
    `prototypes`, nearest first; similarities f32[K, N], their cosines. What is
    said of a segment without pixels means nothing.
  """
  locations = clustering.location_features(
      *tf.unstack(tf.shape(embeddings)[:2]))
  segments, means = cluster_image(
      embeddings, locations, num_clusters, num_clusters, iterations)
  similarities, neighbours = retrieval.nearest_with_cosines(
      means, prototypes, num_neighbours)
  winners = retrieval.majority_vote(
      tf.gather(prototype_labels, neighbours), num_classes)
  return {'labels': tf.gather(winners, segments), 'segments': segments,
          'segment_labels': winners, 'neighbours': neighbours,
          'similarities': similarities}
