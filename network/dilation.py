"""Convolutional networks of Keras, rebuilt to keep the resolution of stride 8.

A layer that would go beyond stride 8 goes in steps of one instead, and the
kernels after it are dilated by its stride. Some of the values are then those of
the untouched network, the others lie between them. Two things differ from it:

- Padding 'same' of a strided layer depends on the size of its input. Here it is
  that of even sizes, for any size, so that features stay in their place.
- Squeeze-and-excitation averages over the dense map.

Layers of dropout are left out. What there is no rule for is taken as it is, by
`untouched.py`.
"""

import keras

from network import keras_graph
from network import sliding
from network.keras_graph import NoRuleError
from network.sliding import Place

# By the names of classes: some of them Keras does not export.
_CONVOLUTIONS = {'Conv2D', 'DepthwiseConv2D', 'SeparableConv2D'}
_POOLS = {'MaxPooling2D': 'max', 'AveragePooling2D': 'average'}
_GLOBAL = {'GlobalAveragePooling2D', 'GlobalMaxPooling2D'}
_POINTWISE = {
    'Activation', 'ReLU', 'LeakyReLU', 'ELU', 'Softmax', 'Identity',
    'Add', 'Subtract', 'Multiply', 'Average', 'Maximum', 'Minimum',
    'Concatenate', 'TrueDivide', 'Rescaling', 'Normalization', 'Dense',
    'LayerNormalization', 'GroupNormalization', 'LayerScale'}


class Rebuilding(keras_graph.Copying):
  """Copies a graph with dilations in place of strides beyond 8."""

  def __init__(self, *arguments):
    """Takes what `Copying` takes."""
    super().__init__(*arguments)
    self._places = {}  # {id of a tensor: (the tensor, its `Place`)}
    self._padded = {}  # {id: (tensor with zeros, without, padding)}
    self._ends = {}  # {stride of the untouched network: (tensor, `Place`)}

  def place(self, *tensors):
    """Returns the `Place` of tensors that are combined."""
    return max(self._places.get(id(tensor), (tensor, Place()))[1]
               for tensor in tensors)

  def stages(self):
    """Returns [(tensor, its `Place`)], the last one at each stride, from 1 on.

    The stride is that of the untouched network; images themselves are none.
    """
    return [self._ends[stride] for stride in sorted(self._ends)]

  def _apply(self, layer, kind, args, kwargs):
    """Returns the output of a layer.

    Raises:
      NoRuleError: it cannot be rebuilt.
    """
    inputs = [one for one in keras.tree.flatten(args)
              if isinstance(one, keras.KerasTensor)]
    place = self.place(*inputs)
    if kind in _CONVOLUTIONS or kind in _POOLS:
      return self._slide(layer, kind, *inputs)
    if kind == 'ZeroPadding2D' and place.stride:
      return self._pad(layer, inputs[0], place)
    if isinstance(layer, keras.Model):
      raise NoRuleError(
          f'{layer.name} is a network inside of the network, which alone, by '
          f'model.get_layer({layer.name!r}).save(FILE), might be rebuilt')
    if kind in _GLOBAL:
      place = Place(0)
    elif not (kind in _POINTWISE or not place.stride or
              isinstance(layer, keras.layers.BatchNormalization)):
      raise NoRuleError(
          f'layer {layer.name} ({kind}) has no rule for dilation')
    outputs = self._put(self._remake(layer)(*args, **kwargs), place)
    if self._ends:
      self._end(outputs, place)
    return outputs

  def _end(self, tensor, place):
    if place.stride:
      self._ends[place.stride * place.dilation] = tensor, place

  def _put(self, tensor, place):
    self._places[id(tensor)] = tensor, place
    return tensor

  def _pad(self, layer, inputs, place):
    """Pads, and remembers it: a layer that slides pads in its own way."""
    padding = layer.padding
    wide = [[place.dilation * side for side in axis] for axis in padding]
    outputs = self._put(self._remake(layer, padding=wide)(inputs), place)
    self._padded[id(outputs)] = outputs, inputs, padding
    return outputs

  def _slide(self, layer, kind, inputs):
    """Applies a convolution or a pool."""
    _, inputs, zeros = self._padded.get(
        id(inputs), (None, inputs, ((0, 0), (0, 0))))
    place = self.place(inputs)
    window = sliding.Window(layer, place, zeros)
    place = Place(place.stride * window.stride, place.dilation * window.widen,
                  place.offset + place.stride * window.offset())
    name, padding = self._names[id(layer)], window.padding
    is_pool, is_same = kind in _POOLS, window.is_same()
    # What a pool finds outside does not count, but for zeros of a layer.
    if min(map(min, padding)) < 0 or (
        any(map(any, zeros)) if is_pool else not is_same):
      inputs = sliding.pad(inputs, padding, name)
      padding = ((0, 0), (0, 0))
    if not is_pool:
      outputs = self._remake(
          layer, strides=window.stride, dilation_rate=window.rates,
          padding='same' if is_same else 'valid')(inputs)
    elif window.reach == [1, 1] and window.stride == 1:
      outputs = inputs  # it only subsampled
    elif window.dilation == window.widen == 1 and not any(map(any, padding)):
      outputs = self._remake(layer, padding='valid')(inputs)
    else:
      outputs = sliding.AtrousPool(
          _POOLS[kind], layer.pool_size, window.dilation, padding,
          window.stride, name=name)(inputs)
    self._end(outputs, place)
    return self._put(outputs, place)


def rebuild(source, features, scope, images, normalise, has_preprocessing):
  """Rebuilds a network up to a layer, its features at stride 8.

  Args:
    source: a functional or sequential keras.Model of images; it stays as it is.
    features: canonical name of the layer, see `names_of`.
    scope: prefix of the new layers' names.
    images: [B, H, W, 3] as the network wants them, a Keras tensor.
    normalise: a function from `layers.batch_norm`.
    has_preprocessing: whether layers that scale images are left out.

  Returns:
    [B, ceil(H / 8), ceil(W / 8), C], a Keras tensor.

  Raises:
    NoRuleError: a layer that cannot be rebuilt.
    ValueError: features of another stride.
  """
  rebuilding, aligned, outputs = _rebuild(
      source, features, scope, images, normalise, has_preprocessing)
  place = rebuilding.place(outputs)
  if place.stride != sliding.OUTPUT_STRIDE:
    raise ValueError(
        f'layer {features} has stride {place.stride or "none"}, not '
        f'{sliding.OUTPUT_STRIDE} or more; name a later layer')
  # From 8 on there would be a cell too many.
  aligned.offset = min(max(int(place.offset), 0), sliding.OUTPUT_STRIDE - 1)
  return outputs


def rebuild_stages(
    source, features, scope, images, normalise, has_preprocessing):
  """Rebuilds a network as `rebuild`, for what it has at each stride.

  Images are only extended to the right and below.

  Returns:
    A list of ([B, ceil(H / s), ceil(W / s), C], its `Place`), the last layer
    at each stride of the untouched network up to `features`; s is 8 at most.

  Raises:
    NoRuleError: a layer that cannot be rebuilt.
  """
  rebuilding, *_ = _rebuild(
      source, features, scope, images, normalise, has_preprocessing)
  return rebuilding.stages()


def _rebuild(source, features, scope, images, normalise, has_preprocessing):
  """Returns a `Rebuilding` of a graph, what pads images, and the output."""
  names = keras_graph.names_of(source)
  part = keras.Model(source.inputs[0], names[features].output)
  rebuilding = Rebuilding(names, scope, normalise, has_preprocessing)
  aligned = sliding.AlignedPadding(name=f'{scope}.align')
  outputs = keras_graph.run(part, aligned(images), rebuilding)
  return rebuilding, aligned, outputs
