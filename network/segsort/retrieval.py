"""Labels segments by their nearest annotated segments (arXiv:1910.06962).

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network.segsort import prototypes as prototypes_lib

QUERY_CHUNK = 1024  # queries a matrix product: bounds memory at chunk x M


def nearest_prototypes(queries, prototypes, num_neighbours):
  """Exact k-nearest neighbours by cosine.

  Args:
    queries: f32[S, D], unit length.
    prototypes: f32[M, D], unit length, M >= N.
    num_neighbours: N.

  Returns:
    i32[S, N], nearest first; ties go to the lower index.
  """
  num_queries = tf.shape(queries)[0]
  num_chunks = tf.maximum(-(-num_queries // QUERY_CHUNK), 1)
  rows = -(-num_queries // num_chunks)  # even chunks: little padding
  padded = tf.pad(queries, [[0, num_chunks * rows - num_queries], [0, 0]])

  def nearest(chunk):
    cosines = tf.einsum('sd,md->sm', chunk, prototypes)
    return tf.math.top_k(cosines, num_neighbours).indices

  neighbours = tf.map_fn(
      nearest, tf.reshape(padded, [num_chunks, rows, queries.shape[-1]]),
      parallel_iterations=1, fn_output_signature=tf.int32)
  return tf.reshape(neighbours, [-1, num_neighbours])[:num_queries]


def count_votes(neighbour_labels, num_classes):
  """Returns i32[S, C]: how many of each segment's neighbours have each class.

  Args:
    neighbour_labels: i32[S, N] in 0..C-1.
    num_classes: C.
  """
  return tf.reduce_sum(
      tf.one_hot(neighbour_labels, num_classes, dtype=tf.int32), 1)


def majority_vote(neighbour_labels, num_classes):
  """Returns i32[S]: the most frequent of N labels, ties to the lowest class.

  Args:
    neighbour_labels: i32[S, N] in 0..C-1.
    num_classes: C.
  """
  votes = count_votes(neighbour_labels, num_classes)
  return tf.argmax(votes, -1, output_type=tf.int32)


def vote_instances(neighbour_instances, num_instances):
  """Tells segments apart by the majority of their neighbours' instances.

  Args:
    neighbour_instances: i32[S, N] in 0..I-1, instance ids of the neighbours.
    num_instances: I.

  Returns:
    i32[S]: the winners, ties to the lowest id, numbered in order of first
    occurrence: an image's instances are 0, 1, ... whatever images the ids of
    its neighbours came from.
  """
  return tf.unique(majority_vote(neighbour_instances, num_instances))[1]


def panoptic_ids(semantic_labels, instance_labels, divisor):
  """Returns i32[...]: `semantic * divisor + instance`.

  Args:
    semantic_labels: i32[...].
    instance_labels: i32[...], below the divisor.
    divisor: above every instance label.
  """
  return semantic_labels * divisor + instance_labels


def without_instances(semantic_labels, instance_labels, things):
  """Returns i32[...]: instance labels, 0 where the class has no instances.

  Args:
    semantic_labels: i32[...].
    instance_labels: i32[...].
    things: i32[T], the classes that have instances.
  """
  is_thing = tf.reduce_any(
      tf.equal(semantic_labels[..., None], things), axis=-1)
  return tf.where(is_thing, instance_labels, 0)


def oracle_labels(cluster_labels, classes, num_clusters, num_classes):
  """Labels each cluster by its true majority: what clustering can reach.

  Args:
    cluster_labels: i32[...] in 0..K-1.
    classes: i32[...], the truth; outside 0..C-1 it has no say.
    num_clusters: K.
    num_classes: C.

  Returns:
    i32[...].
  """
  winners = prototypes_lib.majority_labels(
      tf.reshape(cluster_labels, [-1]), tf.reshape(classes, [-1]),
      num_clusters, num_classes)
  return tf.gather(winners, cluster_labels)
