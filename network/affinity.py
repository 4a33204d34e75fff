"""Affinity losses: what neighbouring pixels of a classifier say of each other.

Ke et al., "Adaptive Affinity Fields for Semantic Segmentation" (ECCV 2018,
arXiv:1803.10335), after whose code the 2019 release trained its baselines. A
pixel is paired with the eight that are d rows and columns away, at the corners
and the middles of the sides of a square. In each class channel a pair has the
divergence of two coins, KL(partner's probability, pixel's); it is to be small
where both or neither are of the class, and at least MARGIN where one is.

Shapes: B batch  H height  W width  C classes  N distances
"""

import tensorflow as tf

MARGIN = 3.
LOWEST = 1e-4  # probability, of a class and of the others
DISTANCES = 1, 2, 3  # of the adaptive loss; the other has the first alone
# In this order the opposite of the first is the last, and so on.
_DIRECTIONS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x)


def affinity_means(probabilities, labels, num_distances, total):
  """Mean terms of the pairs at each distance, by the class of their pixel.

  The two kinds of entries, a pair in a channel, are averaged apart: edges,
  where one of the two pixels is of the channel's class, max(0, MARGIN - KL);
  and all others, KL.

  Args:
    probabilities: f32[B, H, W, C]; the gradient flows through both of a pair.
    labels: i32[B, H, W], 0..C-1; negative for pixels that take no part.
    num_distances: N, of DISTANCES.
    total: sums a count over whatever the batch is spread over.

  Returns:
    f32[2, C, N]: of edges and others, class and distance, what the entries of
    pairs whose pixel is of the class add to the mean of all; so a sum over
    classes is that mean. 0 where there are no entries (the original: NaN).
  """
  yes, no = (tf.clip_by_value(chance, LOWEST, 1.)
             for chance in (probabilities, 1. - probabilities))
  means = []
  for distance in DISTANCES[:num_distances]:
    edge, other = _kinds(labels, probabilities.shape[-1], distance)
    divergence = _divergences(yes, no, distance)
    means.append(tf.stack([
        _mean_by_class(kind, terms, labels, total) for kind, terms in (
            (edge, tf.maximum(MARGIN - divergence, 0.)), (other, divergence))]))
  return tf.stack(means, -1)


def weigh(means, weights):
  """The adaptive loss, in which each class has a distance of its own.

  Args:
    means: f32[2, C, N], of `affinity_means`.
    weights: f32[2, C, N], of any size: a softmax over distances is taken.

  Returns:
    f32[2], the sums of edges and of others, and their gradient with respect to
    the weights f32[2, C, N], of `means` as constants. The weights are learnt
    against the network: they grow where a distance fits worst.
  """
  shares = tf.nn.softmax(tf.stop_gradient(weights), -1)
  weighed = shares * means
  gradient = tf.stop_gradient(
      weighed - shares * tf.reduce_sum(weighed, -1, keepdims=True))
  return tf.reduce_sum(weighed, [1, 2]), gradient


def _kinds(labels, num_classes, distance):
  """Which entries are edges, and which others that count, bool[8, B, H, W, C].
  """
  partners = _partners(labels, distance, -1)
  known = partners >= 0
  # As in the original: without a partner on one side, neither side counts.
  valid = ((labels >= 0) & known & known[::-1])[..., None]
  classes = tf.range(num_classes)
  differs = (labels[..., None] == classes) != (partners[..., None] == classes)
  return valid & differs, valid & ~differs


def _divergences(yes, no, distance):
  """KL of each pixel's partners from it, f32[8, B, H, W, C].

  Args:
    yes: f32[B, H, W, C], probabilities of the classes, and
    no: of their absence.
    distance: in pixels.
  """
  # Logarithms once a pixel, not once a pair.
  own = yes * tf.math.log(yes) + no * tf.math.log(no)
  own, their_yes, their_no = tf.split(
      _partners(tf.concat([own, yes, no], -1), distance, 0.), 3, -1)
  return own - their_yes * tf.math.log(yes) - their_no * tf.math.log(no)


def _partners(values, distance, outside):
  """Returns [8, B, H, W, ...]: in each direction those so far away."""
  size = tf.shape(values)[1:3]
  around = [[distance, distance]] * 2
  padded = tf.pad(
      values, [[0, 0], *around] + [[0, 0]] * (len(values.shape) - 3),
      constant_values=outside)
  return tf.stack([
      padded[:, top:top + size[0], left:left + size[1]] for top, left in (
          (distance * (1 + y), distance * (1 + x)) for y, x in _DIRECTIONS)])


def _mean_by_class(kind, terms, labels, total):
  """The mean of the terms of one kind, f32[C], by the pixel's class."""
  of_pixels = tf.reduce_sum(tf.where(kind, terms, 0.), [0, -1], keepdims=True)
  # Not as a product of matrices, which TensorFloat-32 would round.
  sums = tf.reduce_sum(
      of_pixels[0] * tf.one_hot(labels, kind.shape[-1]), [0, 1, 2])
  count = total(tf.math.count_nonzero(kind))
  return tf.math.divide_no_nan(sums, tf.cast(count, tf.float32))
