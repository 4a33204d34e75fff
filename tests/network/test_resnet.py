"""The trunk: sizes, and dense features against the undilated network."""

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

from network import layers, resnet


def build(backbone='resnet_small'):
  images = keras.Input((None, None, 3))
  features = resnet.build_resnet(images, backbone, layers.batch_norm(0.99))
  return keras.Model(images, features)


def randomise_statistics(model):
  for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
      for seed, variable in enumerate(layer.variables):
        variable.assign(tf.random.stateless_uniform(
            variable.shape, [seed, 7], 0.5, 1.5))


@pytest.mark.parametrize('size', [(96, 96), (97, 131)])
def test_features_subsampled_are_those_of_output_stride_32(monkeypatch, size):
  images = tf.random.stateless_normal([1, *size, 3], [0, 1])
  dense = build()
  randomise_statistics(dense)
  monkeypatch.setattr(resnet, 'STRIDES', (2, 2, 2, 1))
  monkeypatch.setattr(resnet, 'DILATIONS', (1, 1, 1, 1))
  # Block 2 strides beside a convolved shortcut, block 3 beside an identity.
  strided = build()
  strided.set_weights(dense.get_weights())
  expected = strided(images)
  assert expected.shape[1:3] == (-(-size[0] // 32), -(-size[1] // 32))
  closeness.assert_close(dense(images)[:, ::4, ::4], expected)


def test_stride_sits_in_the_last_unit_of_block_1():
  model = build('resnet_v1_50')
  convolutions = {
      layer.name: layer for layer in model.layers
      if isinstance(layer, keras.layers.Conv2D)}
  strided = [name for name, layer in convolutions.items()
             if layer.strides != (1, 1)]
  assert strided == ['resnet_v1_50.conv1',
                     'resnet_v1_50.block1.unit_3.bottleneck_v1.conv2']
  shortcut = model.get_layer(
      'resnet_v1_50.block1.unit_3.bottleneck_v1.shortcut')
  assert shortcut.strides == (2, 2)
  dilations = {name.split('.')[1]: layer.dilation_rate[0]
               for name, layer in convolutions.items()
               if name.endswith('bottleneck_v1.conv2')}
  assert dilations == {'block1': 1, 'block2': 1, 'block3': 2, 'block4': 4}


def test_unit_by_hand():
  inputs = keras.Input((None, None, 4))
  outputs = resnet.build_unit(
      inputs, 4, shortcut='identity', stride=2, dilation=1, name='unit',
      normalise=layers.batch_norm(0.99))
  model = keras.Model(inputs, outputs)
  for variable in model.trainable_variables:
    if variable.name == 'kernel':
      variable.assign(tf.ones(variable.shape))
  # All ones: conv1 sums 4 channels, conv2 the 3x3 neighbours (zero outside),
  # conv3 spreads to 4 channels; each normalisation divides by sqrt(1.001).
  images = np.ones((1, 3, 3, 4), np.float32)
  corner = 1 + 4 * 4 / 1.001 ** 1.5
  closeness.assert_close(model(images), np.full((1, 2, 2, 4), corner))
  np.testing.assert_array_equal(model(-images), np.zeros((1, 2, 2, 4)))


def test_subsample_keeps_every_second():
  inputs = tf.reshape(tf.range(-15., 0.), [1, 3, 5, 1])
  np.testing.assert_array_equal(
      resnet.subsample(inputs, 2, 'shortcut'), inputs[:, ::2, ::2])
  assert resnet.subsample(inputs, 1, 'shortcut') is inputs
