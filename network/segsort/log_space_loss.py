"""The pixel-to-segment loss above concentration 40, in log space.

`loss` calls it where the exponentials of `fused_loss` would lose their digits.
Plain operations with an automatic gradient, which keep every similarity.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf


def sum_losses(embeddings, segment_labels, prototypes, prototype_classes,
               concentration):
  """As `fused_loss.sum_losses`, for any concentration, in much more memory.

  Args and result: see there.
  """
  logits = concentration * tf.einsum('pd,sd->ps', embeddings, prototypes)
  classes = tf.gather(prototype_classes, tf.maximum(segment_labels, 0))
  same_class = tf.equal(classes[:, None], prototype_classes[None, :])
  other_class = ~same_class & (prototype_classes >= 0)[None, :]
  own = tf.equal(
      segment_labels[:, None], tf.range(tf.shape(prototypes)[0])[None, :])
  # The own prototype is masked before the sum: subtracting it afterwards
  # cancels all digits from a concentration of about 40.
  has_others = tf.reduce_any(same_class & ~own, -1, keepdims=True)
  in_numerator = tf.where(has_others, same_class & ~own, own)
  log_ratio = (_masked_logsumexp(logits, other_class)
               - _masked_logsumexp(logits, in_numerator))
  # With n, d as in `fused_loss`: softplus(log d - log n) = log((n + d) / n).
  return tf.reduce_sum(
      tf.where(segment_labels >= 0, tf.math.softplus(log_ratio), 0.))


def _masked_logsumexp(logits, mask):
  """Log of the sum of exp over masked entries; hugely negative without any.

  Args:
    logits: f32[P, S].
    mask: bool[P, S].

  Returns:
    f32[P].
  """
  lowest = tf.constant(-1e9)  # stands for -inf, whose gradients would be NaN
  masked = tf.where(mask, logits, lowest)
  highest = tf.stop_gradient(tf.reduce_max(
      tf.concat([masked, tf.fill([tf.shape(logits)[0], 1], lowest)], -1), -1))
  total = tf.reduce_sum(
      tf.where(mask, tf.exp(masked - highest[:, None]), 0.), -1)
  return highest + tf.math.log(tf.maximum(total, 1e-30))
