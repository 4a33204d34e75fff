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


@keras.saving.register_keras_serializable(package='segsort_tests')
class Block(keras.layers.Layer):
  """A layer of a user's own, with others inside; its config has no name."""

  def __init__(self, channels, **kwargs):
    super().__init__(**kwargs)
    self.channels = channels
    self.first = keras.layers.Dense(channels)
    self.second = keras.layers.Dense(channels)
    self.normal = keras.layers.BatchNormalization()
    self.drop = keras.layers.Dropout(.5)

  def build(self, input_shape):
    """Builds what is inside."""
    self.first.build(input_shape)
    self.second.build((*input_shape[:-1], self.channels))
    self.normal.build((*input_shape[:-1], self.channels))
    super().build(input_shape)

  def call(self, inputs, training=None):
    """Returns [B, ..., channels]."""
    hidden = keras.ops.relu(self.first(inputs))
    hidden = self.drop(hidden, training=training)
    return self.normal(self.second(hidden), training=training)

  def compute_output_shape(self, input_shape):
    """Returns (B, ..., channels)."""
    return (*input_shape[:-1], self.channels)

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {'channels': self.channels}


@keras.saving.register_keras_serializable(package='segsort_tests')
class Positions(keras.layers.Layer):
  """Adds a vector to each token, of which there is one number alone."""

  def build(self, input_shape):
    """Makes the vectors."""
    self.vectors = self.add_weight(
        shape=input_shape[1:], initializer='random_normal', name='embeddings')

  def call(self, inputs):
    """Returns [B, T, C]."""
    return inputs + self.vectors


VIT_FLAGS = {'backbone_input': 'tf', 'backbone_features': 'map'}


def vision_transformer(side=32, stride=16, positions=True):
  """Patches, one block of attention, one `Block`; `map` has 12 channels.

  Args:
    side: of pictures, if there are positions; else they have any.
    stride: of the patches.
    positions: whether tokens know where they are.
  """
  images = keras.Input((side, side, 3) if positions else (None, None, 3))
  outputs = keras.layers.Conv2D(
      12, stride, strides=stride, name='patches')(images)
  rows = side // stride
  if positions:
    outputs = keras.layers.Reshape((rows ** 2, 12), name='tokens')(outputs)
    outputs = Positions(name='positions')(outputs)
  else:
    outputs = keras.layers.Conv2DTranspose(12, 1, name='mixed')(outputs)
  attended = keras.layers.MultiHeadAttention(
      2, 6, dropout=.2, attention_axes=None if positions else (1, 2),
      name='attention')(outputs, outputs)
  outputs = keras.layers.LayerNormalization()(
      keras.layers.Add()([outputs, attended]))
  outputs = Block(12, name='block')(outputs)
  if positions:
    outputs = keras.layers.Reshape((rows, rows, 12), name='map')(outputs)
  else:
    outputs = keras.layers.Activation('linear', name='map')(outputs)
  outputs = keras.layers.GlobalAveragePooling2D()(outputs)
  outputs = keras.layers.Dense(5, name='classifier')(outputs)
  return keras.Model(images, outputs, name='small.vit')


def save_transformer(path, **settings):
  """Saves a `vision_transformer` with statistics of its own; returns it."""
  keras.utils.set_random_seed(4)
  model = vision_transformer(**settings)
  normal = model.get_layer('block').normal
  normal.momentum = .5
  model(255 * keras.random.uniform((4, 32, 32, 3), seed=1), training=True)
  model.save(path)
  return model
