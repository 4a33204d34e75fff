"""Whole networks: names, any size, gradients, precision, saving."""

import functools
import importlib

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

import network

# A bfloat16 holds 8 bits: some fifty layers, off by 2^-9 each, add up to 2 %.
BFLOATS = .05


@functools.cache
def small_model(head):
  keras.utils.set_random_seed(1)
  return network.build_embedding_model(
      'resnet_small', head, 8, batch_norm_decay=0.9)


def test_depth_of_resnet_50():
  model = network.build_embedding_model('resnet_v1_50', 'deeplab', 4)
  names = network.named_variables(model)
  # 1 + 3 * (3 + 4 + 6 + 3) convolutions, 4 shortcuts, 4 of the head.
  assert sum(map(network.is_weight, names)) == 57
  assert 'resnet_v1_50/block3/unit_6/bottleneck_v1/conv3/weights' in names


@pytest.mark.parametrize('head', network.HEADS)
def test_small_model(head):
  model = network.build_embedding_model('resnet_small', head, 32)
  assert 1e5 < model.count_params() < 7e5
  names = network.named_variables(model)
  heads = [name for name in names if network.is_head(name)]
  assert heads == [name for name in names if '/block5/' in name
                   or '/fc1_' in name]
  assert len(heads) >= (2 if head == 'components' else 8)
  assert len(heads) < len(names) - 80
  assert len({id(value) for value in names.values()}) == len(model.variables)


@pytest.mark.parametrize('head', network.HEADS)
@pytest.mark.parametrize('size', [
    (1, 1), (5, 3), (8, 9), (97, 131), (40, 16)])
def test_any_size(head, size):
  images = tf.random.stateless_normal([1, *size, 3], [0, 1])
  embeddings = small_model(head)(images)
  assert embeddings.shape == (1, -(-size[0] // 8), -(-size[1] // 8), 8)
  assert np.isfinite(embeddings).all() and np.ptp(embeddings) > 0


@pytest.mark.parametrize('head', network.HEADS)
def test_gradient_reaches_every_variable(head):
  model = small_model(head)
  images = tf.random.stateless_normal([3, 56, 40, 3], [0, 1])
  target = tf.random.stateless_normal([3, 7, 5, 8], [0, 2])
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(model(images, training=True) * target)
  gradients = tape.gradient(loss, model.trainable_variables)
  for variable, gradient in zip(model.trainable_variables, gradients):
    assert gradient is not None, variable.path
    assert np.isfinite(gradient).all() and np.any(gradient), variable.path


def test_each_part_has_its_decay():
  model = network.build_embedding_model(
      'resnet_small', 'pspnet', 2, batch_norm_decay=0.8,
      head_batch_norm_decay=0.7, synchronized=True)
  for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
      in_head = network.is_head(layer.name.replace('.', '/'))
      assert layer.momentum == (0.7 if in_head else 0.8)
      assert layer.synchronized


def test_seed_decides_the_weights():
  weights = []
  for seed in (3, 3, 4):
    keras.utils.set_random_seed(seed)
    model = network.build_embedding_model('resnet_small', 'deeplab', 2)
    weights.append(model.get_weights())
  assert all(map(np.array_equal, weights[0], weights[1]))
  assert not all(map(np.array_equal, weights[0], weights[2]))


@pytest.mark.parametrize('head', network.HEADS)
def test_batch_size_does_not_matter_in_evaluation(head):
  images = tf.random.stateless_normal([3, 24, 33, 3], [0, 1])
  model = small_model(head)
  alone = tf.concat([model(image[None]) for image in images], axis=0)
  closeness.assert_close(model(images), alone)


@pytest.fixture
def half_precision():
  policy = keras.config.dtype_policy()
  keras.config.set_dtype_policy('mixed_bfloat16')
  yield
  keras.config.set_dtype_policy(policy)


@pytest.mark.half_precision
@pytest.mark.parametrize('head', network.HEADS)
def test_half_precision(half_precision, head):
  model = network.build_embedding_model('resnet_small', head, 8)
  full = small_model(head)
  model.set_weights(full.get_weights())
  images = tf.random.stateless_normal([2, 40, 33, 3], [0, 1])
  embeddings, expected = model(images), full(images)
  assert embeddings.dtype == tf.float32
  assert model.get_layer('resnet_small.conv1').compute_dtype == 'bfloat16'
  closeness.assert_close(embeddings, expected, BFLOATS)


@pytest.mark.half_precision
@pytest.mark.parametrize('build_head', [
    network.pspnet.build_pspnet, network.deeplab.build_deeplab])
def test_compiled_gradient_in_half_precision(half_precision, build_head):
  # Only the head: compiling the trunk takes longer and adds nothing unusual.
  inputs = keras.Input((None, None, 16))
  model = keras.Model(inputs, build_head(
      inputs, 3, 'scope', network.layers.batch_norm(0.99)))
  features = tf.random.stateless_normal([2, 5, 7, 16], [0, 1])
  target = tf.random.stateless_normal([2, 5, 7, 3], [0, 2])

  def differentiate():
    with tf.GradientTape() as tape:
      embeddings = tf.cast(model(features, training=False), tf.float32)
      loss = tf.reduce_sum(embeddings * target)
    return tape.gradient(loss, model.trainable_variables)

  compiled = tf.function(differentiate, jit_compile=True)()
  for ours, expected in zip(compiled, differentiate()):
    closeness.assert_close(ours, expected, BFLOATS)


@pytest.mark.parametrize('head', network.HEADS)
@pytest.mark.slow
def test_saved_model_takes_any_size(tmp_path, head):
  model = small_model(head)
  model.export(str(tmp_path), verbose=False)
  loaded = tf.saved_model.load(str(tmp_path))
  for size in ((17, 40), (64, 5)):
    images = tf.random.stateless_normal([2, *size, 3], [0, 1])
    closeness.assert_close(loaded.serve(images), model(images))


def test_keras_file(tmp_path):
  model = small_model('deeplab')
  model.save(tmp_path / 'model.keras')
  loaded = keras.saving.load_model(tmp_path / 'model.keras')
  images = tf.random.stateless_normal([1, 30, 20, 3], [0, 1])
  np.testing.assert_array_equal(loaded(images), model(images))


@pytest.mark.parametrize('arguments,message', [
    (('resnet_v1_102', 'pspnet', 32),
     "unknown backbone 'resnet_v1_102'; known: resnet_v1_101, resnet_v1_50, "
     'resnet_small'),
    (('resnet_small', 'unet', 32),
     "unknown head 'unet'; known: pspnet, deeplab, components"),
    (('resnet_small', 'pspnet', 0),
     'embedding_dim is 0; it must be 1 or more')])
def test_unknown_names_raise(arguments, message):
  with pytest.raises(ValueError) as raised:
    network.build_embedding_model(*arguments)
  assert str(raised.value) == message


def test_whoever_imports_the_package_multiplies_in_float32():
  enabled = tf.config.experimental.tensor_float_32_execution_enabled
  network.allow_tensor_float_32(True)  # as TensorFlow starts
  assert enabled()
  importlib.reload(network)
  assert not enabled()
