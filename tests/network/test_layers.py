"""Resizes, pooling, shifts and convolutions against loops and by hand."""

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

from layer_twins import bilinear_twin, convolution_twin, pool_twin
from network import layers

SIZES = [((4, 4), (8, 8)), ((5, 7), (3, 4)), ((6, 9), (13, 2)),
         ((1, 1), (4, 3)), ((12, 12), (12, 12)), ((3, 5), (1, 1))]


@pytest.mark.parametrize('old,new', SIZES)
def test_bilinear_equals_twin(old, new):
  images = np.random.default_rng(0).normal(size=(2, *old, 3))
  images = images.astype(np.float32)
  closeness.assert_close(
      layers.resize_bilinear(images, new), bilinear_twin(images, new))


@pytest.mark.parametrize('old,new', SIZES)
def test_nearest_takes_the_floor(old, new):
  labels = np.arange(np.prod(old), dtype=np.int32).reshape(1, *old, 1)
  rows = np.arange(new[0]) * old[0] // new[0]
  columns = np.arange(new[1]) * old[1] // new[1]
  resized = layers.resize_nearest(labels, new)
  assert resized.dtype == tf.int32
  np.testing.assert_array_equal(resized, labels[:, rows][:, :, columns])


def test_resizes_by_hand():
  row = np.array([[[[0.], [8.]]]], np.float32)
  doubled = layers.resize_bilinear(row, (1, 4))
  np.testing.assert_array_equal(np.ravel(doubled), [0, 4, 8, 8])
  halved = layers.resize_nearest(np.uint8([[[[7], [9], [3], [1]]]]), (1, 2))
  np.testing.assert_array_equal(np.ravel(halved), [7, 3])


@pytest.mark.parametrize('dtype', [tf.uint8, tf.float16, tf.bfloat16])
def test_bilinear_returns_float32(dtype):
  images = tf.cast([[[[0], [8]]]], dtype)
  resized = layers.resize_bilinear(images, tf.constant([1, 4], tf.int64))
  assert resized.dtype == tf.float32
  np.testing.assert_array_equal(np.ravel(resized), [0, 4, 8, 8])


@pytest.mark.parametrize('function', [
    layers.resize_bilinear, layers.resize_nearest])
def test_compiled_resize_is_the_same(function):
  images = np.random.default_rng(0).normal(size=(1, 7, 10, 2))
  images = images.astype(np.float32)
  compiled = tf.function(lambda x: function(x, (12, 5)), jit_compile=True)
  closeness.assert_close(compiled(images), function(images, (12, 5)))


@pytest.mark.parametrize('size', [(12, 12), (13, 7), (5, 1), (1, 1), (6, 17)])
@pytest.mark.parametrize('num_bins', [1, 2, 3, 6])
def test_pooling_equals_twin(size, num_bins):
  inputs = np.random.default_rng(0).normal(size=(2, *size, 3))
  inputs = inputs.astype(np.float32)
  pooled = layers.AdaptiveAveragePool(num_bins)(inputs)
  closeness.assert_close(pooled, pool_twin(inputs, num_bins))


@pytest.mark.parametrize('num_bins', [1, 2, 3, 6])
def test_pooling_equals_the_release_where_it_divides(num_bins):
  inputs = np.random.default_rng(0).normal(size=(1, 12, 18, 2))
  inputs = inputs.astype(np.float32)
  window = (12 // num_bins, 18 // num_bins)
  released = tf.nn.avg_pool2d(inputs, window, window, 'VALID')
  closeness.assert_close(
      layers.AdaptiveAveragePool(num_bins)(inputs), released)


def test_averaging_matrix_by_hand():
  np.testing.assert_array_equal(
      layers.averaging_matrix(3, 2), [[.5, .5, 0], [0, .5, .5]])
  np.testing.assert_array_equal(
      layers.averaging_matrix(2, 3), [[1, 0], [.5, .5], [0, 1]])


def test_resize_like_takes_size_of_second_and_channels_of_first():
  images = np.float32([[[[0, 1], [8, 5]]]])
  resized = layers.ResizeLike()([images, np.zeros((1, 3, 4, 7), np.float32)])
  assert resized.shape == (1, 3, 4, 2)
  np.testing.assert_array_equal(resized[0, 2], [[0, 1], [4, 3], [8, 5], [8, 5]])


@pytest.mark.parametrize('rows,columns', [
    (0, 0), (1, -2), (-3, 4), (5, 0), (0, -9), (-24, 24)])
def test_shift_reads_neighbours_and_zero_outside(rows, columns):
  inputs = np.random.default_rng(0).normal(size=(2, 5, 6, 3))
  inputs = inputs.astype(np.float32)
  expected = np.zeros_like(inputs)
  for i in range(5):
    for j in range(6):
      if 0 <= i + rows < 5 and 0 <= j + columns < 6:
        expected[:, i, j] = inputs[:, i + rows, j + columns]
  np.testing.assert_array_equal(
      layers.shift(tf.constant(inputs), rows, columns), expected)


@pytest.mark.parametrize('size', [(7, 9), (1, 1), (2, 15)])
@pytest.mark.parametrize('dilation', [2, 6, 24])
def test_atrous_convolution_equals_twin(size, dilation):
  rng = np.random.default_rng(0)
  inputs = rng.normal(size=(2, *size, 3)).astype(np.float32)
  kernel = rng.normal(size=(3, 3, 3, 4)).astype(np.float32)
  bias = rng.normal(size=4).astype(np.float32)
  layer = layers.AtrousConv2D(4, 3, padding='same', dilation_rate=dilation)
  layer.build(inputs.shape)
  layer.set_weights([kernel, bias])
  closeness.assert_close(
      layer(inputs), convolution_twin(inputs, kernel, bias, dilation))


def test_atrous_convolution_has_the_gradients_of_keras():
  inputs = tf.random.stateless_normal([2, 7, 9, 3], [0, 1])
  target = tf.random.stateless_normal([2, 7, 9, 4], [0, 2])
  kernel = tf.random.stateless_normal([3, 3, 3, 4], [0, 3])
  gradients = []
  for make in (layers.AtrousConv2D, keras.layers.Conv2D):
    layer = make(4, 3, padding='same', dilation_rate=4)
    layer.build(inputs.shape)
    layer.kernel.assign(kernel)
    with tf.GradientTape() as tape:
      tape.watch(inputs)
      loss = tf.reduce_sum(layer(inputs) * target)
    gradients.append(tape.gradient(loss, [inputs, *layer.trainable_variables]))
  for ours, theirs in zip(*gradients):
    closeness.assert_close(ours, theirs)


@pytest.mark.parametrize('size', [(6, 6), (7, 5), (1, 1)])
def test_strided_convolution_keeps_even_positions(size):
  inputs = tf.random.stateless_normal([1, *size, 2], [0, 1])
  images = keras.Input((None, None, 2))
  models = []
  for stride in (1, 2):
    outputs = layers.convolve(images, 3, 3, name='conv', stride=stride)
    models.append(keras.Model(images, outputs))
  models[1].set_weights(models[0].get_weights())
  closeness.assert_close(models[1](inputs), models[0](inputs)[:, ::2, ::2])


def test_batch_norm_moves_towards_the_biased_variance():
  inputs = np.random.default_rng(0).normal(2, 3, (1, 2, 2, 5))
  layer = layers.batch_norm(0.9)(name='norm')
  outputs = layer(inputs.astype(np.float32), training=True)
  mean, variance = inputs.mean((0, 1, 2)), inputs.var((0, 1, 2))
  closeness.assert_close(layer.moving_mean, 0.1 * mean)
  closeness.assert_close(layer.moving_variance, 0.9 + 0.1 * variance)
  closeness.assert_close(outputs, (inputs - mean) / np.sqrt(variance + 0.001))


def test_initial_values():
  keras.utils.set_random_seed(0)
  images = keras.Input((None, None, 64))
  trunk = layers.convolve(images, 256, 3, name='conv')
  model = keras.Model(images, layers.project(trunk, 64, 3, name='fc'))
  kernel, weights, biases = model.get_weights()
  he_deviation = np.sqrt(2 / (3 * 3 * 64))
  assert abs(kernel.std() / he_deviation - 1) < 0.02
  assert abs(kernel).max() < 2.3 * he_deviation  # truncated
  assert abs(weights.std() / 0.01 - 1) < 0.02
  assert not biases.any()
