"""The affinity losses against loops, by hand, and at their edges."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network import affinity


def _means(probabilities, labels, num_distances):
  return affinity.affinity_means(
      tf.constant(probabilities, tf.float32), tf.constant(labels, tf.int32),
      num_distances, lambda count: count)


def _clipped(chance):
  return np.clip(chance, 1e-4, 1)


def _divergence(partner, pixel):
  """KL of two coins, each side clipped."""
  return sum(_clipped(q) * np.log(_clipped(q) / _clipped(p)) for q, p in (
      (partner, pixel), (1 - partner, 1 - pixel)))


def _twin(probabilities, labels, distance):
  """Sums by the pixel's class [2, C], and counts [2], entry by entry."""
  images, height, width, num_classes = probabilities.shape
  sums, counts = np.zeros((2, num_classes)), np.zeros(2, int)

  def known(image, y, x):
    return 0 <= y < height and 0 <= x < width and labels[image, y, x] >= 0

  for image, y, x in np.ndindex(images, height, width):
    own = labels[image, y, x]
    for step_y, step_x in np.ndindex(3, 3):
      dy, dx = distance * (step_y - 1), distance * (step_x - 1)
      if (dy, dx) == (0, 0) or not (
          known(image, y, x) and known(image, y + dy, x + dx)
          and known(image, y - dy, x - dx)):
        continue
      partner = labels[image, y + dy, x + dx]
      for channel in range(num_classes):
        divergence = _divergence(probabilities[image, y + dy, x + dx, channel],
                                 probabilities[image, y, x, channel])
        edge = (own == channel) != (partner == channel)
        sums[0 if edge else 1, own] += (
            max(0, 3 - divergence) if edge else divergence)
        counts[0 if edge else 1] += 1
  return sums, counts


def _batch(seed, shape=(2, 6, 8, 4), spread=3):
  """Probabilities, of which some are nearly 0 or 1, and labels with -1."""
  rng = np.random.default_rng(seed)
  logits = spread * rng.normal(size=shape)
  odds = np.exp(logits)
  labels = np.kron(rng.integers(0, shape[-1], (shape[0], 3, 4)),
                   np.ones((1, 2, 2), int))[:, :shape[1], :shape[2]]
  labels[rng.random(labels.shape) < .05] = -1
  return odds / odds.sum(-1, keepdims=True), labels.astype(np.int32)


@pytest.mark.parametrize('seed', range(4))
def test_means_equal_their_twin(seed):
  probabilities, labels = _batch(seed, ((2, 6, 8, 4), (1, 5, 7, 3))[seed % 2])
  means = _means(probabilities, labels, 3).numpy()
  for index, distance in enumerate(affinity.DISTANCES):
    sums, counts = _twin(probabilities, labels, distance)
    closeness.assert_close(
        means[..., index], sums / np.maximum(counts, 1)[:, None])
  closeness.assert_close(_means(probabilities, labels, 1), means[..., :1])
  assert means[0, :, 0].sum() > 0 and means[1, :, 0].sum() > 0


def test_three_pixels_by_hand():
  """Of a row, the middle one alone has partners on both sides.

  The left one says the same of both classes (KL 0, no edge), the right one,
  of the other class, .2 and .8 for .5: KL = .2 ln .4 + .8 ln 1.6 = .19274.
  """
  probabilities = [[[[.5, .5], [.5, .5], [.2, .8]]]]
  means = _means(probabilities, [[[0, 0, 1]]], 2).numpy()
  np.testing.assert_allclose(
      means[..., 0], [[3 - .192745, 0], [0, 0]], atol=1e-6)
  assert not means[..., 1].any()  # no pixel has partners two columns away
  # Of an edge that is told apart well enough nothing is left.
  sure = _means([[[[.99, .01], [.99, .01], [.01, .99]]]], [[[0, 0, 1]]], 1)
  np.testing.assert_allclose(sure, np.zeros((2, 2, 1)), atol=1e-6)


def test_ignored_margins_and_orientation_change_nothing():
  probabilities, labels = _batch(7)
  expected = _means(probabilities, labels, 3)
  turned = [np.rot90(array, axes=(1, 2))[:, :, ::-1]
            for array in (probabilities, labels)]
  closeness.assert_close(_means(*turned, 3), expected)
  margin = [(0, 0), (2, 3), (4, 1)]
  wider = (np.pad(probabilities, [*margin, (0, 0)], constant_values=.25),
           np.pad(labels, margin, constant_values=-1))
  closeness.assert_close(_means(*wider, 3), expected)


def test_classes_have_no_order():
  probabilities, labels = _batch(8)
  order = np.array([2, 0, 3, 1])
  renamed = np.where(labels < 0, -1, np.argsort(order)[labels])
  closeness.assert_close(
      _means(probabilities[..., order], renamed, 3),
      _means(probabilities, labels, 3).numpy()[:, order])


@pytest.mark.parametrize('labels', [
    -np.ones((1, 5, 5), np.int32), np.zeros((1, 1, 1), np.int32),
    np.zeros((2, 1, 2), np.int32)])
def test_nothing_to_compare_is_a_loss_of_zero(labels):
  """Everything ignored, one pixel, and two side by side."""
  logits = tf.Variable(tf.random.stateless_normal([*labels.shape, 3], [1, 2]))
  with tf.GradientTape() as tape:
    means = affinity.affinity_means(
        tf.nn.softmax(logits), labels, 3, lambda count: count)
    loss = tf.reduce_sum(means)
  assert not means.numpy().any()
  assert not tape.gradient(loss, logits).numpy().any()


def test_certainty_has_finite_losses_and_gradients():
  """Probabilities of 0 and 1 exactly."""
  _, labels = _batch(9)
  logits = tf.Variable(300. * tf.one_hot((labels + 1) % 4, 4))
  with tf.GradientTape() as tape:
    probabilities = tf.nn.softmax(logits)
    loss = tf.reduce_sum(affinity.affinity_means(
        probabilities, labels, 3, lambda count: count))
  assert probabilities.numpy().min() == 0
  # Rounded, on some processors
  assert probabilities.numpy().max() > 1 - 1e-6
  assert np.isfinite(float(loss)) and float(loss) >= 0
  assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def test_counts_of_elsewhere_divide_the_sums():
  """Two halves of a batch add up to the whole, with its counts."""
  probabilities, labels = _batch(10)
  whole_counts, parts = [], []
  whole = affinity.affinity_means(
      tf.constant(probabilities, tf.float32), labels, 3,
      lambda count: whole_counts.append(count) or count)
  for half in range(2):
    of_all = iter(whole_counts)
    parts.append(affinity.affinity_means(
        tf.constant(probabilities[half:half + 1], tf.float32),
        labels[half:half + 1], 3, lambda _, of_all=of_all: next(of_all)))
  closeness.assert_close(sum(parts), whole)


def test_weighed_means_and_their_gradient():
  means = _means(*_batch(11), 3)
  weights = tf.Variable(np.random.default_rng(1).normal(size=means.shape),
                        dtype=tf.float32)
  parts, gradient = affinity.weigh(means, weights)
  powers = np.exp(weights.numpy().astype(float))
  shares = powers / powers.sum(-1, keepdims=True)
  closeness.assert_close(parts, (shares * np.array(means)).sum((1, 2)))
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(tf.nn.softmax(weights) * means)
  closeness.assert_close(gradient, tape.gradient(loss, weights))
  # At the start each distance counts for a third.
  equal, _ = affinity.weigh(means, tf.zeros_like(weights))
  closeness.assert_close(equal, tf.reduce_sum(means, [1, 2]) / 3)


def test_what_is_weighed_has_the_gradient_of_the_means_alone():
  """The weights are learnt against the network, not by its gradient."""
  means = tf.Variable(_means(*_batch(12), 3))
  weights = tf.Variable(tf.random.stateless_normal(means.shape, [3, 4]))
  with tf.GradientTape() as tape:
    parts, weight_gradient = affinity.weigh(means, weights)
    loss = tf.reduce_sum(parts) + 0. * tf.reduce_sum(weight_gradient)
  of_means, of_weights = tape.gradient(loss, [means, weights])
  closeness.assert_close(of_means, tf.nn.softmax(weights))
  assert of_weights is None
