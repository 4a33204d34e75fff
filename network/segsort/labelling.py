"""One image from embeddings to prototypes and to labels (arXiv:1910.06962).

K-means, retrieval and vote as functions of tensors: what an exported model and
other Keras code call. Extraction and inference take their k-means from here;
inference, which sums windows and scales, does the rest in
`segsort/inference/labeller.py`. There are two ways, from the embedding of each
pixel (`cluster_image`) and from `patches.Patches` (`cluster_patches`).

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network import layers
from network.segsort import chunked_kmeans
from network.segsort import clustering
from network.segsort import coarse_kmeans
from network.segsort import prototypes as prototypes_lib
from network.segsort import retrieval
from network.segsort import voting


def resize_embeddings(embeddings, size):
  """Returns f32[B, *size, D], unit length, of f32[B, h, w, D]."""
  return clustering.normalize(layers.resize_bilinear(embeddings, size))


def cluster_image(
    embeddings, locations, taking_part, num_clusters, iterations):
  """Spherical k-means of one image on [embedding, location].

  Args:
    embeddings: f32[H, W, D], unit length.
    locations: f32[H, W, 2], or more cues beside the embedding.
    taking_part: bool[H, W].
    num_clusters: (rows, columns) of the grid it starts from.
    iterations: of k-means.

  Returns:
    i32[H, W] in 0..K-1; -1 where not taking part.
  """
  height, width = tf.unstack(tf.shape(embeddings)[:2])
  grid = clustering.grid_labels(height, width, *num_clusters)
  labels = chunked_kmeans.cluster_pixels(
      tf.reshape(embeddings, [height * width, -1]),
      tf.reshape(locations, [height * width, -1]),
      tf.reshape(tf.where(taking_part, grid, -1), [-1]),
      num_clusters[0] * num_clusters[1], iterations)
  return tf.reshape(labels, [height, width])


def cluster_patches(
    patches, cues, taking_part, num_clusters, iterations):
  """As `cluster_image`, from `patches.Patches`.

  Args:
    patches: `patches.Patches` of an image.
    cues: f32[H, W, F], locations and what else the k-means sees.
    taking_part: bool[H, W].
    num_clusters: (rows, columns) of the grid it starts from.
    iterations: of k-means.

  Returns:
    i32[H, W] in 0..K-1, -1 where not taking part; and f32[K, D], the mean
    directions of the clusters, which are 0 for those without pixels.
  """
  grid = clustering.grid_labels(*tf.unstack(tf.shape(cues)[:2]), *num_clusters)
  return coarse_kmeans.cluster(
      patches, cues, tf.where(taking_part, grid, -1),
      num_clusters[0] * num_clusters[1], iterations)


def image_prototypes(embeddings, classes, *, num_clusters, iterations,
                     num_classes):
  """Prototypes of the segments of an annotated image.

  Args:
    embeddings: f32[H, W, D], unit length.
    classes: i32[H, W]; pixels outside 0..C-1 take no part.
    num_clusters: rows and columns of the k-means' grid.
    iterations: of the k-means.
    num_classes: C.

  Returns:
    prototypes f32[S, D], unit length, and their classes i32[S].
  """
  annotated = (classes >= 0) & (classes < num_classes)
  clusters = cluster_image(
      embeddings, _locate(embeddings), annotated, (num_clusters,) * 2,
      iterations)
  return prototypes_lib.annotated_prototypes(
      *(tf.boolean_mask(tensor, annotated)
        for tensor in (embeddings, clusters, classes)), num_classes)


def _locate(embeddings):
  """Returns f32[H, W, 2], the locations in an image of f32[H, W, D]."""
  return clustering.location_features(*tf.unstack(tf.shape(embeddings)[:2]))


def label_image(embeddings, prototypes, prototype_labels, *, num_clusters,
                iterations, num_neighbours, num_classes, cues=None,
                vote_weights=voting.EQUAL):
  """Labels an image by the nearest prototypes of its segments.

  Args:
    embeddings: f32[H, W, D], unit length.
    prototypes: f32[M, D], unit length, M >= N.
    prototype_labels: i32[M] in 0..C-1.
    num_clusters: rows and columns of the k-means' grid.
    iterations: of the k-means.
    num_neighbours: N.
    num_classes: C.
    cues: f32[H, W, F], what the k-means sees beside the embedding; None for
      the locations.
    vote_weights: a `voting.VoteWeights`.

  Returns:
    A dict: labels i32[H, W]; segments i32[H, W] in 0..K-1, K the square of
    `num_clusters`; segment_labels i32[K]; neighbours i32[K, N], rows of
    `prototypes`, nearest first; similarities f32[K, N], their cosines. What is
    said of a segment without pixels means nothing.
  """
  everywhere = tf.ones(tf.shape(embeddings)[:2], tf.bool)
  segments = cluster_image(
      embeddings, _locate(embeddings) if cues is None else cues, everywhere,
      (num_clusters,) * 2, iterations)
  means = chunked_kmeans.mean_directions(
      tf.reshape(embeddings, [-1, embeddings.shape[-1]]),
      tf.reshape(segments, [-1]), num_clusters**2)
  return _label_segments(
      segments, means, prototypes, prototype_labels, num_neighbours,
      num_classes, vote_weights)


def label_patches(patches, cues, prototypes, prototype_labels, *, num_clusters,
                  iterations, num_neighbours, num_classes,
                  vote_weights=voting.EQUAL):
  """As `label_image`, from `patches.Patches`: faster, in less memory."""
  segments, means = cluster_patches(
      patches, cues, tf.ones(tf.shape(cues)[:2], tf.bool), (num_clusters,) * 2,
      iterations)
  return _label_segments(
      segments, means, prototypes, prototype_labels, num_neighbours,
      num_classes, vote_weights)


def _label_segments(segments, means, prototypes, prototype_labels,
                    num_neighbours, num_classes, vote_weights):
  """What `label_image` returns, from i32[H, W] and f32[K, D]."""
  similarities, neighbours = retrieval.nearest_with_cosines(
      means, prototypes, num_neighbours)
  votes = voting.count_votes(
      tf.gather(prototype_labels, neighbours), num_classes, similarities,
      vote_weights)
  winners = tf.argmax(votes, -1, output_type=tf.int32)
  return {'labels': tf.gather(winners, segments), 'segments': segments,
          'segment_labels': winners, 'neighbours': neighbours,
          'similarities': similarities}
