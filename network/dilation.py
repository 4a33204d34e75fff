"""Convolutional networks of Keras, rebuilt to keep the resolution of stride 8.

A layer that would go beyond stride 8 goes in steps of one instead, and the
kernels after it are dilated by its stride. Some of the values are then those of
the untouched network, the others lie between them. Two things differ from it:

- Padding 'same' of a strided layer depends on the size of its input. Here it is
  that of even sizes, for any size, so that features stay in their place.
- Squeeze-and-excitation averages over the dense map.

Layers of dropout are left out.
"""

import keras

from network import sliding
from network.sliding import Place

# By the names of classes: some of them Keras does not export.
_LEFT_OUT = {'Dropout', 'SpatialDropout2D', 'GaussianDropout', 'GaussianNoise',
             'AlphaDropout', 'StochasticDepth'}
_CONVOLUTIONS = {'Conv2D', 'DepthwiseConv2D', 'SeparableConv2D'}
_POOLS = {'MaxPooling2D': 'max', 'AveragePooling2D': 'average'}
_GLOBAL = {'GlobalAveragePooling2D', 'GlobalMaxPooling2D'}
_POINTWISE = {
    'Activation', 'ReLU', 'LeakyReLU', 'ELU', 'Softmax', 'Identity',
    'Add', 'Subtract', 'Multiply', 'Average', 'Maximum', 'Minimum',
    'Concatenate', 'TrueDivide', 'Rescaling', 'Normalization', 'Dense',
    'LayerNormalization', 'GroupNormalization', 'LayerScale'}
_PREPROCESSING = {'Rescaling', 'Normalization'}


def flat_layers(model):
  """Returns the layers of a model, those of a Sequential in its place."""
  layers = []
  for layer in model.layers:
    inner = isinstance(layer, keras.Sequential)
    layers += flat_layers(layer) if inner else [layer]
  return layers


def canonical_names(names_and_kinds):
  """Names layers the same in every process.

  Keras numbers layers without a name through the whole process: `re_lu_18`.
  Here the first of a model is `re_lu`, the next `re_lu_1`.

  Args:
    names_and_kinds: (name, name of the class) of each layer.

  Returns:
    A list of names.
  """
  counts, names = {}, []
  for name, kind in names_and_kinds:
    stem = name.rstrip('0123456789').rstrip('_')
    if stem.replace('_', '') == kind.replace('_', '').lower():
      number = counts.get(stem, 0)
      counts[stem] = number + 1
      name = f'{stem}_{number}' if number else stem
    # Dots become slashes in checkpoints, and heads are known by these names.
    name = name.replace('.', '_').replace('/', '_')
    if name == 'block5' or name.startswith('fc1_c'):
      name = f'_{name}'
    names.append(name)
  return names


def names_of(model):
  """Returns {canonical name: layer} of a Keras model."""
  layers = flat_layers(model)
  return dict(zip(canonical_names(
      (layer.name, type(layer).__name__) for layer in layers), layers))


class Rebuilding:
  """Rebuilds a graph call by call, as `call_function` of `clone_model`.

  Attributes:
    latest: output of the latest call, at last the output of the graph.
  """

  def __init__(self, names, scope, normalise, has_preprocessing):
    """Takes what all layers share.

    Args:
      names: of `names_of`.
      scope: prefix of the new layers' names.
      normalise: a function from `layers.batch_norm`.
      has_preprocessing: whether layers that scale images are left out.
    """
    self.latest = None
    self._places = {}  # {id of a tensor: (the tensor, its `Place`)}
    self._names = {id(layer): f'{scope}.{name}'
                   for name, layer in names.items()}
    self._normalise = normalise
    self._left_out = _LEFT_OUT | (
        _PREPROCESSING if has_preprocessing else set())
    self._made = {}  # {id of a layer: (changes, its new layer)}
    self._padded = {}  # {id: (tensor with zeros, without, padding)}

  def place(self, *tensors):
    """Returns the `Place` of tensors that are combined."""
    return max(self._places.get(id(tensor), (tensor, Place()))[1]
               for tensor in tensors)

  def __call__(self, layer, *args, **kwargs):
    """Returns the new output of a layer of the untouched network.

    Raises:
      ValueError: it cannot be rebuilt.
    """
    if isinstance(layer, keras.Sequential):
      for inner in layer.layers:
        args = (self(inner, *args),)
      return args[0]
    self.latest = self._apply(layer, type(layer).__name__, args, kwargs)
    return self.latest

  def _apply(self, layer, kind, args, kwargs):
    if kind in self._left_out:
      return args[0]
    inputs = [one for one in keras.tree.flatten(args)
              if isinstance(one, keras.KerasTensor)]
    place = self.place(*inputs)
    if kind in _CONVOLUTIONS or kind in _POOLS:
      return self._slide(layer, kind, *inputs)
    if kind == 'ZeroPadding2D' and place.stride:
      return self._pad(layer, inputs[0], place)
    if isinstance(layer, keras.Model):
      raise ValueError(
          f'{layer.name} is a network inside of the network; save that one '
          f'alone, by model.get_layer({layer.name!r}).save(FILE)')
    if kind in _GLOBAL:
      place = Place(0)
    elif not (kind in _POINTWISE or not place.stride or
              isinstance(layer, keras.layers.BatchNormalization)):
      raise ValueError(
          f'layer {layer.name} ({kind}) has no rule for dilation; name an '
          'earlier layer')
    return self._put(self._remake(layer)(*args, **kwargs), place)

  def _put(self, tensor, place):
    self._places[id(tensor)] = tensor, place
    return tensor

  def _remake(self, layer, **changes):
    """Returns a layer's new one; where it is shared, the same again."""
    if not isinstance(layer, keras.Layer):
      return layer  # an operation, which has no weights
    if id(layer) not in self._made:
      self._made[id(layer)] = changes, self._make(layer, changes)
    made, new = self._made[id(layer)]
    if made != changes:
      raise ValueError(
          f'layer {layer.name} is called at several strides; name an earlier '
          'layer')
    return new

  def _make(self, layer, changes):
    config = {**layer.get_config(), **changes, 'trainable': True}
    name = self._names[id(layer)]
    if isinstance(layer, keras.layers.BatchNormalization):
      return self._normalise(name=name, **{
          key: config[key] for key in ('epsilon', 'center', 'scale')})
    del config['dtype']  # that of the policy now
    return type(layer).from_config({**config, 'name': name})

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
    ValueError: a layer that cannot be rebuilt, or features of another stride.
  """
  names = names_of(source)
  part = keras.Model(source.inputs[0], names[features].output)
  rebuilding = Rebuilding(names, scope, normalise, has_preprocessing)
  aligned = sliding.AlignedPadding(name=f'{scope}.align')
  keras.models.clone_model(
      part, aligned(images), clone_function=lambda layer: layer,
      call_function=rebuilding)
  outputs = rebuilding.latest
  place = rebuilding.place(outputs)
  if place.stride != sliding.OUTPUT_STRIDE:
    raise ValueError(
        f'layer {features} has stride {place.stride or "none"}, not '
        f'{sliding.OUTPUT_STRIDE} or more; name a later layer')
  # From 8 on there would be a cell too many.
  aligned.offset = min(max(int(place.offset), 0), sliding.OUTPUT_STRIDE - 1)
  return outputs
