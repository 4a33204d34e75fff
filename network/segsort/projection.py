"""Principal components of embeddings, to look at them as colours.

For TensorBoard's pictures and for the maps of `segsort/explanation`; nothing
learns from them.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf


def principal_components(embeddings, num_components):
  """Finds the directions in which embeddings vary most.

  The scatter matrix is summed and decomposed in float64: it is only D x D, and
  in float32 nearly equal variances would turn with the order of summation.

  Args:
    embeddings: f32[..., D].
    num_components: how many directions, at most D.

  Returns:
    f32[D, num_components], orthonormal columns in order of falling variance.
    The sign, which is arbitrary, is fixed: the entry of largest magnitude in
    each column is positive.
  """
  dim = embeddings.shape[-1]
  if num_components > dim:
    raise ValueError(
        f'{num_components} components of {dim}-d embeddings: at most {dim}')
  points = tf.cast(tf.reshape(embeddings, [-1, dim]), tf.float64)  # f64[P, D]
  centred = points - tf.reduce_mean(points, axis=0)
  scatter = tf.einsum('pd,pe->de', centred, centred)
  _, vectors = tf.linalg.eigh(scatter)  # rising variance
  components = vectors[:, ::-1][:, :num_components]
  return tf.cast(_fix_signs(components), tf.float32)


def _fix_signs(components):
  """Turns each column so that its entry of largest magnitude is positive."""
  rows = tf.argmax(tf.abs(components), axis=0)
  largest = tf.gather(tf.transpose(components), rows, batch_dims=1)
  signs = tf.where(largest < 0, -1, 1)
  return components * tf.cast(signs, components.dtype)


def project(embeddings, components):
  """Writes embeddings in the basis of `components`.

  As in the TF1 release the embeddings are not centred first: only the choice
  of directions ignores their mean.

  Args:
    embeddings: f32[..., D].
    components: f32[D, num_components].

  Returns:
    f32[..., num_components].
  """
  # Not einsum with an ellipsis: in TensorFlow 2.16 oneDNN computes only the
  # first of a batch right.
  return tf.tensordot(embeddings, components, 1)


def pca_colors(embeddings):
  """Paints embeddings by their three main components, for TensorBoard.

  Components and ranges are those of the whole batch, so that a colour means
  the same in each of its pictures.

  Args:
    embeddings: f32[B, H, W, D].

  Returns:
    f32[B, H, W, 3] in 0..1; a component that does not vary, or that D < 3
    leaves without a direction, is 0 everywhere.
  """
  embeddings = tf.cast(embeddings, tf.float32)
  num_components = min(3, embeddings.shape[-1])
  components = principal_components(embeddings, num_components)
  projected = project(embeddings, components)
  axes = [0, 1, 2]
  lowest = tf.reduce_min(projected, axes)
  extent = tf.reduce_max(projected, axes) - lowest
  # Constant embeddings: an extent of rounding errors must not be stretched.
  rounding = 1e-5 * tf.reduce_max(tf.abs(embeddings))
  colors = tf.math.divide_no_nan(projected - lowest, extent)
  colors = tf.where(extent > rounding, colors, 0.)
  return tf.pad(colors, [[0, 0]] * 3 + [[0, 3 - num_components]])
