"""The pixel-to-segment loss up to concentration 40: training's, as a rule.

`loss` calls it; above 40 it calls `log_space_loss`. The gradient comes in the
same pass, in little memory.

What automatic differentiation would keep for every pixel and prototype
(similarities, their exponentials, masks) lives here only for one chunk of
pixels: the gradient of a chunk is complete as soon as its two sums are known.
What is done to each similarity is compiled by XLA into a few loops.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network.segsort import chunk_device

# exp(concentration * (cosine - 1)) is at least exp(-80), a normal float32 of
# which sums keep their digits: no maximum needs to be looked for.
MAX_CONCENTRATION = 40.
# Pixels x prototypes of a chunk: what a processor's cache holds, and what keeps
# a GPU busy.
_CHUNK = {'CPU': 2**19, 'GPU': 2**26}
_AT_ONCE = 2
# Prototypes are padded to a multiple of this: XLA compiles once for each.
_BUCKET = 128


def sum_losses(embeddings, segment_labels, prototypes, prototype_classes,
               concentration):
  """Sum over pixels of -log(numerator / denominator) (arXiv:1910.06962).

  Args:
    embeddings: f32[P, D], unit length.
    segment_labels: i32[P] in 0..S-1, each pixel's own prototype; -1 for pixels
      that take no part.
    prototypes: f32[S, D], unit length.
    prototype_classes: i32[S]; negative for rows that hold no prototype.
    concentration: at most MAX_CONCENTRATION.

  Returns:
    f32[], differentiable once in embeddings and prototypes.
  """
  @tf.custom_gradient
  def summed(embeddings, prototypes):
    loss, of_embeddings, of_prototypes = _sum_chunks(
        tf.stop_gradient(embeddings), segment_labels,
        tf.stop_gradient(prototypes), prototype_classes,
        tf.constant(concentration, tf.float32))

    def gradient(upstream):
      return upstream * of_embeddings, upstream * of_prototypes
    return loss, gradient
  return summed(embeddings, prototypes)


def _sum_chunks(embeddings, segment_labels, prototypes, classes, concentration):
  """Returns the loss f32[] and its gradients f32[P, D] and f32[S, D]."""
  num_segments, dim = tf.shape(prototypes)[0], embeddings.shape[-1]
  missing = _at_least_one(num_segments, _BUCKET) - num_segments
  prototypes = tf.pad(prototypes, [[0, missing], [0, 0]])
  classes = tf.pad(classes, [[0, missing]], constant_values=-1)
  embeddings, segment_labels, num_pixels = _cut(
      embeddings, segment_labels, num_segments + missing)
  losses, of_embeddings, of_prototypes = tf.map_fn(
      lambda chunk: _chunk(*chunk, prototypes, classes, concentration),
      (embeddings, segment_labels), parallel_iterations=_AT_ONCE,
      fn_output_signature=(
          tf.float32, tf.TensorSpec([None, dim]), tf.TensorSpec([None, dim])))
  of_embeddings = tf.reshape(of_embeddings, [-1, dim])[:num_pixels]
  # Summed after the loop: inside of it, 16 images of 60x60 took 620 instead of
  # 290 ms.
  of_prototypes = tf.reduce_sum(of_prototypes, 0)[:num_segments]
  return tf.reduce_sum(losses), of_embeddings, of_prototypes


def _cut(embeddings, segment_labels, num_segments):
  """Pads and cuts pixels into chunks f32[N, R, D] and i32[N, R]; returns P."""
  num_pixels = tf.shape(segment_labels)[0]
  room = _CHUNK[chunk_device.current()] // num_segments
  # Powers of two: few shapes to compile for.
  rows = tf.minimum(_power_of_two(room // 2 + 1), _power_of_two(num_pixels))
  missing = _at_least_one(num_pixels, rows) - num_pixels
  embeddings = tf.pad(embeddings, [[0, missing], [0, 0]])
  segment_labels = tf.pad(segment_labels, [[0, missing]], constant_values=-1)
  return (tf.reshape(embeddings, [-1, rows, embeddings.shape[-1]]),
          tf.reshape(segment_labels, [-1, rows]), num_pixels)


def _at_least_one(number, step):
  """Returns i32[]: the next multiple of a step, not 0."""
  return tf.maximum(-(-number // step), 1) * step


def _power_of_two(number):
  """Returns i32[]: the smallest power of two that is not below a number."""
  exponents = tf.range(31)
  return 2 ** tf.reduce_sum(tf.cast(2 ** exponents < number, tf.int32))


def _chunk(embeddings, own, prototypes, classes, concentration):
  """The loss of some pixels and its gradients, as `_sum_chunks`."""
  cosines = tf.einsum('pd,sd->ps', embeddings, prototypes)
  loss, slopes = _weigh(cosines, own, classes, concentration)
  return (loss, tf.einsum('ps,sd->pd', slopes, prototypes),
          tf.einsum('ps,pd->sd', slopes, embeddings))


# Matrix products stay outside: on CPUs XLA's take twice the time.
@tf.function(autograph=False, jit_compile=True, reduce_retracing=True)
def _weigh(cosines, own, classes, concentration):
  """Returns the loss f32[] and its derivatives by the cosines, f32[P, S]."""
  own_weights = tf.exp(concentration * (tf.gather(
      cosines, tf.maximum(own, 0), batch_dims=1) - 1.))[:, None]
  weights = tf.exp(concentration * (cosines - 1.))
  of_class = tf.gather(classes, tf.maximum(own, 0))
  same_class = tf.equal(of_class[:, None], classes[None, :])
  other_class = ~same_class & (classes >= 0)[None, :]
  is_own = tf.equal(own[:, None], tf.range(tf.shape(classes)[0])[None, :])

  def total(mask):
    return tf.reduce_sum(tf.where(mask, weights, 0.), -1, keepdims=True)

  # The own segment is masked before the sum: taken off afterwards, it cancels
  # all digits from a concentration of about 40.
  numerator, different = total(same_class & ~is_own), total(other_class)
  # Exactly 0 without another prototype of this class: each adds exp(-80).
  alone = tf.equal(numerator, 0.)
  numerator = tf.where(alone, own_weights, numerator)
  # With n = numerator, d = different: the loss is log((n + d) / n), its
  # derivative 1 / (n + d) by d and -d / (n (n + d)) by n.
  taking_part = (own >= 0)[:, None]
  numerator = tf.where(taking_part, numerator, 1.)
  by_different = tf.where(
      taking_part, concentration / (numerator + different), 0.)
  by_numerator = -by_different * different / numerator
  slopes = weights * tf.where(
      is_own, tf.where(alone, by_numerator, 0.), tf.where(
          same_class, by_numerator, tf.where(other_class, by_different, 0.)))
  # log1p: of a pixel that is sorted well, the ratio is lost beside a 1.
  losses = tf.where(taking_part, tf.math.log1p(different / numerator), 0.)
  return tf.reduce_sum(losses), slopes
