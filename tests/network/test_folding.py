"""A folded network has the outputs of the trained one."""

import closeness
import keras
import numpy as np
import pytest

import network
from network import folding


@pytest.fixture(name='build')
def _build(rng):
  """Builds a network whose normalisations are not the identity."""
  def build(head):
    keras.utils.set_random_seed(1)
    model = network.build_embedding_model('resnet_small', head, 6)
    for name, variable in network.named_variables(model).items():
      if '/BatchNorm/' in name:
        low = -.5 if name.endswith(('beta', 'moving_mean')) else .3
        variable.assign(rng.uniform(low, 2, variable.shape))
    return model
  return build


@pytest.mark.parametrize('head', network.HEADS)
def test_outputs_are_those_of_the_network_in_evaluation_mode(build, rng, head):
  model = build(head)
  before = model.get_weights()
  folded = network.fold_batch_norm(model)
  images = rng.normal(size=(2, 33, 48, 3)).astype(np.float32) * 50
  expected = np.asarray(model(images, training=False))
  closeness.assert_close(folded(images, training=False), expected)
  for old, new in zip(before, model.get_weights()):
    np.testing.assert_array_equal(old, new)


def test_no_normalisation_is_left(build):
  folded = network.fold_batch_norm(build('pspnet'))
  kinds = [type(layer) for layer in folded.layers]
  assert keras.layers.BatchNormalization not in kinds
  assert folding.Bias in kinds


def test_one_channel_by_hand():
  # 2 x, normalised by mean 3, variance 4 - epsilon, gamma 6, beta 1.
  images = keras.Input((None, None, 1))
  outputs = keras.layers.Conv2D(1, 1, use_bias=False, name='a')(images)
  normalised = keras.layers.BatchNormalization(
      epsilon=.001, name='a.BatchNorm')(outputs)
  model = keras.Model(images, normalised)
  model.get_layer('a').set_weights([np.full((1, 1, 1, 1), 2.)])
  model.get_layer('a.BatchNorm').set_weights(
      [np.array([value]) for value in (6., 1., 3., 3.999)])
  folded = folding.fold(model)
  closeness.assert_close(folded.get_layer('a').kernel, [[[[6.]]]])
  closeness.assert_close(folded.get_layer('a.BatchNorm').bias, [-8.])
  closeness.assert_close(folded(np.full((1, 1, 1, 1), 5.)), [[[[22.]]]])
