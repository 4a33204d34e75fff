"""The layers of Keras' networks: their names, and copies of them.

Copies have names that are the same in every process, the normalisation and the
precision of this project, and no dropout.
"""

import keras

# By the names of classes: some of them Keras does not export.
_DROPOUT = {'Dropout', 'SpatialDropout2D', 'GaussianDropout', 'GaussianNoise',
            'AlphaDropout', 'StochasticDepth'}
_PREPROCESSING = {'Rescaling', 'Normalization'}


class NoRuleError(ValueError):
  """A layer that cannot be rebuilt at stride 8."""


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


def parts_of(layer):
  """Returns the layers inside of a layer, or of a model, at any depth."""
  # Keras has no public way to those that are not in `Model.layers`.
  return list(layer._flatten_layers(include_self=False))


class Copying:
  """Copies a graph call by call, as `call_function` of `clone_model`.

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
    self._names = {id(layer): f'{scope}.{name}'
                   for name, layer in names.items()}
    self._normalise = normalise
    self._left_out = _DROPOUT | (
        _PREPROCESSING if has_preprocessing else set())
    self._made = {}  # {id of a layer: (changes, its new layer)}

  def __call__(self, layer, *args, **kwargs):
    """Returns the new output of a layer of the untouched network.

    Raises:
      ValueError: it cannot be rebuilt.
    """
    if isinstance(layer, keras.Sequential):
      for inner in layer.layers:
        args = (self(inner, *args),)
      return args[0]
    kind = type(layer).__name__
    self.latest = args[0] if kind in self._left_out else (
        self._apply(layer, kind, args, kwargs))
    return self.latest

  def _apply(self, layer, kind, args, kwargs):
    """Returns the output of a layer that is not left out."""
    del kind
    return self._remake(layer)(*args, **kwargs)

  def _remake(self, layer, **changes):
    """Returns a layer's new one; where it is shared, the same again."""
    if not isinstance(layer, keras.Layer):
      return layer  # an operation, which has no weights
    if id(layer) not in self._made:
      self._made[id(layer)] = changes, self._make(layer, changes)
    made, new = self._made[id(layer)]
    if made != changes:
      raise NoRuleError(f'layer {layer.name} is called at several strides')
    return new

  def _make(self, layer, changes):
    config, name = {**layer.get_config(), **changes}, self._names[id(layer)]
    if isinstance(layer, keras.layers.BatchNormalization):
      return self._normalise(name=name, **{
          key: config[key] for key in ('epsilon', 'center', 'scale')})
    config.pop('dtype', None)  # that of the policy now
    new = type(layer).from_config(config)
    new.name = name
    return new

  def settle(self):
    """Sets what layers inside of the new ones do in training."""
    ours = self._normalise(name='ours')
    for _, new in self._made.values():
      new.trainable = True
      for part in parts_of(new):
        if isinstance(part, keras.layers.BatchNormalization):
          part.momentum, part.synchronized = ours.momentum, ours.synchronized
        elif type(part).__name__ in _DROPOUT and hasattr(part, 'rate'):
          part.rate = 0.


def run(part, images, copying):
  """Calls the copies of a network's layers on images.

  Args:
    part: a functional keras.Model of images; it stays as it is.
    images: a Keras tensor, [B, H, W, 3].
    copying: a `Copying`.

  Returns:
    The output of the last layer.
  """
  keras.models.clone_model(
      part, images, clone_function=lambda layer: layer, call_function=copying)
  copying.settle()  # some layers make those inside of them when first called
  return copying.latest
