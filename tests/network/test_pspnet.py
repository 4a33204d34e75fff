"""The pyramid head against a composition of the tested pieces."""

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

from layer_twins import bilinear_twin, convolution_twin, pool_twin
from network import layers, pspnet


def build(channels):
  features = keras.Input((None, None, channels))
  return keras.Model(features, pspnet.build_pspnet(
      features, 5, 'scope', layers.batch_norm(0.99)))


def normalise_and_clip(inputs):
  return np.maximum(inputs / np.sqrt(1.001), 0)


@pytest.mark.parametrize('size', [(12, 6), (7, 5), (1, 1)])
def test_head_equals_twin(size):
  keras.utils.set_random_seed(0)
  model = build(8)
  features = np.random.default_rng(0).normal(size=(2, *size, 8))
  features = features.astype(np.float32)
  parts = []
  for num_bins in (1, 2, 3, 6):
    kernel = model.get_layer(f'scope.block5.pool{num_bins}.conv1').kernel
    pooled = pool_twin(features, num_bins) @ kernel.numpy()[0, 0]
    parts.append(bilinear_twin(normalise_and_clip(pooled), size))
  outputs = np.concatenate([*parts, features], axis=-1)
  kernel = model.get_layer('scope.block5.conv2').kernel.numpy()
  outputs = normalise_and_clip(convolution_twin(outputs, kernel, 0, 1))
  last = model.get_layer('scope.block5.fc1_voc12')
  bias = np.arange(5.) / 100  # no larger than what it is added to
  last.bias.assign(bias)
  outputs = outputs @ last.kernel.numpy()[0, 0] + bias
  closeness.assert_close(model(features), outputs)


@pytest.mark.parametrize('channels, width', [(320, 80), (256, 64), (96, 64)])
def test_head_is_a_quarter_as_wide_as_the_features_or_64(channels, width):
  model = build(channels)
  for name in ('pool1.conv1', 'pool6.conv1', 'conv2'):
    assert model.get_layer(f'scope.block5.{name}').filters == width


def test_constant_features_give_constant_embeddings_inside():
  model = build(8)
  embeddings = model(tf.ones([1, 9, 11, 8]))
  # The 3x3 convolution sees its zero padding along the border only.
  inside = embeddings[:, 1:-1, 1:-1]
  closeness.assert_close(
      inside, tf.broadcast_to(inside[:, :1, :1], inside.shape))
