"""The loss in chunks against the loss in one piece and its automatic gradient.

`test_loss.py` holds both against loops.
"""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import clustering
from network.segsort import fused_loss
from network.segsort import log_space_loss


def make_case(rng, pixels, segments, classes, dim=5):
  """Arguments of `sum_losses`: some pixels ignored, some rows empty."""
  prototype_classes = rng.integers(0, classes, segments).astype(np.int32)
  prototype_classes[segments // 2:][rng.random(-(-segments // 2)) < .2] = -1
  present = np.flatnonzero(prototype_classes >= 0)
  own = rng.choice(present, pixels).astype(np.int32)
  own[rng.random(pixels) < .2] = -1
  embeddings, prototypes = (
      clustering.normalize(rng.normal(size=(count, dim)))
      for count in (pixels, segments))
  return embeddings, own, prototypes, prototype_classes


def differentiate(sum_losses, case, concentration):
  """Returns the loss and both gradients."""
  embeddings, own, prototypes, classes = case
  with tf.GradientTape() as tape:
    tape.watch([embeddings, prototypes])
    loss = sum_losses(embeddings, own, prototypes, classes, concentration)
    tripled = 3. * loss
  return loss, *tape.gradient(tripled, [embeddings, prototypes])


def assert_equal(case, concentration):
  """Fused and automatic agree to float32; returns the loss."""
  ours = differentiate(fused_loss.sum_losses, case, concentration)
  theirs = differentiate(log_space_loss.sum_losses, case, concentration)
  for one, other in zip(ours, theirs):
    closeness.assert_close(one, other)
  return float(ours[0])


@pytest.mark.parametrize('concentration', [.5, 10., 40.])
@pytest.mark.parametrize('pixels, segments, classes', [
    (200, 30, 4), (1, 1, 1), (65, 129, 3), (130, 40, 200)])
def test_value_and_gradient_equal_the_automatic_ones(
    rng, pixels, segments, classes, concentration):
  assert_equal(make_case(rng, pixels, segments, classes), concentration)


@pytest.mark.parametrize('room', [1, 128 * 8, 128 * 64])
def test_chunks_of_any_size_give_the_same(rng, monkeypatch, room):
  case = make_case(rng, 150, 50, 6)
  whole = assert_equal(case, 10.)
  monkeypatch.setattr(fused_loss, '_CHUNK', {'CPU': room, 'GPU': room})
  assert assert_equal(case, 10.) == pytest.approx(whole, rel=1e-5)


def test_nothing_gives_zero():
  for pixels, segments in ((0, 0), (0, 3)):
    case = (tf.zeros([pixels, 4]), tf.zeros([pixels], tf.int32),
            tf.zeros([segments, 4]), tf.zeros([segments], tf.int32))
    assert assert_equal(case, 10.) == 0.


def test_a_pixel_by_hand():
  """Own prototype left out; one of its class at 0.6, one of another at -1."""
  embeddings = tf.constant([[1., 0.]])
  prototypes = tf.constant([[1., 0.], [.6, .8], [-1., 0.]])
  loss, of_embeddings, of_prototypes = differentiate(
      fused_loss.sum_losses,
      (embeddings, tf.constant([0]), prototypes, tf.constant([1, 1, 0])), 2.)
  ratio = np.exp(2. * (-1. - .6))
  assert float(loss) == pytest.approx(np.log1p(ratio), rel=1e-5)
  slope = 3. * 2. * ratio / (1. + ratio)  # of the tripled loss
  closeness.assert_close(of_prototypes, [[0, 0], [-slope, 0], [slope, 0]])
  closeness.assert_close(
      of_embeddings, [[slope * (-1. - .6), -slope * .8]])


def test_the_gradient_is_compiled_into_a_graph_of_any_shape(rng):
  compute = tf.function(
      lambda *case: differentiate(fused_loss.sum_losses, case, 10.),
      reduce_retracing=True)
  for pixels, segments in ((40, 9), (77, 140), (90, 20)):
    case = make_case(rng, pixels, segments, 3)
    for ours, eager in zip(compute(*map(tf.convert_to_tensor, case)),
                           differentiate(fused_loss.sum_losses, case, 10.)):
      closeness.assert_close(ours, eager)
  assert compute.experimental_get_tracing_count() <= 2
