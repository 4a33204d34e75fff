"""Networks of Keras at stride 8 have the values of the untouched ones."""

import closeness
import keras
import numpy as np
import pytest

import network
from network import keras_backbone, keras_graph

MEAN = (122., 117., 104.)
# Cells of 8 pixels, in rows and columns: both parities beyond stride 8.
CELLS = (8, 5)
# Of the first cell that the untouched network has, and so every fourth; [rows,
# columns]. 'same' of odd sizes takes the first cell.
PHASES = {
    'MobileNetV2': (3, 3), 'EfficientNetB0': (3, 3), 'EfficientNetV2B0': (3, 0),
    'ResNet50': (0, 0),
    'ResNet50V2': (0, 0), 'VGG16': (1, 1),
    'MobileNet': (3, 3), 'MobileNetV3Large': (3, 3),
    'MobileNetV3Small': (3, 3), 'DenseNet121': (1, 1), 'ConvNeXtTiny': (1, 1)}
STEPS = {'VGG16': 2}  # cells between them where they are not 4
QUICK = 'MobileNetV2', 'ConvNeXtTiny'
# More of the same blocks, whose layers are known by the one after them.
ALIKE = {'EfficientNetV2B1': 'top_conv', 'EfficientNetV2B2': 'top_conv',
         'EfficientNetV2B3': 'top_conv', 'ResNet101': None}


def randomize(model, rng):
  """Gives a network of random weights statistics that keep its features alive.

  Squeeze-and-excitation is made the same for all images: its averages are of
  another number of cells.
  """
  for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
      layer.momentum = 0.  # takes those of the next batch
    if 'se_expand' in layer.name or 'squeeze_excite_conv_1' in layer.name:
      layer.kernel.assign(0 * layer.kernel)
    if type(layer).__name__ == 'LayerScale':  # 1e-6 would hide its block
      layer.gamma.assign(0 * layer.gamma + .5)
  model(rng.normal(size=(2, 64, 64, 3)) * 50, training=True)


def dense_model(backbone):
  """The rebuilt network, with the weights of the untouched one."""
  images = keras.Input((None, None, 3))
  model = keras.Model(images, backbone.build(
      images, network.layers.batch_norm(.9)))
  weights = backbone.weights()
  for name, variable in network.named_variables(model).items():
    variable.assign(weights[name])
  return model


def untouched_features(backbone, images):
  """Features of the untouched network, of images that it is aligned for."""
  mean, scale, blue_first = backbone.input
  images = ((images - mean) / scale)[..., ::-1 if blue_first else 1]
  layers = keras_graph.names_of(backbone.source)
  before = [layer for layer in layers.values()
            if type(layer).__name__ in ('Rescaling', 'Normalization')]
  start = before[-1].output if before else backbone.source.input
  features = layers[backbone.features].output
  return np.asarray(keras.Model(start, features)(images, training=False))


@pytest.mark.parametrize('name', [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in keras_backbone.APPLICATIONS if name not in ALIKE])
def test_values_are_those_of_the_untouched_network_and_more(name, rng):
  keras.utils.set_random_seed(1)
  backbone = keras_backbone.make_application(name, MEAN)
  randomize(backbone.source, rng)
  model = dense_model(backbone)
  offset = model.get_layer(f'{name}.align').offset
  size = [8 * cells - offset for cells in CELLS]
  images = (rng.normal(size=(1, *size, 3)) * 50).astype(np.float32)
  dense = np.asarray(model(images, training=False))
  assert dense.shape[1:3] == CELLS
  # As zeros of what the network gets: the mean, for it.
  padded = np.empty((1, *[8 * cells for cells in CELLS], 3), np.float32)
  padded[:] = backbone.input[0]
  padded[:, offset:, offset:] = images
  untouched = untouched_features(backbone, padded)
  cells = (slice(None), *(slice(first, None, STEPS.get(name, 4))
                          for first in PHASES[name]))
  # Normalised some hundred times, by what rounding moves as well.
  closeness.assert_close(dense[cells], untouched, 1e-3)
  # The cells between have values of their own.
  assert closeness.error(np.roll(dense, 1, 2)[cells], untouched) > .01


@pytest.mark.parametrize('name', ALIKE)
def test_features_of_alike_networks_are_their_last_block(name):
  backbone = keras_backbone.make_application(name, MEAN)
  layers = [*keras_graph.names_of(backbone.source), None]
  assert layers[layers.index(backbone.features) + 1] == ALIKE[name]


@pytest.mark.parametrize('name', [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in keras_backbone.APPLICATIONS])
def test_features_before_the_stride_of_32(name):
  source = getattr(keras.applications, name)(
      include_top=False, weights=None, input_shape=(64, 64, 3))
  names = keras_graph.names_of(source)
  chosen = keras_backbone.STRIDE_16[name]
  assert names[chosen].output.shape[1:3] == (4, 4)
  # What comes after it is of the next block, which goes on to 32.
  after = list(names)[list(names).index(chosen) + 1:]
  sums = [one for one in after if one.endswith(
      ('_add', '_out', '_concat', '_project_bn', '_project_BN', 'pw_12_relu'))]
  assert bool(sums) != (name in ('VGG16', 'ConvNeXtTiny'))
  for one in sums[:1]:
    assert names[one].output.shape[1:3] == (2, 2)


@pytest.mark.parametrize('name, module', [
    ('MobileNetV2', 'mobilenet_v2'), ('MobileNet', 'mobilenet'),
    ('ResNet50', 'resnet'), ('ResNet50V2', 'resnet_v2'), ('VGG16', 'vgg16'),
    ('DenseNet121', 'densenet'), ('EfficientNetV2B0', None),
    ('MobileNetV3Small', None), ('ConvNeXtTiny', None)])
def test_input_is_what_the_network_was_trained_on(name, module, rng):
  image = rng.integers(0, 256, (1, 2, 3, 3)).astype(np.float32)
  mean, scale, blue_first = keras_backbone.after_mean(
      keras_backbone.INPUTS[keras_backbone.APPLICATIONS[name][1]], MEAN)
  ours = ((image - MEAN - mean) / scale)[..., ::-1 if blue_first else 1]
  if module:
    expected = getattr(keras.applications, module).preprocess_input(
        image.copy())
  else:  # inside of the network
    expected = image
    for layer in getattr(keras.applications, name)(
        include_top=False, weights=None).layers[1:3]:
      if type(layer).__name__ in ('Rescaling', 'Normalization'):
        expected = layer(expected)
  closeness.assert_close(ours, expected)
