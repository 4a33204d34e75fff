"""The exact search for nearest prototypes, and what they say of segments.

Source: arXiv:1910.06962. Inference calls it chunk by chunk of a set of any
size; `labelling` has the whole way from an image's embeddings to its labels.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network.segsort import prototypes as prototypes_lib
from network.segsort import voting

CHUNK = 2**16  # prototypes of a matrix product
COSINES = 2**22  # of a matrix product: bounds memory at 16 MiB
BLOCK = 128  # neighbouring cosines that share a maximum


def nearest_prototypes(queries, prototypes, num_neighbours):
  """Returns i32[S, N]: the indices of `nearest_with_cosines`."""
  return nearest_with_cosines(queries, prototypes, num_neighbours)[1]


def nearest_with_cosines(queries, prototypes, num_neighbours):
  """Exact k-nearest neighbours by cosine.

  Args:
    queries: f32[S, D], unit length.
    prototypes: f32[M, D], unit length, M >= N.
    num_neighbours: N.

  Returns:
    Cosines f32[S, N] and indices i32[S, N], nearest first; ties go to the
    lower index.
  """
  nearest = no_neighbours(tf.shape(queries)[0], num_neighbours)
  num_prototypes = prototypes.shape[0]
  if num_prototypes is not None and num_prototypes <= CHUNK:
    # Without a loop, of whose slices a compiler knows no shape
    return merge_nearest(queries, tf.transpose(prototypes), 0, nearest)
  num_prototypes = tf.shape(prototypes)[0]

  def add_chunk(first, *nearest):
    # In columns, see `_cosines_in_blocks`.
    columns = tf.transpose(prototypes[first:first + CHUNK])
    return first + CHUNK, *merge_nearest(queries, columns, first, nearest)

  return tf.while_loop(
      lambda first, *unused: first < num_prototypes, add_chunk,
      (0, *nearest), parallel_iterations=1)[1:]


def no_neighbours(num_queries, num_neighbours):
  """What `merge_nearest` starts from: f32[S, N] cosines and i32[S, N]."""
  shape = num_queries, num_neighbours
  return tf.fill(shape, float('-inf')), tf.zeros(shape, tf.int32)


def merge_nearest(queries, columns, first, nearest):
  """Takes one more chunk of prototypes into the nearest neighbours.

  Chunks must come in order, so that equal cosines keep the lower index.

  Args:
    queries: f32[S, D], unit length.
    columns: f32[D, M], prototypes of unit length.
    first: i32[], index of the first of them.
    nearest: f32[S, N] cosines and i32[S, N] indices, of the chunks before.

  Returns:
    f32[S, N] and i32[S, N], nearest first.
  """
  num_queries = tf.shape(queries)[0]
  width = tf.shape(columns)[1]
  rows = tf.maximum(COSINES // tf.maximum(width, 1), 1)
  num_parts = tf.maximum(-(-num_queries // rows), 1)
  rows = -(-num_queries // num_parts)  # even parts: little padding

  def cut(tensor):
    padding = [[0, num_parts * rows - num_queries], [0, 0]]
    return tf.reshape(
        tf.pad(tensor, padding), [num_parts, rows, tensor.shape[-1]])

  def merge(part):
    queries, *nearest = part
    return _merge_blocks(_cosines_in_blocks(queries, columns), first, nearest)

  merged = tf.map_fn(
      merge, tuple(map(cut, (queries, *nearest))), parallel_iterations=1,
      fn_output_signature=(tf.float32, tf.int32))
  # The shapes that are known stay so: a loop may ask for it.
  return tuple(
      tf.ensure_shape(tf.reshape(
          tensor, [num_parts * rows, before.shape[-1]])[:num_queries],
                      before.shape)
      for tensor, before in zip(merged, nearest))


def _cosines_in_blocks(queries, columns):
  """Returns f32[S, M / BLOCK, BLOCK], -inf beyond the last prototype.

  In columns, and in whole blocks of them, a cosine is summed in the same order
  however many others are computed with it: chunks change no bit. A product
  with rows, with a single column or, without oneDNN, of a single query is
  summed in an order of its own.
  """
  width = columns.shape[1]
  known = width is not None  # by a compiler as well, then
  width = width if known else tf.shape(columns)[1]
  padding = -width % BLOCK

  def multiply_padded():
    padded = tf.pad(columns, [[0, 0], [0, padding]])
    return tf.where(tf.range(width + padding) < width,
                    tf.matmul(queries, padded), float('-inf'))

  def multiply():
    return tf.matmul(queries, columns)

  if known:
    cosines = multiply_padded() if padding else multiply()
  else:
    cosines = tf.cond(padding > 0, multiply_padded, multiply)
  return tf.reshape(
      cosines, [tf.shape(queries)[0], (width + padding) // BLOCK, BLOCK])


def _merge_blocks(blocks, first, nearest):
  """Merges cosines f32[S, M / BLOCK, BLOCK] into the nearest neighbours.

  The N best cosines are in the N blocks with the best maxima: a cosine in
  another block has a better or an equal and earlier one in each of those. So
  only N * BLOCK cosines are sorted, in the order of their indices.
  """
  best_cosines, best_indices = nearest
  num_rows = tf.shape(blocks)[0]
  count = tf.minimum(best_cosines.shape[-1], tf.shape(blocks)[1])
  chosen = tf.sort(
      tf.math.top_k(tf.reduce_max(blocks, -1), count).indices, axis=-1)
  cosines = tf.gather(blocks, chosen, batch_dims=1)
  indices = first + chosen[..., None] * BLOCK + tf.range(BLOCK)
  cosines, indices = (
      # Earlier chunks in front: of equal cosines `top_k` takes the first.
      tf.concat([best, tf.reshape(new, [num_rows, count * BLOCK])], 1)
      for best, new in ((best_cosines, cosines), (best_indices, indices)))
  best_cosines, order = tf.math.top_k(cosines, nearest[0].shape[-1])
  return best_cosines, tf.gather(indices, order, batch_dims=1)


def majority_vote(neighbour_labels, num_classes):
  """Returns i32[S]: the most frequent of N labels, ties to the lowest class.

  Args:
    neighbour_labels: i32[S, N] in 0..C-1.
    num_classes: C.
  """
  votes = voting.count_votes(neighbour_labels, num_classes)
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
