"""Votes of nearest segments for classes, of inference and exported models.

Equal as published (arXiv:1910.06962), or by --vote_balance and
--vote_concentration.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class VoteWeights:
  """How much a neighbour's vote counts.

  Attributes:
    classes: f32[C], 0 to 1, by its class, see `class_weights`; None: all 1.
    concentration: kappa of exp(kappa (cosine - 1)); 0: not by its cosine.
  """

  classes: tf.Tensor | None = None
  concentration: float = 0.


EQUAL = VoteWeights()  # as published
# What a weight of 1 counts. Weighted votes are integers: equal sums are equal,
# in whatever order, and 21474 neighbours fit 32 bits.
VOTE = 10**5


def count_votes(neighbour_labels, num_classes, cosines=None, weights=EQUAL):
  """Counts the votes of each segment's neighbours for each class.

  Args:
    neighbour_labels: i32[S, N] in 0..C-1.
    num_classes: C.
    cosines: f32[S, N], of the neighbours, for a concentration above 0.
    weights: a VoteWeights.

  Returns:
    i32[S, C]: numbers of neighbours; with weights their sums, in steps of
    1 / VOTE.
  """
  votes = tf.one_hot(neighbour_labels, num_classes, dtype=tf.int32)
  if weights.classes is None and not weights.concentration:
    return tf.reduce_sum(votes, 1)
  each = tf.ones(tf.shape(neighbour_labels))
  if weights.classes is not None:
    each = tf.gather(weights.classes, neighbour_labels)
  if weights.concentration:
    # Rounding takes cosines above 1, and votes above VOTE.
    each *= tf.exp(weights.concentration * (tf.minimum(cosines, 1.) - 1.))
  return tf.reduce_sum(
      tf.cast(tf.round(VOTE * each), tf.int32)[..., None] * votes, 1)


def class_weights(labels, num_classes, balance):
  """Weighs the votes of frequent classes down.

  The prior of the prototype set, p, is divided out to the power `balance`: with
  1, each class has the same say, however many prototypes it has.

  Args:
    labels: i32[M] in 0..C-1.
    num_classes: C.
    balance: 0 or more.

  Returns:
    f32[C], 1 for the rarest class that there is, p^-balance relative to it.
  """
  counts = tf.cast(
      tf.math.bincount(labels, minlength=num_classes, maxlength=num_classes),
      tf.float32)
  present = counts > 0
  rarest = tf.reduce_min(tf.where(present, counts, float('inf')))
  return tf.where(present, (rarest / tf.maximum(counts, 1.)) ** balance, 0.)
