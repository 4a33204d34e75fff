"""A small network of Keras, as a file of a user has it."""

import keras

FLAGS = {'backbone_input': '127,128', 'backbone_features': 'last_bn'}


def small_network(channels=8, top=True):
  """Stride 32, of layers with and without names; `last_bn` has 16 channels.

  Args:
    channels: of the first layers.
    top: whether a classifier comes last.
  """
  images = keras.Input((96, 96, 3))
  outputs = keras.layers.Conv2D(
      channels, 3, strides=2, padding='same', name='stem')(images)
  outputs = keras.layers.BatchNormalization()(outputs)
  outputs = keras.layers.ReLU()(outputs)
  for index in range(4):
    outputs = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(outputs)
    outputs = keras.layers.DepthwiseConv2D(
        3, strides=2, use_bias=False, name=f'depthwise.{index}')(outputs)
    outputs = keras.layers.BatchNormalization(epsilon=.01)(outputs)
    outputs = keras.layers.Dropout(.5)(outputs)
  outputs = keras.layers.Conv2D(16, 1, name='last')(outputs)
  outputs = keras.layers.BatchNormalization(name='last_bn')(outputs)
  if top:
    outputs = keras.layers.GlobalAveragePooling2D()(outputs)
    outputs = keras.layers.Dense(5, name='classifier')(outputs)
  return keras.Model(images, outputs, name='small.net')


def save(path, **settings):
  """Saves a `small_network` with statistics of its own; returns it."""
  keras.utils.set_random_seed(3)
  model = small_network(**settings)
  for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
      layer.momentum = .5
  model(255 * keras.random.uniform((2, 96, 96, 3), seed=1), training=True)
  model.save(path)
  return model
