"""Upsampled embeddings as what they are: bilinear on small patches of pixels.

A network answers at an eighth of the picture's size, and
`layers.resize_bilinear` makes the raw embeddings of the pixels from that.
Between two rows and two columns of its answer, on a patch of 8x8 pixels, they
are

    raw[y, x] = a + y b + x c + x y d,    y, x counted from the patch's corner,

so that four vectors stand for 64. Sums of overlapping windows are of that form
as well, on the smaller patches that the cells of all windows cut an image into.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
        T patches  Q slots, places for the pixels of a patch
"""

from typing import NamedTuple

import tensorflow as tf

from network import layers
from network.segsort import clustering


class Axis(NamedTuple):
  """How rows, or columns, of pixels are cut into those of patches.

  Attributes:
    starts: i32[t], first pixel of each.
    lengths: i32[t], in pixels.
    part: i32[H], that a pixel is in.
    weights: f32[2, t, h]: what the h rows of the network's answer count at its
      first pixel, and by how much that changes from pixel to pixel.
  """

  starts: tf.Tensor
  lengths: tf.Tensor
  part: tf.Tensor
  weights: tf.Tensor


class Patches(NamedTuple):
  """An image's raw embeddings.

  Attributes:
    rows: an `Axis`.
    columns: an `Axis`.
    vectors: f32[T, 4, D]: a, b, c and d of each patch, row by row.
    side: i32[], pixels of the longest row or column of a patch; Q is its
      square.
  """

  rows: Axis
  columns: Axis
  vectors: tf.Tensor
  side: tf.Tensor

  @property
  def size(self):
    """(H, W) of the image."""
    return tf.size(self.rows.part), tf.size(self.columns.part)


_AXIS = Axis(*(tf.TensorSpec([None], tf.int32),) * 3, tf.TensorSpec([None] * 3))
# What a `tf.function` of any image takes.
SPEC = Patches(_AXIS, _AXIS, tf.TensorSpec([None, 4, None]),
               tf.TensorSpec([], tf.int32))


def cut_axis(length, window, num_cells, starts=(0,)):
  """Cuts an axis where a cell of any window begins, or a window ends.

  Args:
    length: of the image, at most the last window's end.
    window: pixels of a window.
    num_cells: h, what the network answers for each window.
    starts: where windows begin, a list of ints.

  Returns:
    An `Axis`; its weights are of the answers of all windows, [2, t, n h].
  """
  matrix = layers.resize_bilinear(  # [window, h]
      tf.eye(num_cells)[None, ..., None], [window, num_cells])[0, ..., 0]
  step = tf.cast(num_cells, tf.float32) / tf.cast(window, tf.float32)
  cells = tf.cast(tf.range(window, dtype=tf.float32) * step, tf.int32)
  begins = tf.concat([[1], cells[1:] - cells[:-1], [1]], 0)  # and the end
  last = starts[-1] + window
  matrix = tf.concat([
      tf.pad(matrix, [[start, last - window - start], [0, 0]])
      for start in starts], 1)[:length]
  begins = tf.add_n([
      tf.pad(begins, [[start, last - window - start]])
      for start in starts])[:length] > 0
  firsts = tf.cast(tf.where(begins)[:, 0], tf.int32)
  lengths = tf.concat([firsts[1:], [length]], 0) - firsts
  at_start = tf.gather(matrix, firsts)
  change = tf.gather(matrix, firsts + lengths - 1) - at_start
  change /= tf.cast(tf.maximum(lengths - 1, 1), tf.float32)[:, None]
  return Axis(firsts, lengths, tf.cumsum(tf.cast(begins, tf.int32)) - 1,
              tf.stack([at_start, change]))


def make(answers, rows, columns):
  """Makes the patches of an image.

  Args:
    answers: f32[h, w, D], of the network; those of several windows beside and
      below each other.
    rows: an `Axis` of h and
    columns: one of w.

  Returns:
    `Patches`.
  """
  dim = tf.shape(answers)[-1]
  along_rows = _multiply(rows.weights, answers)  # [2, t, w, D]
  both = _multiply(  # [2, u, 2, t, D]
      columns.weights, tf.transpose(along_rows, [2, 0, 1, 3]))
  vectors = tf.transpose(both, [3, 1, 0, 2, 4])  # [t, u, x or 1, y or 1, D]
  side = tf.maximum(tf.reduce_max(rows.lengths), tf.reduce_max(columns.lengths))
  return Patches(rows, columns, tf.reshape(vectors, [-1, 4, dim]), side)


def _multiply(weights, values):
  """Returns f32[2, t, ...] of f32[2, t, h] and f32[h, ...]."""
  return tf.tensordot(weights, values, 1)


def of_window(answer, window, size):
  """Patches of what one window shows of an image.

  Args:
    answer: f32[h, w, D], of the network.
    window: its (height, width) in pixels.
    size: (H, W) of the part that is wanted, from its top left.

  Returns:
    `Patches`.
  """
  cells = tf.shape(answer)
  return make(answer, *(
      cut_axis(size[axis], window[axis], cells[axis]) for axis in (0, 1)))


def basis(side):
  """Returns f32[4, Q]: 1, y, x and x y of the slots."""
  steps = tf.range(tf.cast(side, tf.float32))
  y, x = (tf.reshape(axis, [-1])
          for axis in tf.meshgrid(steps, steps, indexing='ij'))
  return tf.stack([tf.ones_like(y), y, x, x * y])


def slots_of_pixels(patches):
  """Returns i32[H, W]: the slot of each pixel, among all T Q."""
  side = patches.side
  rows, columns = (
      (axis.part, tf.range(tf.size(axis.part)) - tf.gather(
          axis.starts, axis.part)) for axis in patches[:2])
  along = rows[0] * tf.size(patches.columns.starts) * side**2 + rows[1] * side
  return along[:, None] + (columns[0] * side**2 + columns[1])[None]


def pixels_of_slots(patches):
  """Returns i32[T, Q]: the pixel in each slot, among H W; -1 for none."""
  rows, columns = (
      _spread(axis, patches.side) for axis in patches[:2])  # [t, side]
  places = rows[:, None, :, None] * patches.size[1] + columns[None, :, None]
  there = (rows[:, None, :, None] >= 0) & (columns[None, :, None] >= 0)
  return tf.reshape(tf.where(there, places, -1), [-1, patches.side**2])


def _spread(axis, side):
  """Returns i32[t, side]: the pixels of each part, -1 behind its end."""
  steps = tf.range(side)[None]
  return tf.where(steps < axis.lengths[:, None],
                  axis.starts[:, None] + steps, -1)


@tf.function(autograph=False, jit_compile=True)
def inverse_lengths(vectors, terms):
  """Returns f32[T, Q]: 1 / length of the raw embedding in each slot, or 0.

  Args:
    vectors: f32[T, 4, D].
    terms: f32[4, Q], the `basis`.
  """
  # Squares of a sum from the products of its parts: 10 numbers a slot in place
  # of D. Where opposite vectors meet little remains of them: 64 bits.
  vectors, terms = (
      tf.cast(values, tf.float64) for values in (vectors, terms))
  squares = 0.
  for one in range(4):
    for other in range(one, 4):
      product = tf.reduce_sum(vectors[:, one] * vectors[:, other], -1)
      both = terms[one] * terms[other] * (1 if one == other else 2)
      squares += product[:, None] * both
  squares = tf.cast(squares, tf.float32)
  return tf.where(squares > clustering.EPSILON, tf.math.rsqrt(squares), 0.)
