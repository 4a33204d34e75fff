"""Networks that are taken as they are have the values that they have."""

import closeness
import keras
import keras_networks
import numpy as np
import pytest

import network
from network import dilation, keras_backbone, keras_graph, untouched

INPUT = ((0.,) * 3, (100.,) * 3, False)


def backbone_of(source, features='map'):
  """A network that is taken as it is."""
  return keras_backbone.UntouchedBackbone.of(
      keras_backbone.KerasBackbone('net', source, features, INPUT))


def embedding_model(backbone, **settings):
  """The network with a head, with the weights of the untouched one."""
  model = network.build_embedding_model(backbone, 'deeplab', 4, **settings)
  weights = backbone.weights()
  for name, variable in network.named_variables(model).items():
    if not network.is_head(name):
      variable.assign(weights[name])
  return model


def features_of(model):
  """The part of a network below the head."""
  return keras.Model(model.input, model.get_layer('net.map').output)


@pytest.fixture(name='source', params=[True, False])
def _source(request):
  keras.utils.set_random_seed(2)
  return keras_networks.vision_transformer(positions=request.param)


def test_features_are_those_of_the_network_half_a_cell_away(source, rng):
  model = embedding_model(backbone_of(source))
  images = rng.normal(size=(2, 32, 32, 3)).astype(np.float32) * 100
  # The centre of a patch of 16 is its pixel 7.
  moved = np.pad(images, [(0, 0), (7, 0), (7, 0), (0, 0)])[:, :32, :32]
  expected = keras.Model(source.input, source.get_layer('map').output)(
      moved / 100, training=False)
  features = features_of(model)(images, training=False)
  closeness.assert_close(features, expected)
  assert closeness.error(features_of(model)(np.roll(images, 1, 1)),
                         expected) > .01


@pytest.mark.parametrize('size', [(1, 1), (16, 17), (33, 80)])
@pytest.mark.parametrize('make, stride', [
    (lambda: keras_networks.vision_transformer(positions=False), 16),
    (lambda: _convolutional(96), 12)])
def test_any_size(make, stride, size):
  model = embedding_model(backbone_of(make()))
  embeddings = model(np.ones((1, *size, 3), np.float32), training=False)
  assert embeddings.shape == (
      1, -(-size[0] // stride), -(-size[1] // stride), 4)


@pytest.mark.parametrize('size, stride, multiple', [
    ((1, 1), 4, 4), ((8, 12), 4, 4), ((9, 6), 5, 5), ((7, 7), 1, 1),
    ((9, 16), 4, 8)])
def test_shift_moves_by_half_a_cell(size, stride, multiple, rng):
  images = rng.normal(size=(1, *size, 2)).astype(np.float32)
  outputs = untouched.HalfCellShift(stride, multiple)(images)
  before = (stride - 1) // 2
  expected = np.zeros((1, *(
      -(-side // multiple) * multiple for side in size), 2))
  for row in range(expected.shape[1]):
    for column in range(expected.shape[2]):
      place = row - before, column - before
      if min(place) >= 0 and place[0] < size[0] and place[1] < size[1]:
        expected[0, row, column] = images[0, place[0], place[1]]
  np.testing.assert_array_equal(outputs, expected)


def _without_borders():
  """A network whose maps lack a cell at the border, 22 of 24, then doubled."""
  images = keras.Input((96, 96, 3))
  outputs = keras.layers.Conv2D(4, 9, strides=4)(images)
  return keras.Model(images, keras.layers.UpSampling2D(name='map')(outputs))


def _convolutional(side):
  """Stride 24, and up again to 12, for which there is no rule."""
  images = keras.Input((side, side, 3))
  outputs = keras.layers.Conv2D(4, 5, strides=4, padding='same')(images)
  outputs = keras.layers.UpSampling2D()(
      keras.layers.Conv2D(4, 3, strides=6, padding='same')(outputs))
  return keras.Model(images, keras.layers.ReLU(name='map')(outputs))


@pytest.mark.parametrize('make, view', [
    (lambda: keras_networks.vision_transformer(56, 14),
     untouched.View(14, 14, (56, 56))),
    (lambda: keras_networks.vision_transformer(60, 15, False),
     untouched.View(15, 15)),
    (lambda: _convolutional(96), untouched.View(12, 24)),
    (lambda: _convolutional(100), untouched.View(12, 24)),  # 10 cells, not 8.3
    (lambda: _convolutional(None), untouched.View(12, 24))])
def test_stride_and_size_are_read_from_the_network(make, view):
  assert untouched.look(make(), 'map') == view


@pytest.mark.parametrize('make, features, message', [
    (keras_networks.vision_transformer, 'block',
     r'layer block gives \(4, 12\) for a picture, not a map'),
    (keras_networks.vision_transformer, 'classifier', r'gives \(5\) for a'),
    (_without_borders, 'map',
     'cannot be read: its map of 44x44 for pictures of 96x96 is no')])
def test_what_cannot_be_read_is_said(make, features, message):
  with pytest.raises(ValueError, match=message):
    untouched.look(make(), features)


def test_what_has_no_rule_is_told_from_what_is_wrong():
  backbone = keras_backbone.KerasBackbone(
      'net', keras_networks.vision_transformer(), 'map', INPUT)
  with pytest.raises(keras_graph.NoRuleError, match='layer patches of strides'):
    network.build_embedding_model(backbone, 'deeplab', 4)
  images = keras.Input((8, 8, 3))
  source = keras.Model(images, keras.layers.Conv2D(4, 3, name='map')(images))
  with pytest.raises(ValueError, match='stride 1, not 8 or more') as error:
    dilation.rebuild(source, 'map', 'net', images,
                     network.layers.batch_norm(.9), False)
  assert not isinstance(error.value, keras_graph.NoRuleError)


def test_names_are_unique_and_kernels_are_weights(source):
  model = embedding_model(backbone_of(source))
  variables = network.named_variables(model)
  assert len(variables) == len(model.weights)
  assert {'net/attention/weights', 'net/attention/3/weights',
          'net/block/1/weights'} <= set(filter(network.is_weight, variables))
  assert variables['net/block/1/weights'].shape == (12, 12)


def test_layers_inside_of_layers_train_as_others(source, rng):
  model = embedding_model(
      backbone_of(source), batch_norm_decay=.75, synchronized=True)
  normal = model.get_layer('net.block').normal
  assert normal.synchronized
  images = rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
  first = model(images, training=True)
  mean = np.asarray(normal.moving_mean)
  # No dropout; statistics that move do not show in training.
  closeness.assert_close(model(images, training=True), first)
  closeness.assert_close(normal.moving_mean, mean * 1.75)


def test_batch_norm_inside_of_layers_is_frozen(source, rng):
  model = embedding_model(backbone_of(source))
  network.freeze_batch_norm(model)
  variables = network.named_variables(model)
  assert not variables['net/block/gamma'].trainable
  assert variables['net/block/weights'].trainable
  images = rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
  closeness.assert_close(
      model(images, training=True), model(images, training=False))


def test_folded_equals_unfolded(source, rng):
  model = embedding_model(backbone_of(source))
  images = rng.normal(size=(2, 32, 32, 3)).astype(np.float32) * 100
  folded = network.fold_batch_norm(model)
  closeness.assert_close(
      folded(images, training=False), model(images, training=False))
  assert network.view_of(folded) == network.view_of(model)


@pytest.mark.half_precision
def test_half_precision_is_that_of_the_policy(source):
  keras.config.set_dtype_policy('mixed_bfloat16')
  try:
    model = embedding_model(backbone_of(source))
  finally:
    keras.config.set_dtype_policy('float32')
  assert model.get_layer('net.attention').output.dtype == 'bfloat16'
  assert model.output.dtype == 'float32'
  outputs = model(np.ones((1, 32, 32, 3), np.float32), training=False)
  assert np.isfinite(outputs).all()
