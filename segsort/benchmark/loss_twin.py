"""The 2019 release's formulation of the supervised loss, as plain code.

What it computes is what `network.segsort.loss` computes; how is as the release
did: image by image, memberships and classes as one-hot matrices, shapes that
are known only when it runs, every similarity held for the gradient.
"""

import tensorflow as tf


def supervised_loss(raw, batch, bank, config):
  """Returns the loss f32[] of one batch.

  Args:
    raw: f32[B, h, w, D], not of unit length.
    batch: labels i32[B, h, w] (255: ignored), grid_labels i32[B, h, w] and
      locations f32[B, h, w, 2], of the embedding's size.
    bank: prototypes f32[M, D] and labels i32[M].
    config: a `training_settings.TrainConfig`.
  """
  num_clusters = config.num_clusters ** 2
  pixels, clusters, classes = [], [], []
  for image in range(raw.shape[0]):
    embeddings, labels, assigned = _cluster_image(
        raw[image], batch['labels'][image], batch['grid_labels'][image],
        batch['locations'][image], num_clusters, config.kmeans_iterations)
    pixels.append(embeddings)
    classes.append(labels)
    clusters.append(assigned + image * num_clusters)
  return _loss(tf.concat(pixels, 0), tf.concat(clusters, 0),
               tf.concat(classes, 0), bank, config)


def _cluster_image(raw, labels, grid_labels, locations, num_clusters,
                   iterations):
  """k-means with one-hot memberships, of the pixels that have a label."""
  embeddings = tf.math.l2_normalize(raw, -1)
  features = tf.stop_gradient(tf.math.l2_normalize(
      tf.concat([embeddings, locations], -1), -1))
  annotated = tf.not_equal(labels, 255)
  features = tf.boolean_mask(features, annotated)
  assigned = tf.boolean_mask(grid_labels, annotated)
  for _ in range(iterations):
    members = tf.one_hot(assigned, num_clusters)
    centers = tf.math.l2_normalize(
        tf.matmul(members, features, transpose_a=True), -1)
    similarities = tf.matmul(features, centers, transpose_b=True)
    empty = tf.equal(tf.reduce_sum(members, 0), 0.)
    similarities = tf.where(empty[None], -4., similarities)
    assigned = tf.argmax(similarities, -1, output_type=tf.int32)
  return (tf.boolean_mask(embeddings, annotated),
          tf.boolean_mask(labels, annotated), assigned)


def _loss(pixels, clusters, classes, bank, config):
  """-log(numerator / denominator) with products of one-hot matrices."""
  pairs, segments = tf.unique(clusters * config.classes + classes)
  members = tf.one_hot(segments, tf.size(pairs))
  prototypes = tf.math.l2_normalize(
      tf.matmul(members, pixels, transpose_a=True), -1)
  prototypes = tf.concat([prototypes, bank[0]], 0)
  prototype_classes = tf.concat([pairs % config.classes, bank[1]], 0)
  weights = tf.exp(config.concentration * tf.matmul(
      pixels, prototypes, transpose_b=True))
  same_class = tf.matmul(
      tf.one_hot(classes, config.classes),
      tf.one_hot(prototype_classes, config.classes), transpose_b=True)
  is_own = tf.one_hot(segments, tf.size(prototype_classes))
  own = tf.reduce_sum(weights * is_own, -1)
  others = tf.reduce_sum(weights * (same_class - is_own), -1)
  alone = tf.equal(tf.reduce_sum(same_class - is_own, -1), 0.)
  numerator = tf.where(alone, own, others)
  different = tf.reduce_sum(weights * (1. - same_class), -1)
  return tf.reduce_mean(-tf.math.log(numerator / (numerator + different)))
