"""K-means at the network's resolution: one image, from the network's answer.

The labels are those of `chunked_kmeans`, but for the rounding of sums, from
fewer numbers: a patch of 64 pixels has four vectors (`patches`), which is what
the steps of each iteration multiply (`patch_steps`).

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
        T patches  Q slots of a patch  R patches of a chunk
        F cues beside the embedding
"""

import tensorflow as tf

from network.segsort import chunk_device
from network.segsort import chunked_kmeans
from network.segsort import clustering
from network.segsort import patch_steps
from network.segsort import patches as patches_lib

# Chunks of few sizes only, as each is compiled once.
PATCHES_STEP = 256
# Slots of a chunk: what a processor's cache holds, and what keeps a GPU busy.
MAX_SLOTS = {'CPU': 2**16, 'GPU': 2**24}


def cluster(patches, cues, labels, num_clusters, iterations):
  """Runs k-means on [embedding, cues] of the pixels of one image.

  Args:
    patches: `patches.Patches`.
    cues: f32[H, W, F], locations and what else counts beside the embedding.
    labels: i32[H, W], the start; -1 for pixels that take no part.
    num_clusters: K, an int.
    iterations: exactly so many rounds of M-step and E-step, an int.

  Returns:
    labels i32[H, W], -1 where no part is taken, and f32[K, D], the
    `mean_directions` of the clusters.
  """
  if not iterations:
    return labels, mean_directions(patches, labels, num_clusters)
  terms = patches_lib.basis(patches.side)
  pixels = patches_lib.pixels_of_slots(patches)
  rows, num_chunks = chunk_rows(tf.shape(pixels))
  read = _make_chunks(patches, pixels, labels, cues, terms)

  def begin(index):
    start = _labels_of(_cut_pixels(pixels, index, rows), labels)
    return patch_steps.sum_members(
        read(index), tf.maximum(start, 0), terms, num_clusters)

  def go_on(iteration, sums):
    centers = clustering.normalize(tf.reduce_sum(sums, 0))

    def step(index):
      chunk = read(index)
      found = patch_steps.assign(chunk, centers, terms)
      return patch_steps.sum_members(chunk, found, terms, num_clusters)
    return iteration + 1, _map(step, num_chunks, sums_spec)

  sums_spec = tf.TensorSpec([num_clusters, None])
  _, sums = tf.while_loop(
      lambda iteration, _: iteration < iterations, go_on,
      (1, _map(begin, num_chunks, sums_spec)), parallel_iterations=1,
      shape_invariants=(tf.TensorShape([]),
                        tf.TensorShape([None, num_clusters, None])))
  centers = clustering.normalize(tf.reduce_sum(sums, 0))

  def finish(index):
    chunk = read(index)
    found = patch_steps.assign(chunk, centers, terms)
    return found, patch_steps.sum_embeddings(
        chunk.vectors, found, chunk.shrink, terms, num_clusters)
  found, sums = _map(finish, num_chunks, (
      tf.TensorSpec([None, None], tf.int32), sums_spec))
  found = tf.gather(
      tf.reshape(found, [-1]), patches_lib.slots_of_pixels(patches))
  return (tf.where(labels >= 0, found, labels),
          clustering.normalize(tf.reduce_sum(sums, 0)))


def mean_directions(patches, labels, num_clusters):
  """As `clustering.mean_directions`, of the embeddings of pixels.

  Args:
    patches: `patches.Patches`.
    labels: i32[H, W]; pixels with a negative label count for nothing.
    num_clusters: K, an int.

  Returns:
    f32[K, D], unit length; zero for an empty cluster.
  """
  terms = patches_lib.basis(patches.side)
  pixels = patches_lib.pixels_of_slots(patches)
  rows, num_chunks = chunk_rows(tf.shape(pixels))

  def sum_chunk(index):
    vectors = _cut(patches.vectors, index, rows)
    found = _labels_of(_cut_pixels(pixels, index, rows), labels)
    weights = tf.where(
        found >= 0, patches_lib.inverse_lengths(vectors, terms), 0.)
    return patch_steps.sum_embeddings(
        vectors, tf.maximum(found, 0), weights, terms, num_clusters)
  sums = _map(sum_chunk, num_chunks, tf.TensorSpec([num_clusters, None]))
  return clustering.normalize(tf.reduce_sum(sums, 0))


def chunk_rows(shape):
  """Returns i32[]: R, and how many chunks, that [T, Q] slots are cut into."""
  most = MAX_SLOTS[chunk_device.current()] // shape[1] // PATCHES_STEP
  most = tf.maximum(most, 1) * PATCHES_STEP
  rows = -(-shape[0] // -(-shape[0] // most))
  rows = -(-rows // PATCHES_STEP) * PATCHES_STEP
  return rows, -(-shape[0] // rows)


def _map(function, num_chunks, signature):
  """Stacks function(index) of all chunks, several at once."""
  return tf.map_fn(function, tf.range(num_chunks),
                   parallel_iterations=chunked_kmeans.PARALLEL,
                   fn_output_signature=signature)


def _cut(values, index, rows):
  """Returns [R, ...], one chunk of [T, ...]; behind its end the last one again.

  Gathered: of a slice, a compiler does not know the shape.
  """
  places = index * rows + tf.range(rows)
  return tf.gather(values, tf.minimum(places, tf.shape(values)[0] - 1))


def _cut_pixels(pixels, index, rows):
  """Returns i32[R, Q], one chunk of i32[T, Q]; -1, no pixel, behind its end."""
  there = index * rows + tf.range(rows) < tf.shape(pixels)[0]
  return tf.where(there[:, None], _cut(pixels, index, rows), -1)


def _labels_of(pixels, labels):
  """Returns i32[R, Q]: the labels of pixels, -1 where there is none."""
  found = tf.gather(tf.reshape(labels, [-1]), tf.maximum(pixels, 0))
  return tf.where(pixels >= 0, found, -1)


def _make_chunks(patches, pixels, labels, cues, terms):
  """Cuts an image into `patch_steps.Chunk`s.

  Args:
    patches: `patches.Patches`.
    pixels: i32[T, Q], of `patches.pixels_of_slots`.
    labels: i32[H, W], negative for pixels that take no part.
    cues: f32[H, W, F].
    terms: f32[4, Q], of `patches.basis`.

  Returns:
    A function of an i32[] to a `patch_steps.Chunk`.
  """
  rows, num_chunks = chunk_rows(tf.shape(pixels))
  num_cues = cues.shape[-1]
  cues = tf.reshape(cues, [-1, num_cues])
  arrays = [
      tf.TensorArray(tf.float32, num_chunks, clear_after_read=False,
                     element_shape=shape)
      for shape in ([None] * 2, [None] * 2, [num_cues, None, None])]

  def write(index, arrays):
    places = _cut_pixels(pixels, index, rows)
    taking_part = _labels_of(places, labels) >= 0
    parts = _weigh(_cut(patches.vectors, index, rows), places, taking_part,
                   cues, terms)
    return index + 1, [
        array.write(index, part) for array, part in zip(arrays, parts)]
  _, arrays = tf.while_loop(
      lambda index, _: index < num_chunks, write, (0, arrays),
      parallel_iterations=chunked_kmeans.PARALLEL)
  return lambda index: patch_steps.Chunk(
      _cut(patches.vectors, index, rows),
      *(array.read(index) for array in arrays))


def _weigh(vectors, pixels, taking_part, cues, terms):
  """Returns all but the vectors of a `patch_steps.Chunk`."""
  shrink = patches_lib.inverse_lengths(vectors, terms)
  cues = tf.transpose(tf.gather(cues, tf.maximum(pixels, 0)), [2, 0, 1])
  squares = tf.cast(shrink > 0, tf.float32) + tf.reduce_sum(cues * cues, 0)
  weights = tf.math.rsqrt(tf.maximum(squares, clustering.EPSILON))
  return (tf.where(taking_part, shrink, 0.),
          tf.where(taking_part, weights, 0.), cues)
