"""K-means of one image of any size, from the embedding of each pixel.

For whoever has no more than these: `--tf1_compat`, other Keras code, readouts.
Extraction, inference and export go through `coarse_kmeans`, which is faster.

`clustering.spherical_kmeans`, which training uses, with another order of the
same sums: chunk by chunk. A chunk's E-step and M-step are one compiled program,
so that an iteration passes once over the embeddings; chunks run side by side,
and memory beyond the features does not grow with the image.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
        R rows of a chunk
"""

import tensorflow as tf

from network.segsort import chunk_device
from network.segsort import clustering

# Chunks of few sizes only: each is compiled once, whatever the image's size.
# With steps of 2048 a window of 180x240 was padded by 14 %.
ROWS_STEP = 512
MAX_ROWS = {'CPU': 2**14, 'GPU': 2**18}
PARALLEL = 8  # chunks at once; the devices' threads are the true limit
# Up to here the search for the nearest center is unrolled: k-means then takes
# .5 of the time with 64 clusters, .7 with 576, but 14 times as long with 1024.
MAX_UNROLLED = 512


def chunk_rows(num_pixels):
  """Returns i32[]: R, the rows of the chunks that P pixels are cut into."""
  most = MAX_ROWS[chunk_device.current()]
  num_chunks = tf.maximum(-(-num_pixels // most), 1)
  rows = -(-num_pixels // num_chunks)
  return tf.maximum(-(-rows // ROWS_STEP), 1) * ROWS_STEP


def cut(values, index, rows):
  """Returns [R, ...]: one chunk of [P, ...], zeros behind its end."""
  chunk = values[index * rows:(index + 1) * rows]
  missing = rows - tf.shape(chunk)[0]
  return tf.pad(chunk, [[0, missing]] + [[0, 0]] * (values.shape.rank - 1))


def _map_chunks(function, num_chunks, signature):
  """Stacks function(index) of all chunks, several at once."""
  return tf.map_fn(function, tf.range(num_chunks), parallel_iterations=PARALLEL,
                   fn_output_signature=signature)


@tf.function(autograph=False, jit_compile=True)
def _sum(features, labels, num_clusters):
  """M-step of a chunk: f32[K, D]."""
  return tf.math.unsorted_segment_sum(features, labels, num_clusters)


def _assign_and_sum(features, centers):
  """E-step of a chunk, and the M-step from its result.

  Args:
    features: f32[R, D].
    centers: f32[K, D].

  Returns:
    i32[R] labels and f32[K, D] sums.
  """
  # Outside of what is compiled: the compiler's own product takes longer.
  similarities = tf.matmul(features, centers, transpose_b=True)
  return _choose_and_sum(similarities, features, clustering.empty_bias(centers))


@tf.function(autograph=False, jit_compile=True)
def _choose_and_sum(similarities, features, bias):
  """Labels i32[R] from similarities f32[R, K] + bias f32[K], and their sums."""
  num_clusters = bias.shape[0]
  if num_clusters > MAX_UNROLLED:
    labels = tf.argmax(similarities + bias, -1, output_type=tf.int32)
  else:
    labels = _argmax_unrolled(similarities, bias)
  return labels, tf.math.unsorted_segment_sum(features, labels, num_clusters)


def _argmax_unrolled(similarities, bias):
  """Argmax of f32[R, K] + f32[K] -> i32[R] in operations that are fused."""
  highest = similarities[:, 0] + bias[0]
  labels = tf.zeros_like(highest, tf.int32)
  for cluster in range(1, similarities.shape[1]):
    # Column by column: added to all at once, the bias takes as long again.
    similarity = similarities[:, cluster] + bias[cluster]
    nearer = similarity > highest
    highest = tf.where(nearer, similarity, highest)
    labels = tf.where(nearer, cluster, labels)
  return labels


def cluster_pixels(embeddings, locations, labels, num_clusters, iterations):
  """Runs k-means on [embedding, location] of the pixels of one image.

  Args:
    embeddings: f32[P, D], unit length.
    locations: f32[P, 2].
    labels: i32[P], the start; -1 for pixels that take no part.
    num_clusters: K, an int.
    iterations: exactly so many rounds of M-step and E-step, an int.

  Returns:
    i32[P], -1 where no part is taken; `clustering.spherical_kmeans` of
    `clustering.add_location` but for the rounding of sums.
  """
  num_pixels = tf.shape(embeddings)[0]
  taking_part = labels >= 0
  rows = chunk_rows(num_pixels)
  num_chunks = -(-num_pixels // rows)
  chunks = _feature_chunks(embeddings, locations, taking_part, rows)
  signature = (tf.TensorSpec([None], tf.int32),
               tf.TensorSpec([num_clusters, None]))

  def start(index):
    part = cut(labels, index, rows)
    # Behind the end, label 0 and features of zero: they add nothing.
    return part, _sum(chunks.read(index), part, num_clusters)

  def go_on(iteration, unused_found, sums):
    centers = clustering.normalize(tf.reduce_sum(sums, 0))
    found, sums = _map_chunks(
        lambda index: _assign_and_sum(chunks.read(index), centers), num_chunks,
        signature)
    return iteration + 1, found, sums

  # A loop, not `iterations` copies of the graph, which take seconds to trace.
  _, found, _ = tf.while_loop(
      lambda iteration, *_: iteration < iterations, go_on,
      (0, *_map_chunks(start, num_chunks, signature)), parallel_iterations=1,
      shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None]),
                        tf.TensorShape([None, num_clusters, None])))
  found = tf.reshape(found, [-1])[:num_pixels]
  return tf.where(taking_part, found, labels)


def _feature_chunks(embeddings, locations, taking_part, rows):
  """Makes a TensorArray of f32[R, D + 2]; stacked, it would be there twice."""
  num_chunks = -(-tf.shape(embeddings)[0] // rows)
  chunks = tf.TensorArray(
      tf.float32, num_chunks, clear_after_read=False,
      element_shape=[None, None])

  def locate(index, chunks):
    features = clustering.add_location(
        cut(embeddings, index, rows), cut(locations, index, rows))
    # Zero where no part is taken: no sum feels it.
    part = cut(taking_part, index, rows)
    features = tf.where(part[:, None], features, 0.)
    return index + 1, chunks.write(index, features)

  return tf.while_loop(
      lambda index, _: index < num_chunks, locate, (0, chunks),
      parallel_iterations=PARALLEL)[1]


def mean_directions(embeddings, labels, num_clusters):
  """As `clustering.mean_directions`, in chunks.

  Args:
    embeddings: f32[P, D].
    labels: i32[P]; pixels with a label outside 0..K-1 count for nothing.
    num_clusters: K, an int.

  Returns:
    f32[K, D], unit length; zero for an empty cluster.
  """
  num_pixels = tf.shape(embeddings)[0]
  rows = chunk_rows(num_pixels)
  sums = _map_chunks(
      lambda i: _sum(cut(embeddings, i, rows), cut(labels, i, rows),
                     num_clusters),
      -(-num_pixels // rows),
      tf.TensorSpec([num_clusters, None]))
  return clustering.normalize(tf.reduce_sum(sums, 0))
