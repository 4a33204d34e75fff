"""How a kernel or pool slides where strides have become dilations.

Shapes:

    B batch  H height  W width  C channels
"""

import dataclasses

import keras
import tensorflow as tf

from network.keras_graph import NoRuleError

OUTPUT_STRIDE = 8


@dataclasses.dataclass(frozen=True, order=True)
class Place:
  """Where the values of a tensor lie.

  Attributes:
    stride: pixels between two of them; 0 where they are of the whole image.
    dilation: steps between two that the untouched network has as well.
    offset: pixels from the image's first one to the centre of the first value.
  """
  stride: int = 1
  dilation: int = 1
  offset: float = 0.


class Window:
  """How a strided layer of the untouched network slides in the dense one.

  Attributes:
    stride: of the new layer.
    widen: what the strides of the layer have become instead: a factor of the
      dilation of what follows.
    dilation: steps between two values that the untouched network has as well.
    rates: [rows, columns], dilation of the new layer.
    reach: [height, width] of what the untouched layer sees.
    padding: ((top, bottom), (left, right)) of the new layer; below 0 it crops.
  """

  def __init__(self, layer, place, zeros):
    """Takes a layer, the `Place` of its input, and the padding before it.

    Raises:
      NoRuleError: it passes stride 8 without stopping there, or has two
        strides.
    """
    stride, other = layer.strides
    if stride != other or (
        place.stride < OUTPUT_STRIDE < place.stride * stride):
      raise NoRuleError(
          f'layer {layer.name} of strides {layer.strides} goes on from stride '
          f'{place.stride}, and not to {OUTPUT_STRIDE}')
    size = getattr(layer, 'kernel_size', None) or layer.pool_size
    own = getattr(layer, 'dilation_rate', (1, 1))
    passes = place.stride * stride > OUTPUT_STRIDE
    self.stride, self.widen = (1, stride) if passes else (stride, 1)
    self.dilation = place.dilation
    self._looks_ahead = place.offset <= 0
    self.rates = [rate * place.dilation for rate in own]
    self.reach = [(length - 1) * rate + 1 for length, rate in zip(size, own)]
    self.padding = tuple(
        tuple(place.dilation * side for side in self._sides(
            reach, stride, layer.padding == 'same', before))
        for reach, before in zip(self.reach, zeros))

  def _sides(self, reach, stride, is_same, before):
    """Padding of one axis, in steps of the untouched network."""
    if self.widen > 1:  # a result for each place, around it
      # Even kernels look back or ahead, whichever keeps results in their place.
      before = (reach - self._looks_ahead) // 2
      return before, reach - 1 - before
    total = reach - stride if is_same else 0
    if total < 0:  # as many results as a larger kernel beside it has
      return before[0], before[1] + total
    return before[0] + total // 2, before[1] + total - total // 2

  def is_same(self):
    """Whether 'same' is the padding that the new layer has."""
    return self.stride == 1 and all(
        sides == (self.dilation * (reach // 2),) * 2 and reach % 2
        for reach, sides in zip(self.reach, self.padding))

  def offset(self):
    """Steps by which the first result's centre is off the first input."""
    return self.dilation * (self.reach[0] - 1) / 2 - self.padding[0][0]


@keras.saving.register_keras_serializable(package='segsort')
class AtrousPool(keras.layers.Layer):
  """Pools what lies some steps apart; what is outside does not count.

  Attributes:
    kind: 'max' or 'average'.
    size: (height, width) of the pool.
    dilation: steps between what it takes.
    padding: ((top, bottom), (left, right)).
    stride: steps between two pools.
  """

  def __init__(self, kind, size, dilation, padding, stride, **kwargs):
    super().__init__(**kwargs)
    self.kind, self.size, self.dilation = kind, tuple(size), dilation
    self.padding, self.stride = padding, stride

  def call(self, inputs):
    """Returns [B, h, w, C] of [B, H, W, C]."""
    if self.kind == 'max':
      taps = self._taps(inputs, inputs.dtype.min)
      return tf.reduce_max(tf.stack(taps), 0)
    # Sums in float32; the count is smaller at the border.
    inputs = tf.cast(inputs, tf.float32)
    total = tf.add_n(self._taps(inputs, 0))
    count = tf.add_n(self._taps(tf.ones_like(inputs[:1, :, :, :1]), 0))
    return tf.cast(total / tf.maximum(count, 1.), self.compute_dtype)

  def _taps(self, inputs, outside):
    """Returns each place of the pool, [B, h, w, C], for all pools."""
    padded = tf.pad(inputs, [(0, 0), *self.padding, (0, 0)],
                    constant_values=outside)
    reach = [(length - 1) * self.dilation for length in self.size]
    height, width = (tf.shape(padded)[axis + 1] - reach[axis]
                     for axis in range(2))
    step = self.stride
    return [padded[:, y:y + height:step, x:x + width:step]
            for y in range(0, reach[0] + 1, self.dilation)
            for x in range(0, reach[1] + 1, self.dilation)]

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {**super().get_config(), 'kind': self.kind, 'size': self.size,
            'dilation': self.dilation, 'padding': self.padding,
            'stride': self.stride}


@keras.saving.register_keras_serializable(package='segsort')
class Enlarge(keras.layers.Layer):
  """Enlarges a map bilinearly to its images, each value at its pixel.

  The map is of images that were extended to the right and below, and no smaller
  than they.

  Attributes:
    stride: pixels between two values.
    offset: pixels from the images' first one to the centre of the first value.
  """

  def __init__(self, stride, offset, **kwargs):
    super().__init__(**kwargs)
    self.stride, self.offset = stride, offset

  def call(self, inputs):
    """Returns [B, H, W, C] of [B, h, w, C] and images [B, H, W, 3]."""
    values, images = inputs
    if (self.stride, self.offset) == (1, 0):
      height, width = tf.unstack(tf.shape(images)[1:3])
      return values[:, :height, :width]
    rows, columns = (
        self._shares(tf.shape(images)[axis], tf.shape(values)[axis])
        for axis in (1, 2))
    enlarged = tf.einsum('yh,bhwc->bywc', rows, tf.cast(values, tf.float32))
    enlarged = tf.einsum('xw,bywc->byxc', columns, enlarged)
    return tf.cast(enlarged, self.compute_dtype)

  def _shares(self, length, count):
    """Returns f32[length, count], what each value gives to each pixel."""
    pixels = tf.cast(tf.range(length), tf.float32)
    count = tf.cast(count, tf.float32)
    places = tf.clip_by_value(
        (pixels - self.offset) / self.stride, 0., count - 1)
    return tf.nn.relu(1 - tf.abs(places[:, None] - tf.range(count)))

  def compute_output_shape(self, input_shape):
    """Returns (B, H, W, C)."""
    values, images = input_shape
    return (values[0], *images[1:3], values[3])

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {**super().get_config(), 'stride': self.stride,
            'offset': self.offset}


def pad(inputs, padding, name):
  """Pads with zeros, or crops where the padding is below 0."""
  for kind, sign in ((keras.layers.ZeroPadding2D, 1),
                     (keras.layers.Cropping2D, -1)):
    sides = [[max(sign * side, 0) for side in axis] for axis in padding]
    if any(map(any, sides)):
      what = 'pad' if sign > 0 else 'crop'
      inputs = kind(sides, name=f'{name}.{what}')(inputs)
  return inputs


@keras.saving.register_keras_serializable(package='segsort')
class AlignedPadding(keras.layers.Layer):
  """Pads with zeros so that cell i of the features has its centre at pixel 8 i.

  Strided kernels of most networks look right and down: with a cell's centre in
  its last pixel, its label would be that of a neighbour. There are
  ceil(H / 8) rows of cells then, and columns likewise, for any size. Kernels of
  two that have no centre are aligned to half of their reach.

  Attributes:
    offset: pixels that the centre of the first cell is off without padding.
  """

  def __init__(self, offset=0, **kwargs):
    super().__init__(**kwargs)
    self.offset = offset

  def call(self, inputs):
    """Returns [B, h, w, C] of [B, H, W, C]."""
    size = tf.shape(inputs)[1:3]
    cells = -(-size // OUTPUT_STRIDE) * OUTPUT_STRIDE
    after = tf.maximum(cells - size - self.offset, 0)
    before = tf.fill([2], self.offset)
    padding = tf.pad(tf.stack([before, after], 1), [[1, 1], [0, 0]])
    outputs = tf.pad(inputs, padding)
    return tf.ensure_shape(outputs, [*inputs.shape[:1], None, None,
                                     inputs.shape[-1]])

  def compute_output_shape(self, input_shape):
    """Returns (B, None, None, C)."""
    return (input_shape[0], None, None, input_shape[3])

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {**super().get_config(), 'offset': self.offset}
