"""Batch normalisation in one kernel is that of Keras."""

import functools

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

from network import layers


@pytest.mark.parametrize('jit_compile', [False, True])
@pytest.mark.parametrize('parts', [{}, {'scale': False}, {'center': False}])
def test_batch_norm_has_the_gradients_of_keras(parts, jit_compile):
  inputs, wanted = tf.constant(np.random.default_rng(0).normal(
      2, 3, (2, 2, 3, 4, 5)).astype(np.float32))
  results = []
  for make in (layers.batch_norm(0.9), functools.partial(
      keras.layers.BatchNormalization, momentum=0.9, epsilon=0.001)):
    layer = make(**parts)
    layer.build(inputs.shape)
    for number, variable in enumerate(layer.trainable_variables):
      variable.assign(variable + 0.1 * tf.range(5.) + number)

    @tf.function(jit_compile=jit_compile)
    def run(layer=layer):
      with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
        loss = tf.reduce_sum(wanted * outputs ** 2)
      return outputs, tape.gradient(
          loss, [inputs, *(v.value for v in layer.trainable_variables)])

    results.append([*tf.nest.flatten(run()), *layer.non_trainable_variables])
  for ours, of_keras in zip(*results, strict=True):
    closeness.assert_close(ours, of_keras)


def test_batch_norm_of_a_single_value_is_its_offset():
  layer = layers.batch_norm(0.9)()
  outputs = layer(tf.constant([[[[3., -4.]]]]), training=True)
  closeness.assert_close(outputs, np.zeros((1, 1, 1, 2)))
  closeness.assert_close(layer.moving_variance, [0.9, 0.9])
