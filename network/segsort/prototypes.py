"""From clusters to segments and prototypes, in training and in extraction.

Source: arXiv:1910.06962. Training uses `segment_prototypes`, the sets that
inference searches are of `annotated_prototypes`.

What a segment is: in training, a cluster's pixels of one class, for clusters
are split where they straddle classes; in extraction, the pixels of a cluster
that are of its majority class; in an image to be labelled, where no classes are
known, a whole cluster. So each prototype has one label.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network.segsort import clustering
from network.segsort import coarse_kmeans


def split_by_class(cluster_labels, classes):
  """Numbers the (cluster, class) pairs in order of first occurrence.

  Args:
    cluster_labels: i32[P], 0 or more, distinct between images.
    classes: i32[P], 0 or more.

  Returns:
    segment_labels: i32[P] in 0..S-1.
    segment_classes: i32[S].
  """
  # The 0 is for a batch in which no pixel takes part.
  num_classes = tf.cast(tf.reduce_max(tf.concat([classes, [0]], 0)) + 1,
                        tf.int64)
  # 64 bits: without labels there are 65536 regions an image, each a class too.
  pairs = tf.cast(cluster_labels, tf.int64) * num_classes
  pairs += tf.cast(classes, tf.int64)
  unique, segment_labels = tf.unique(pairs)
  return segment_labels, tf.cast(unique % num_classes, tf.int32)


def compact_segments(cluster_labels, classes, num_clusters, num_classes,
                     max_segments):
  """Numbers the (cluster, class) pairs in a shape that a compiler knows.

  Args:
    cluster_labels: i32[...] in 0..K-1, distinct between images; negative for
      pixels that take no part.
    classes: i32[...] in 0..C-1, of the pixels that take part.
    num_clusters: K of the whole batch.
    num_classes: C.
    max_segments: S, room for segments.

  Returns:
    segment_labels: i32[...] in 0..S-1 in order of cluster and class; -1 for
      pixels that take no part or have no room.
    segment_classes: i32[S], -1 for unused rows.
    num_segments: i32[], how many pairs there are, more than S if room lacks.
  """
  num_pairs = num_clusters * num_classes
  pairs = tf.where(
      cluster_labels >= 0, cluster_labels * num_classes + classes, -1)
  flat = tf.reshape(pairs, [-1])
  # Rows for the pairs that occur: one for each that could, clusters x classes,
  # made the loss 7 to 16 times as slow. tf.unique has no shape XLA knows.
  present = tf.math.unsorted_segment_sum(
      tf.ones_like(flat), flat, num_pairs) > 0
  ranks = tf.cumsum(tf.cast(present, tf.int32)) - 1
  ranks = tf.where(present & (ranks < max_segments), ranks, -1)
  segment_labels = tf.where(
      pairs >= 0, tf.gather(ranks, tf.maximum(pairs, 0)), -1)
  segment_classes = tf.math.unsorted_segment_max(
      tf.range(num_pairs) % num_classes, ranks, max_segments)
  num_segments = tf.math.count_nonzero(present, dtype=tf.int32)
  segment_classes = tf.where(
      tf.range(max_segments) < num_segments, segment_classes, -1)
  return segment_labels, segment_classes, num_segments


def segment_prototypes(embeddings, segment_labels, num_segments):
  """Returns f32[S, D]: the mean direction of each segment (arXiv:1910.06962).

  Args:
    embeddings: f32[P, D], unit length; the gradient flows through them.
    segment_labels: i32[P]; -1 for pixels of no segment.
    num_segments: S; absent segments get a zero prototype.
  """
  return clustering.mean_directions(embeddings, segment_labels, num_segments)


def count_labels(cluster_labels, classes, num_clusters, num_classes):
  """Returns i32[K, C]: how many pixels of each cluster have each class.

  Args:
    cluster_labels: i32[P] in 0..K-1.
    classes: i32[P]; pixels with a class outside 0..C-1 are not counted.
    num_clusters: K.
    num_classes: C.
  """
  counted = (classes >= 0) & (classes < num_classes)
  pairs = tf.boolean_mask(cluster_labels * num_classes + classes, counted)
  counts = tf.math.bincount(
      pairs, minlength=num_clusters * num_classes,
      maxlength=num_clusters * num_classes)
  return tf.reshape(counts, [num_clusters, num_classes])


def majority_labels(cluster_labels, classes, num_clusters, num_classes):
  """Returns i32[K]: each cluster's most frequent class, ties to the lowest.

  A cluster without counted pixels gets 0. Arguments as in `count_labels`.
  """
  counts = count_labels(cluster_labels, classes, num_clusters, num_classes)
  return tf.argmax(counts, -1, output_type=tf.int32)


def annotated_prototypes(embeddings, cluster_labels, classes, num_classes):
  """Prototypes of an annotated image, for retrieval (arXiv:1910.06962).

  A cluster's prototype is the mean direction of its majority-class pixels.

  Args:
    embeddings: f32[P, D], unit length, of annotated pixels.
    cluster_labels: i32[P], 0 or more.
    classes: i32[P] in 0..C-1.
    num_classes: C.

  Returns:
    prototypes: f32[S, D], unit length, clusters in order of first occurrence.
    labels: i32[S], their majority classes.
  """
  present, clusters = tf.unique(cluster_labels)
  num_clusters = tf.size(present)
  labels = majority_labels(clusters, classes, num_clusters, num_classes)
  of_majority = tf.equal(classes, tf.gather(labels, clusters))
  prototypes = segment_prototypes(
      embeddings, tf.where(of_majority, clusters, -1), num_clusters)
  return prototypes, labels


def patch_prototypes(patches, cluster_labels, classes, num_clusters,
                     num_classes):
  """As `annotated_prototypes`, from what the network answered.

  Args:
    patches: `patches.Patches` of an image.
    cluster_labels: i32[H, W] in 0..K-1, -1 for pixels that take no part.
    classes: i32[H, W], in 0..C-1 where pixels take part.
    num_clusters: K, an int.
    num_classes: C.

  Returns:
    As `annotated_prototypes`.
  """
  taking_part = cluster_labels >= 0
  labels = majority_labels(
      tf.boolean_mask(cluster_labels, taking_part),
      tf.boolean_mask(classes, taking_part), num_clusters, num_classes)
  of_majority = tf.equal(
      classes, tf.gather(labels, tf.maximum(cluster_labels, 0)))
  means = coarse_kmeans.mean_directions(
      patches, tf.where(of_majority, cluster_labels, -1), num_clusters)
  present, _ = tf.unique(tf.boolean_mask(cluster_labels, taking_part))
  return tf.gather(means, present), tf.gather(labels, present)
