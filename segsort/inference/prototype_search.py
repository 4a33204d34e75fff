"""Nearest prototypes, exact, in sets of any size: what inference searches.

Products are exact in columns, f32[D, n], see `retrieval.merge_nearest`. A set
that fits beside the network is kept there in columns. A larger one stays in its
file, from which each search takes and transposes a chunk after the other: that
costs less than to copy columns out of a [D, M] file, which would only be a
second file to keep in step.
"""

import numpy as np
import tensorflow as tf

from network.segsort import retrieval
from segsort.errors import InputError
from segsort.inference import prototype_set

RESIDENT_BYTES = 2**29  # 4 million prototypes of 32 dimensions


def make_search(features, num_neighbours, kind='exact',
                resident_bytes=RESIDENT_BYTES):
  """Makes a function that finds nearest prototypes.

  Args:
    features: f32[M, D], unit length, an array or a mapped file; M >= N.
    num_neighbours: N.
    kind: 'exact', or 'faiss' for its flat index, which is exact as well but
      leaves open which of two equal cosines comes first.
    resident_bytes: size up to which an exact search keeps the features.

  Returns:
    A function of queries f32[S, D], unit length, to i32[S, N]: indices, nearest
    first. Call it eagerly, not inside a tf.function.

  Raises:
    InputError: faiss is not installed.
  """
  if kind == 'faiss':
    return _faiss_search(features, num_neighbours)
  return _exact_search(
      features, num_neighbours, features.nbytes <= resident_bytes)


def _exact_search(features, num_neighbours, is_resident):
  """Searches by `retrieval.merge_nearest`, chunk by chunk."""
  merge = tf.function(retrieval.merge_nearest, reduce_retracing=True)

  def chunks():
    for first, rows in prototype_set.rows_in_parts(features):
      yield tf.constant(first), tf.transpose(tf.constant(rows, tf.float32))

  # 25 queries on a million take .22 CPU-s in columns, .33 in faiss.
  resident = list(chunks()) if is_resident else None

  def search(queries):
    nearest = retrieval.no_neighbours(len(queries), num_neighbours)
    # One after the other: threads gained nothing on two cores.
    for first, columns in resident or chunks():
      nearest = merge(queries, columns, first, nearest)
    return nearest[1]
  return search


def _faiss_search(features, num_neighbours):
  """Searches by faiss' flat index, which holds a copy of the features."""
  try:
    import faiss
  except ImportError as error:
    raise InputError(
        f'--retrieval faiss: cannot import faiss ({error}); run `pip install '
        'faiss-cpu`, or leave --retrieval exact') from error
  index = faiss.IndexFlatIP(features.shape[1])
  for _, rows in prototype_set.rows_in_parts(features):
    index.add(np.ascontiguousarray(rows, np.float32))

  def search(queries):
    _, found = index.search(np.asarray(queries), num_neighbours)
    return tf.constant(found.astype(np.int32))
  return search
