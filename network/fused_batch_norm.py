"""Batch normalisation by the kernel that TensorFlow has for all of it."""

import keras
import tensorflow as tf

EPSILON = 0.001


@keras.saving.register_keras_serializable(package='segsort')
class FusedBatchNorm(keras.layers.BatchNormalization):
  """Keras' layer, in training by the one kernel that TensorFlow has for it.

  Keras takes the moments apart from what they are for, and keeps an array as
  large as the features from each step of that for the gradient.
  """

  def call(self, inputs, training=None, mask=None):
    """Returns [B, H, W, C] of the type of `inputs`; statistics are float32."""
    is_fused = (training and self.trainable and not self.synchronized and
                mask is None and inputs.shape.rank == 4)
    if not is_fused:
      return super().call(inputs, training=training, mask=mask)
    channels = inputs.shape[3]
    scale = tf.ones(channels) if self.gamma is None else self.gamma
    offset = tf.zeros(channels) if self.beta is None else self.beta
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs, scale=tf.cast(scale, tf.float32),
        offset=tf.cast(offset, tf.float32), mean=tf.zeros([0]),
        variance=tf.zeros([0]), epsilon=self.epsilon, is_training=True)
    # It returns the unbiased one; that of a single value is 0 in both.
    count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
    variance *= (count - 1) / count
    for moving, new in ((self.moving_mean, mean),
                        (self.moving_variance, variance)):
      moving.assign(self.momentum * moving + (1 - self.momentum) * new)
    return outputs
