"""Groups pixels by von Mises-Fisher EM, pixel sorting: the k-means of training.

Source: arXiv:1910.06962. Batches of small images in one graph. One image of any
size takes two other ways to the same labels, but for the rounding of sums:
`coarse_kmeans`, from what the network answers at an eighth of the size, and
`chunked_kmeans`, from the embedding of each pixel.

With one concentration shared by all clusters and hard assignments, EM on the
unit sphere is spherical k-means: E-step, nearest mean direction by cosine;
M-step, mean direction of the members.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

EPSILON = 1e-12  # of a squared length: the zero vector stays zero, never NaN


def normalize(vectors):
  """Scales vectors to unit length.

  Args:
    vectors: float[..., D].

  Returns:
    f32[..., D]; a zero vector stays zero (the 2019 release made it NaN).
  """
  # Under mixed precision as well: bfloat16 moves 12 % of the k-means labels.
  vectors = tf.cast(vectors, tf.float32)
  squares = tf.reduce_sum(vectors * vectors, -1, keepdims=True)
  # The bound before the root: no NaN is made, on which XLA's argmax goes wrong.
  return vectors * tf.math.rsqrt(tf.maximum(squares, EPSILON))


def location_features(height, width, window=None):
  """Returns f32[H, W, 2]: row / height and column / width, from 0 to below 1.

  The one definition of the project, for whole images; crops and windows take
  their part of it. (The 2019 release had four, see README.md here.)

  Args:
    height: of the image.
    width: of the image.
    window: (top, bottom, left, right), the part of it that is wanted.
  """
  top, bottom, left, right = window or (0, height, 0, width)
  rows = tf.range(top, bottom, dtype=tf.float32) / tf.cast(height, tf.float32)
  columns = tf.range(left, right, dtype=tf.float32)
  columns /= tf.cast(width, tf.float32)
  return tf.stack(tf.meshgrid(rows, columns, indexing='ij'), -1)


def grid_labels(height, width, num_rows, num_columns):
  """Returns i32[H, W], the k-means start: cells numbered down the columns.

  Cells are ceil(size / number) pixels; the last ones may be smaller, and in a
  tiny image absent: then there are fewer labels, still without a gap.
  """
  cell_height = -(-height // num_rows)
  cell_width = -(-width // num_columns)
  rows_present = -(-height // cell_height)
  rows = tf.range(height) // cell_height
  columns = tf.range(width) // cell_width
  # The release's numbers, which count: ties go to the lowest.
  return rows[:, None] + rows_present * columns[None, :]


def add_location(embeddings, locations):
  """Returns f32[..., D + 2], unit length: what the k-means clusters.

  Args:
    embeddings: f32[..., D], unit length.
    locations: f32[..., 2].
  """
  return normalize(tf.concat([embeddings, locations], -1))


def mean_directions(features, labels, num_clusters):
  """M-step: the mean direction of each cluster.

  Args:
    features: f32[P, D].
    labels: i32[P]; pixels with a label outside 0..K-1 count for nothing.
    num_clusters: K.

  Returns:
    f32[K, D], unit length; zero for an empty cluster.
  """
  return normalize(sum_members(features, labels, num_clusters))


def sum_members(features, labels, num_clusters):
  """Returns f32[K, D]: the sum of each cluster, arguments as for the mean."""
  # Negative labels are dropped; too large ones are an error, but on CPUs only.
  return tf.math.unsorted_segment_sum(
      features, tf.where(labels < num_clusters, labels, -1), num_clusters)


def assign_clusters(features, centers):
  """E-step: the nearest center by cosine; ties go to the lowest index.

  Args:
    features: f32[..., P, D].
    centers: f32[..., K, D], unit length; zero for an empty cluster.

  Returns:
    i32[..., P]. An empty cluster is never chosen.
  """
  similarities = tf.einsum('...pd,...kd->...pk', features, centers)
  similarities += empty_bias(centers)[..., None, :]
  return tf.argmax(similarities, -1, output_type=tf.int32)


def empty_bias(centers):
  """Returns f32[..., K], to be added to cosines: -4 where a center is zero.

  Cosines are at least -1, so it keeps pixels away from empty clusters.
  """
  return tf.where(tf.reduce_all(tf.equal(centers, 0.), -1), -4., 0.)


def spherical_kmeans(features, labels, num_clusters, iterations):
  """Runs exactly `iterations` rounds of M-step and E-step in each image.

  Args:
    features: f32[B, P, D], unit length; no gradient flows through them.
    labels: i32[B, P], the start; -1 (or any label outside 0..K-1) marks pixels
      that take no part and keep their label.
    num_clusters: K.
    iterations: rounds; no M-step follows the last E-step. 0 returns `labels`.

  Returns:
    i32[B, P]. A cluster without members stays empty.
  """
  features = tf.stop_gradient(features)
  taking_part = (labels >= 0) & (labels < num_clusters)
  batch, pixels, dim = tf.unstack(tf.shape(features))
  flat_features = tf.reshape(features, [batch * pixels, dim])
  first = num_clusters * tf.range(batch)[:, None]

  for _ in range(iterations):
    # M-step first: the start is labels, not centers. One sum for all images.
    flat_labels = tf.reshape(tf.where(taking_part, labels + first, -1), [-1])
    centers = mean_directions(
        flat_features, flat_labels, num_clusters * batch)
    centers = tf.reshape(centers, [batch, num_clusters, dim])
    nearest = assign_clusters(features, centers)
    labels = tf.where(taking_part, nearest, labels)
  return labels
