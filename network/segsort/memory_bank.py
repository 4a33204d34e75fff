"""A ring of prototypes of earlier batches, for the loss of training alone.

Source: arXiv:1910.06962; --num_banks batches are kept, none by default without
labels.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network.segsort import clustering

EMPTY = -1  # label of a row that holds no prototype yet


class MemoryBank:
  """Prototypes and labels of the last `num_banks` batches.

  The 2019 release never ran the assignments of its banks: they held random
  directions labelled background for the whole run. Here they are filled, and
  rows not yet filled take no part.

  Attributes:
    prototypes: f32[num_banks, rows, D] variable, newest bank last.
    labels: i32[num_banks, rows] variable, EMPTY where nothing is stored.
  """

  def __init__(self, num_banks, rows, embedding_dim):
    """Makes an empty bank of `num_banks * rows` = M places."""
    # Replicas of a strategy all enqueue the same.
    same = tf.VariableAggregation.ONLY_FIRST_REPLICA
    self.prototypes = tf.Variable(
        tf.zeros([num_banks, rows, embedding_dim]), trainable=False,
        name='memory_bank/prototypes', aggregation=same)
    self.labels = tf.Variable(
        tf.fill([num_banks, rows], EMPTY), trainable=False,
        name='memory_bank/labels', aggregation=same)
    self._frozen = False

  def freeze(self, seed):
    """Fills the bank as the 2019 release had it, and keeps it so.

    Random directions of class 0, for comparison.

    Args:
      seed: i32[2].
    """
    self.prototypes.assign(clustering.normalize(
        tf.random.stateless_normal(self.prototypes.shape, seed)))
    self.labels.assign(tf.zeros_like(self.labels))
    self._frozen = True

  def read(self, static_shape=False):
    """Returns prototypes f32[M', D] and labels i32[M'] of the filled rows.

    Prototypes have unit length and pass no gradient on.

    Args:
      static_shape: return all M rows, labelled EMPTY where not filled.
    """
    labels = tf.reshape(self.labels, [-1])
    prototypes = tf.stop_gradient(
        tf.reshape(self.prototypes, [-1, self.prototypes.shape[-1]]))
    if not static_shape:
      filled = tf.not_equal(labels, EMPTY)
      labels = tf.boolean_mask(labels, filled)
      prototypes = tf.boolean_mask(prototypes, filled)
    # The release normalises again when it reads; zero rows stay zero here.
    return clustering.normalize(prototypes), labels

  def enqueue(self, prototypes, labels, seed=None):
    """Drops the oldest bank and stores a batch as the newest.

    Args:
      prototypes: f32[S, D]; S may be smaller or larger than the bank's rows.
      labels: i32[S]; EMPTY for rows that hold no prototype.
      seed: i32[2] for a random choice among more prototypes than rows; None
        takes the first.
    """
    num_banks, rows, _ = self.prototypes.shape
    if num_banks == 0 or self._frozen:
      return
    order = _choose_rows(labels, rows, seed)
    missing = rows - tf.shape(order)[0]
    newest = tf.pad(tf.gather(prototypes, order), [[0, missing], [0, 0]])
    newest_labels = tf.pad(
        tf.gather(labels, order), [[0, missing]], constant_values=EMPTY)
    self.prototypes.assign(tf.concat([self.prototypes[1:], newest[None]], 0))
    self.labels.assign(tf.concat([self.labels[1:], newest_labels[None]], 0))

  def fill_fraction(self):
    """Returns f32[]: the share of rows that hold a prototype; 0 of no rows."""
    rows = max(self.labels.shape.num_elements(), 1)
    filled = tf.math.count_nonzero(tf.not_equal(self.labels, EMPTY))
    return tf.cast(filled, tf.float32) / rows


def _choose_rows(labels, rows, seed):
  """Returns i32[at most `rows`]: rows with a prototype before any without."""
  places = tf.shape(labels)[0]
  # Ranks between 0 and 1, that of EMPTY being -1; float32 is exact to 2^24.
  scores = tf.cast(tf.range(places, 0, -1), tf.float32) / 2.**24
  if seed is not None:
    scores = tf.random.stateless_uniform([places], seed)
  scores = tf.where(tf.equal(labels, EMPTY), -1., scores)
  return tf.argsort(scores, direction='DESCENDING', stable=True)[:rows]
