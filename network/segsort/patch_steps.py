"""One E-step and one M-step of k-means on patches of pixels.

The embeddings of a patch's pixels are sums of four vectors (`patches`). So the
E-step multiplies these with the centers, and the M-step sums four weights of
each pixel; which center is nearest does not depend on how long an embedding is.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
        Q slots of a patch  R patches of a chunk  F cues beside the embedding
"""

from typing import NamedTuple

import tensorflow as tf

from network.segsort import clustering

# Clusters in one compiled program, which takes longer to compile the more there
# are; two programs of 13 take twice as long as one of 25.
MAX_UNROLLED = 32


class Chunk(NamedTuple):
  """A part of an image.

  Attributes:
    vectors: f32[R, 4, D], see `patches`.
    shrink: f32[R, Q], makes raw embeddings as long as they are in [embedding,
      cues]; 0 where no pixel is that takes part.
    weights: f32[R, Q], makes [embedding, cues] of unit length; 0 likewise.
    cues: f32[F, R, Q].
  """

  vectors: tf.Tensor
  shrink: tf.Tensor
  weights: tf.Tensor
  cues: tf.Tensor


def assign(chunk, centers, terms):
  """E-step: the nearest center by cosine; ties go to the lowest index.

  Args:
    chunk: a `Chunk`.
    centers: f32[K, D + F], unit length; zero for an empty cluster.
    terms: f32[4, Q].

  Returns:
    i32[R, Q]; what it says of slots without a pixel means nothing.
  """
  num_clusters, num_cues = centers.shape[0], chunk.cues.shape[0]
  num_blocks = -(-num_clusters // MAX_UNROLLED)
  width = -(-num_clusters // num_blocks)  # one program for all blocks
  bias = tf.pad(clustering.empty_bias(centers),
                [[0, width * num_blocks - num_clusters]], constant_values=-9.)
  centers = tf.pad(centers, [[0, width * num_blocks - num_clusters], [0, 0]])
  rows, _, dim = tf.unstack(tf.shape(chunk.vectors))
  of_vectors = tf.matmul(
      centers[:, :dim], tf.reshape(chunk.vectors, [-1, dim]), transpose_b=True)
  of_vectors = tf.reshape(of_vectors, [-1, rows, 4])
  of_cues = tf.ensure_shape(centers[:, dim:], [None, num_cues])
  best = (tf.fill(tf.shape(chunk.shrink), -99.),
          tf.zeros(tf.shape(chunk.shrink), tf.int32))
  for first in range(0, num_clusters, width):
    block = slice(first, first + width)
    # A number in a tensor, or each block is a program of its own.
    best = _choose(best, tf.constant(first), of_vectors[block], of_cues[block],
                   bias[block], (chunk.shrink, chunk.cues), terms)
  return best[1]


@tf.function(autograph=False, jit_compile=True)
def _choose(best, first, of_vectors, of_cues, bias, pixels, terms):
  """Goes on with the search for the nearest center.

  Args:
    best: f32[R, Q], the highest cosine so far (of another length in each
      slot), and i32[R, Q], whose it is.
    first: i32[], number of the first cluster here.
    of_vectors: f32[k, R, 4], products of k centers and the patches' vectors.
    of_cues: f32[k, F] and
    bias: f32[k], of the centers.
    pixels: shrink f32[R, Q] and cues f32[F, R, Q].
    terms: f32[4, Q].

  Returns:
    As `best`.
  """
  (highest, labels), (shrink, cues) = best, pixels
  rows, columns, count = terms[2], terms[1], bias.shape[0]
  centers = zip(
      tf.unstack(tf.transpose(of_vectors, [0, 2, 1])[..., None], count),
      tf.unstack(of_cues, count), tf.unstack(bias))
  cues = tf.unstack(cues, of_cues.shape[1])
  # Cluster by cluster, so that all of it is one pass over the slots.
  for index, (vectors, shares, own_bias) in enumerate(centers):
    a, b, c, d = tf.unstack(vectors, 4)
    cosine = shrink * ((a + b * columns) + rows * (c + d * columns))
    for share, cue in zip(tf.unstack(shares), cues):
      cosine += share * cue
    cosine += own_bias
    nearer = cosine > highest
    highest = tf.where(nearer, cosine, highest)
    labels = tf.where(nearer, first + index, labels)
  return highest, labels


def sum_members(chunk, labels, terms, num_clusters):
  """M-step of a chunk: f32[K, D + F], the sums of [embedding, cues]."""
  counts, of_cues = _count_members(
      labels, chunk.shrink, chunk.weights, chunk.cues, terms, num_clusters)
  return tf.concat([_multiply(counts, chunk.vectors), of_cues], -1)


def sum_embeddings(vectors, labels, weights, terms, num_clusters):
  """Returns f32[K, D], the sums of weights x raw embeddings of a chunk.

  Args:
    vectors: f32[R, 4, D].
    labels: i32[R, Q] in 0..K-1.
    weights: f32[R, Q].
    terms: f32[4, Q].
    num_clusters: K, an int.
  """
  return _multiply(
      _count_vectors(labels, weights, terms, num_clusters), vectors)


def _multiply(counts, vectors):
  """Returns f32[K, D] of f32[K, R 4] and f32[R, 4, D]."""
  return tf.matmul(counts, tf.reshape(vectors, [-1, tf.shape(vectors)[-1]]))


@tf.function(autograph=False, jit_compile=True)
def _count_members(labels, shrink, weights, cues, terms, num_clusters):
  """How much of each vector, and of cues, is in each cluster.

  Args:
    labels: i32[R, Q] in 0..K-1.
    shrink: f32[R, Q] and
    weights: f32[R, Q] and
    cues: f32[F, R, Q], of a `Chunk`.
    terms: f32[4, Q].
    num_clusters: K, an int.

  Returns:
    f32[K, R 4] and f32[K, F].
  """
  values = tf.transpose(weights * cues, [1, 2, 0])
  values = tf.pad(values, [[0, 0], [0, 0], [0, -cues.shape[0] % 4]])
  of_cues = tf.math.unsorted_segment_sum(values, labels, num_clusters)
  return (_count_vectors(labels, shrink * weights, terms, num_clusters),
          of_cues[:, :cues.shape[0]])


@tf.function(autograph=False, jit_compile=True)
def _count_vectors(labels, weights, terms, num_clusters):
  """The first of what `_count_members` returns, of f32[R, Q] weights."""
  num_patches = tf.shape(labels)[0]
  rows = labels * num_patches + tf.range(num_patches)[:, None]
  # Four numbers a slot, which a processor adds at once.
  counts = tf.math.unsorted_segment_sum(
      weights[..., None] * tf.transpose(terms), rows,
      num_clusters * num_patches)
  return tf.reshape(counts, [num_clusters, num_patches * 4])
