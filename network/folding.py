"""Batch normalisation folded into convolutions, for inference alone.

The moving statistics are constants then, and so conv + normalisation is one
convolution with other weights and a bias.
"""

import keras
import tensorflow as tf

from network import layers

_SUFFIX = '.BatchNorm'  # of a convolution's name is its normalisation's


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


def copy_folded(model, folded):
  """Sets the weights of a network without normalisation, in place.

  Args:
    model: a trained model with convolutions called X and their normalisations
      X.BatchNorm.
    folded: the same architecture, with a `Bias` for each normalisation.
  """
  names = {layer.name for layer in model.layers}
  for layer in model.layers:
    if layer.name.endswith(_SUFFIX):
      continue
    weights = layer.get_weights()
    if layer.name + _SUFFIX in names:
      scale, shift = _scale_and_shift(model.get_layer(layer.name + _SUFFIX))
      # In float64, so that each weight is rounded once.
      weights = [tf.cast(tf.cast(weights[0], tf.float64) * scale, tf.float32)]
      folded.get_layer(layer.name + _SUFFIX).set_weights(
          [tf.cast(shift, tf.float32)])
    if weights:
      folded.get_layer(layer.name).set_weights(weights)


def _scale_and_shift(normalisation):
  """What a normalisation does to each channel, in float64: f64[C] each."""
  gamma, beta, mean, variance = (
      tf.cast(tf.convert_to_tensor(variable), tf.float64) for variable in (
          normalisation.gamma, normalisation.beta, normalisation.moving_mean,
          normalisation.moving_variance))
  scale = gamma * tf.math.rsqrt(variance + layers.BATCH_NORM_EPSILON)
  return scale, beta - mean * scale
