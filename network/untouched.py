"""Networks of Keras that are taken as they are, at their own stride.

Those that there is no rule to rebuild for: transformers, layers of a user's
own. Their cells are taken for squares of pixels, as patches are; images are
moved by half a square, so that cell i has its centre at pixel stride i, as
everything after it has it.
"""

import dataclasses

import keras
import tensorflow as tf

from network import keras_graph
from network import layers

# A stride is read from maps of pictures of the network's own size or of these
# sides, multiples of most strides,
_SIDES = 384, 448, 480
# and is that of pictures of so many cells as well, primes, no multiples of what
# a network may divide maps into; networks that go down and up again want
# multiples of these.
_CELLS = 7, 5
_FACTORS = 1, 2, 4, 8, 16, 32


@dataclasses.dataclass(frozen=True)
class View:
  """How a network sees pictures.

  Attributes:
    stride: pixels between two cells.
    multiple: pixels of which a side must have a multiple.
    size: (height, width) that pictures must have; None for any.
    is_untouched: whether the network is taken as it is.
  """
  stride: int
  multiple: int
  size: tuple | None = None
  is_untouched: bool = True


@keras.saving.register_keras_serializable(package='segsort')
class HalfCellShift(keras.layers.Layer):
  """Moves images down and right by half a cell, into a multiple of pixels.

  Attributes:
    stride: pixels of a cell.
    multiple: pixels.
    size: (height, width) of all images; None for any.
  """

  def __init__(self, stride, multiple, size=None, **kwargs):
    super().__init__(**kwargs)
    self.stride, self.multiple, self.size = stride, multiple, size and tuple(
        size)

  def call(self, inputs):
    """Returns [B, h, w, C] of [B, H, W, C], what is outside is 0."""
    height, width = tf.unstack(
        -(-tf.shape(inputs)[1:3] // self.multiple) * self.multiple)
    sides = (self.stride - 1) // 2, self.multiple
    outputs = tf.pad(
        inputs, [(0, 0), sides, sides, (0, 0)])[:, :height, :width]
    return tf.ensure_shape(outputs, self.compute_output_shape(inputs.shape))

  def compute_output_shape(self, input_shape):
    """Returns (B, h, w, C), h and w None for images of any size."""
    return (input_shape[0], *(self.size or (None, None)), input_shape[3])

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {**super().get_config(), 'stride': self.stride,
            'multiple': self.multiple, 'size': self.size}


@keras.saving.register_keras_serializable(package='segsort')
class CellCrop(keras.layers.Layer):
  """Leaves out the cells that lie beyond a picture.

  Attributes:
    stride: pixels between two cells.
  """

  def __init__(self, stride, **kwargs):
    super().__init__(**kwargs)
    self.stride = stride

  def call(self, inputs):
    """Returns [B, h, w, C] of a map and its images [B, H, W, 3]."""
    cells, images = inputs
    height, width = tf.unstack(-(-tf.shape(images)[1:3] // self.stride))
    return cells[:, :height, :width]

  def compute_output_shape(self, input_shape):
    """Returns (B, None, None, C)."""
    cells, _ = input_shape
    return (cells[0], None, None, cells[3])

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {**super().get_config(), 'stride': self.stride}


def look(source, features):
  """Finds out how a network sees pictures, by trying sizes.

  Args:
    source: a functional or sequential keras.Model of images; it stays as it is.
    features: canonical name of the layer, see `keras_graph.names_of`.

  Returns:
    A `View`.

  Raises:
    ValueError: the layer has no map, or its stride cannot be read.
  """
  names = keras_graph.names_of(source)
  shape = getattr(names[features].output, 'shape', ())
  if len(shape) != 4 or shape[3] is None:
    what = f'({", ".join(map(str, shape[1:]))})' if shape else 'several tensors'
    raise ValueError(
        f'layer {features} gives {what} for a picture, not a map of rows, '
        'columns and channels; name a layer that does, or add one to the '
        'network, as network/README.md shows')
  size = tuple(source.inputs[0].shape[1:3])
  view = _view_of_any_size(source, features, names, size)
  if view:
    return view
  if None not in (*size, *shape[1:3]):
    stride = size[0] // shape[1]
    if tuple(cells * stride for cells in shape[1:3]) == size:
      return View(stride, stride, size)
  raise ValueError(
      f'the stride of layer {features} cannot be read: its map of '
      f'{shape[1]}x{shape[2]} for pictures of {size[0]}x{size[1]} is no whole '
      'fraction of them; name another layer')


def _view_of_any_size(source, features, names, size):
  """Returns a `View`; None of a network that takes one size alone."""
  images = keras.Input((None, None, 3))
  copying = keras_graph.Copying(names, 'trial', layers.batch_norm(0.), False)
  try:
    copy = keras.Model(images, keras_graph.run(
        _part(source, names, features), images, copying))
  except Exception:  # layers of users' own may raise anything
    return None
  for side in _SIDES if None in size else (size[0], *_SIDES):
    rows = _map_size(copy, (side, side))[0]
    stride = side // rows if rows else 0
    for factor in _FACTORS if stride * rows == side else ():
      cells = tuple(factor * number for number in _CELLS)
      if _map_size(copy, [stride * number for number in cells]) == cells:
        return View(stride, factor * stride)
  return None


def _map_size(model, size):
  """Returns (rows, columns) of a network's map of a picture (height, width).

  Of a picture that it does not take, (0, 0).
  """
  try:
    outputs = model(tf.zeros((1, *size, 3)), training=False)
  except Exception:  # TensorFlow's have another base than Keras'
    return 0, 0
  return tuple(outputs.shape[1:3])


def _part(source, names, features):
  """The network up to a layer."""
  return keras.Model(source.inputs[0], names[features].output)


def take(source, features, scope, images, normalise, has_preprocessing, view):
  """Copies a network up to a layer.

  Args:
    source: a functional or sequential keras.Model of images; it stays as it is.
    features: canonical name of the layer.
    scope: prefix of the new layers' names.
    images: [B, H, W, 3] as the network wants them, a Keras tensor.
    normalise: a function from `layers.batch_norm`.
    has_preprocessing: whether layers that scale images are left out.
    view: of `look`.

  Returns:
    [B, ceil(H / stride), ceil(W / stride), C], a Keras tensor.
  """
  names = keras_graph.names_of(source)
  shift = HalfCellShift(
      view.stride, view.multiple, view.size, name=f'{scope}.align')
  outputs = keras_graph.run(
      _part(source, names, features), shift(images), keras_graph.Copying(
          names, scope, normalise, has_preprocessing))
  if view.multiple == view.stride:
    return outputs
  return CellCrop(view.stride, name=f'{scope}.crop')([outputs, images])
