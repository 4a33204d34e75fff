"""Convolution blocks, pyramid pooling and the one resize of the project.

Shapes:

    B batch  H height  W width  C channels  N bins
"""

import functools

import keras
import tensorflow as tf

from network import fused_batch_norm


def resize_bilinear(images, size):
  """Resizes as the TF1 release does: source position = i * in / out.

  `tf.image.resize` aligns half pixels instead and gives other values.

  Args:
    images: [B, H, W, C] of any real type.
    size: (height, width) of the result; ints or i32[2].

  Returns:
    f32[B, height, width, C]. Always float32: under XLA the gradient of this
    resize fails on half precision.
  """
  return tf.raw_ops.ResizeBilinear(
      images=tf.cast(images, tf.float32), size=tf.cast(size, tf.int32),
      align_corners=False, half_pixel_centers=False)


def resize_nearest(labels, size):
  """Resizes as the TF1 release does: source index = floor(i * in / out).

  Args:
    labels: [B, H, W, C] of any real type.
    size: (height, width) of the result; ints or i32[2].

  Returns:
    [B, height, width, C] of the type of `labels`.
  """
  return tf.raw_ops.ResizeNearestNeighbor(
      images=labels, size=tf.cast(size, tf.int32),
      align_corners=False, half_pixel_centers=False)


def averaging_matrix(length, num_bins):
  """Makes the matrix that averages `length` values into `num_bins` bins.

  Bin i covers floor(i * length / num_bins) up to, not including,
  ceil((i + 1) * length / num_bins). Where num_bins divides length these are
  the release's bins; elsewhere neighbours share a value, and no bin is empty
  however short the input.

  Args:
    length: int or i32[], at least 1.
    num_bins: int.

  Returns:
    f32[N, length]; each row sums to 1.
  """
  bins = tf.range(num_bins)[:, None]
  position = tf.range(length)[None, :]
  start = bins * length // num_bins
  end = ((bins + 1) * length + num_bins - 1) // num_bins
  inside = tf.cast((position >= start) & (position < end), tf.float32)
  return inside / tf.reduce_sum(inside, axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package='segsort')
class AdaptiveAveragePool(keras.layers.Layer):
  """Averages [B, H, W, C] into [B, N, N, C] for any height and width.

  Attributes:
    num_bins: bins along each side.
  """

  def __init__(self, num_bins, **kwargs):
    super().__init__(**kwargs)
    self.num_bins = num_bins

  def call(self, inputs):
    """Returns [B, N, N, C]; the sums are taken in float32."""
    size = tf.shape(inputs)
    rows = averaging_matrix(size[1], self.num_bins)
    columns = averaging_matrix(size[2], self.num_bins)
    pooled = tf.einsum('nh,bhwc->bnwc', rows, tf.cast(inputs, tf.float32))
    pooled = tf.einsum('mw,bnwc->bnmc', columns, pooled)
    return tf.cast(pooled, self.compute_dtype)

  def compute_output_shape(self, input_shape):
    """Returns (B, N, N, C)."""
    return (input_shape[0], self.num_bins, self.num_bins, input_shape[3])

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {**super().get_config(), 'num_bins': self.num_bins}


@keras.saving.register_keras_serializable(package='segsort')
class ResizeLike(keras.layers.Layer):
  """Resizes the first input bilinearly to the size of the second."""

  def call(self, inputs):
    """Returns [B, H, W, C], C of the first and H, W of the second input."""
    images, reference = inputs
    resized = resize_bilinear(images, tf.shape(reference)[1:3])
    return tf.cast(resized, self.compute_dtype)

  def compute_output_shape(self, input_shape):
    """Returns (B, H, W, C)."""
    images, reference = input_shape
    return (images[0], reference[1], reference[2], images[3])


def shift(inputs, rows, columns):
  """Reads `rows` further down and `columns` further right; outside is 0.

  Args:
    inputs: [B, H, W, C].
    rows: int of either sign and any size.
    columns: int of either sign and any size.

  Returns:
    [B, H, W, C]; outputs[:, i, j] = inputs[:, i + rows, j + columns].
  """
  size = tf.shape(inputs)[1:3]
  offset = tf.constant([rows, columns])
  # Clipped to the size: nothing remains of a shift beyond the border.
  before = tf.minimum(tf.maximum(-offset, 0), size)
  after = tf.minimum(tf.maximum(offset, 0), size)
  inside = inputs[:, after[0]:size[0] - before[0],
                  after[1]:size[1] - before[1]]
  padding = tf.stack([before, after], axis=1)
  padding = tf.pad(padding, [[1, 1], [0, 0]])
  outputs = tf.pad(inside, padding)
  outputs.set_shape(inputs.shape)
  return outputs


@keras.saving.register_keras_serializable(package='segsort')
class AtrousConv2D(keras.layers.Conv2D):
  """A dilated convolution as one matrix product and a shift per tap.

  TensorFlow rearranges space into batch instead, which pads small features
  to many times their size where the dilation is large (12x12 with dilation 24
  to 72x72). Taps cost memory for kernel area x filters channels: for
  convolutions to few channels. Stride 1, padding 'same', odd kernels.
  """

  def convolution_op(self, inputs, kernel):
    """Returns [B, H, W, filters], without bias."""
    taps = tf.einsum('bhwc,yxcd->yxbhwd', inputs, kernel)
    height, width = self.kernel_size
    row_step, column_step = self.dilation_rate
    return tf.add_n([
        shift(taps[y, x], (y - height // 2) * row_step,
              (x - width // 2) * column_step)
        for y in range(height) for x in range(width)])


def batch_norm(decay, synchronized=False):
  """Fixes the batch normalisation of one part of the network.

  Args:
    decay: of the moving statistics. The release's 0.9997 takes ten thousand
      steps to converge; short runs from scratch want 0.99 or less.
    synchronized: whether replicas share their batch statistics.

  Returns:
    A function (name) -> keras layer. The moving variance follows the biased
    variance of the batch, as in the release.
  """
  return functools.partial(
      fused_batch_norm.FusedBatchNorm, momentum=decay,
      epsilon=fused_batch_norm.EPSILON, synchronized=synchronized)


def convolve(inputs, channels, kernel_size, *, name, stride=1, dilation=1):
  """Convolves without bias; a strided kernel pads both sides alike.

  'same' padding of a strided convolution would pad bottom and right only, or
  not, depending on the size: features would shift with the input's parity.

  Args:
    inputs: [B, H, W, C].
    channels: of the result.
    kernel_size: odd side of the kernel.
    name: of the layer.
    stride: of the kernel; dilation must be 1 where it is not.
    dilation: of the kernel.

  Returns:
    [B, ceil(H / stride), ceil(W / stride), channels].
  """
  padding = 'same'
  if stride > 1 and kernel_size > 1:
    padding = 'valid'
    inputs = keras.layers.ZeroPadding2D(
        (kernel_size - 1) // 2, name=f'{name}.pad')(inputs)
  # Keras' layer: `tf.nn.conv2d` has no gradient on CPUs where it is dilated.
  return keras.layers.Conv2D(
      channels, kernel_size, strides=stride, padding=padding,
      dilation_rate=dilation, use_bias=False,
      kernel_initializer=keras.initializers.HeNormal(), name=name)(inputs)


def conv_bn(inputs, channels, kernel_size, *, name, normalise, **kernel):
  """Convolves and normalises: [B, H, W, C] -> [B, H', W', channels].

  Args:
    inputs: [B, H, W, C].
    channels: of the result.
    kernel_size: odd side of the kernel.
    name: of the convolution; the normalisation is `name`.BatchNorm.
    normalise: a function from `batch_norm`.
    **kernel: stride and dilation.
  """
  outputs = convolve(inputs, channels, kernel_size, name=name, **kernel)
  return normalise(name=f'{name}.BatchNorm')(outputs)


def conv_bn_relu(inputs, channels, kernel_size, *, name, normalise, **kernel):
  """The same as `conv_bn`, then ReLU under the name `name`.Relu."""
  outputs = conv_bn(
      inputs, channels, kernel_size, name=name, normalise=normalise, **kernel)
  return keras.layers.ReLU(name=f'{name}.Relu')(outputs)


def project(inputs, channels, kernel_size, *, name, dilation=1):
  """Convolves with bias: the last, linear layer of a head.

  Args:
    inputs: [B, H, W, C].
    channels: of the result.
    kernel_size: odd side of the kernel.
    name: of the layer.
    dilation: of the kernel.

  Returns:
    [B, H, W, channels].
  """
  convolution = AtrousConv2D if dilation > 1 else keras.layers.Conv2D
  return convolution(
      channels, kernel_size, padding='same', dilation_rate=dilation,
      kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
      name=name)(inputs)
