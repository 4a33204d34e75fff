"""Batch normalisation folded into convolutions, for inference alone.

The moving statistics are constants then, and so conv + normalisation is one
convolution with other weights and a bias.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package='segsort')
class Bias(keras.layers.Layer):
  """Adds a number to each channel; TensorFlow fuses it with a convolution."""

  def build(self, input_shape):
    """Makes the bias f32[C]."""
    self.bias = self.add_weight(
        shape=(input_shape[-1],), initializer='zeros', name='bias')

  def call(self, inputs):
    """Returns [B, H, W, C]."""
    return tf.nn.bias_add(inputs, self.bias)


def fold(model):
  """Returns a network without the normalisations that follow a convolution.

  Others, as those before an activation before a convolution, stay.

  Args:
    model: a functional keras.Model; it stays as it is.

  Returns:
    A keras.Model, with a `Bias` for each normalisation that is gone.
  """
  normalised = _normalised(model)
  normalisations = set(normalised.values())

  def clone(layer):
    config = layer.get_config()
    if layer.name in normalisations:
      return Bias(name=layer.name, dtype=config['dtype'])
    if layer.name in normalised:
      config['use_bias'] = False
    copy = type(layer).from_config(config)
    copy.name = layer.name  # not all layers of users' own take one
    return copy

  def call(layer, *args, **kwargs):
    return layer(*args) if isinstance(layer, Bias) else layer(*args, **kwargs)

  folded = keras.models.clone_model(
      model, clone_function=clone, call_function=call)
  for layer in model.layers:
    if layer.name in normalised:
      kernel, bias = _folded(layer, model.get_layer(normalised[layer.name]))
      folded.get_layer(layer.name).set_weights([kernel])
      folded.get_layer(normalised[layer.name]).set_weights([bias])
    elif layer.name not in normalisations and layer.weights:
      folded.get_layer(layer.name).set_weights(layer.get_weights())
  return folded


def _normalised(model):
  """Returns {convolution: normalisation} of those that are its only reader."""
  kinds = {layer.name: layer for layer in model.layers}
  readers = {}
  for config in model.get_config()['layers']:
    for source in _sources(config['inbound_nodes']):
      readers.setdefault(source, []).append(config['name'])
  return {
      name: reader for name, (reader, *others) in readers.items()
      if not others
      and type(kinds.get(name)) in (keras.layers.Conv2D,
                                    keras.layers.DepthwiseConv2D)
      and kinds[name].activation is keras.activations.linear
      and isinstance(kinds.get(reader), keras.layers.BatchNormalization)}


def _sources(nodes):
  """Yields the names of the layers whose outputs a layer reads."""
  if isinstance(nodes, dict):
    history = nodes.get('keras_history')
    yield from [history[0]] if history else _sources(list(nodes.values()))
  elif isinstance(nodes, (list, tuple)):
    for node in nodes:
      yield from _sources(node)


def _folded(convolution, normalisation):
  """Returns the kernel and the bias of both as one, f32."""
  kernel, *bias = (_float64(one) for one in convolution.weights)
  mean, variance = (_float64(one) for one in (
      normalisation.moving_mean, normalisation.moving_variance))
  scale = tf.math.rsqrt(variance + normalisation.epsilon)
  if normalisation.scale:
    scale *= _float64(normalisation.gamma)
  shift = (sum(bias) - mean) * scale
  if normalisation.center:
    shift += _float64(normalisation.beta)
  # A depthwise kernel's last two axes are the channels.
  kernel *= tf.reshape(scale, [-1, kernel.shape[-1]]
                       if isinstance(convolution, keras.layers.DepthwiseConv2D)
                       else [-1])
  # From float64, so that each weight is rounded once.
  return tf.cast(kernel, tf.float32), tf.cast(shift, tf.float32)


def _float64(variable):
  return tf.cast(tf.convert_to_tensor(variable), tf.float64)
