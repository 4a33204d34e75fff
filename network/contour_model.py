"""Side-output edge networks, after HED (Xie and Tu, ICCV 2015).

The small one has four stages of convolutions, each at half the size of the one
before; a 1x1 convolution after each predicts contours, enlarged to the image's
size; their fusion is a fifth prediction. That on a backbone has one for each of
its strides. All are trained by class-balanced cross-entropy.

Shapes: B batch  H height  W width  O side outputs and their fusion
"""

import keras
import tensorflow as tf

from network import layers
from network import sliding

CHANNELS = 24, 48, 96, 128
NUM_CONVOLUTIONS = 2  # a stage
NUM_OUTPUTS = len(CHANNELS) + 1
MEAN, SCALE = 117., 1 / 58.  # of pixels
MAX_STRIDE = 16  # of a backbone's side outputs: HED's deepest
# Short runs: .9997 would take tens of thousands of steps.
BATCH_NORM_DECAY = .97


def build_contour_model(channels=CHANNELS):
  """Builds the network for images of any size, 0.4 million parameters.

  Args:
    channels: of each stage.

  Returns:
    A keras.Model: f32[B, H, W, 3], RGB 0..255 -> logits f32[B, H, W, O], the
    fusion last.
  """
  images = keras.Input((None, None, 3), name='images')
  normalise = layers.batch_norm(BATCH_NORM_DECAY)
  features = keras.layers.Rescaling(
      SCALE, -MEAN * SCALE, name='pixels')(images)
  sides = []
  for stage, width in enumerate(channels, 1):
    for unit in range(1, NUM_CONVOLUTIONS + 1):
      stride = 2 if stage > 1 and unit == 1 else 1
      features = layers.conv_bn_relu(
          features, width, 3, stride=stride, normalise=normalise,
          name=f'contours.stage{stage}.conv{unit}')
    side = _side(features, stage)
    sides.append(layers.ResizeLike(name=f'contours.up{stage}')([side, images]))
  return _fuse(images, sides)


def build_on_backbone(backbone):
  """Builds the network on one of Keras, with an output after each stage.

  As HED on VGG16, but that strides beyond 8 are dilations.

  Args:
    backbone: a `keras_backbone.KerasBackbone` of mean-subtracted images whose
      mean is 0.

  Returns:
    As `build_contour_model`; an output for each stride of the untouched network
    up to MAX_STRIDE.

  Raises:
    NoRuleError: a layer that cannot be rebuilt.
  """
  images = keras.Input((None, None, 3), name='images')
  sides = []
  for stage, (features, place) in enumerate(
      backbone.stages(images, layers.batch_norm(BATCH_NORM_DECAY)), 1):
    if place.stride * place.dilation > MAX_STRIDE:
      break
    sides.append(sliding.Enlarge(
        place.stride, place.offset, name=f'contours.up{stage}')(
            [_side(features, stage), images]))
  return _fuse(images, sides)


def _side(features, stage):
  """Returns the logits [B, h, w, 1] of a stage."""
  return layers.project(features, 1, 1, name=f'contours.side{stage}')


def _fuse(images, sides):
  """Returns the model of images to side outputs [B, H, W, 1] and their sum."""
  together = keras.layers.Concatenate(name='contours.sides')(sides)
  # Starts as the mean of the side outputs, as HED's.
  fused = keras.layers.Conv2D(
      1, 1, name='contours.fuse',
      kernel_initializer=keras.initializers.Constant(1 / len(sides)))(together)
  logits = keras.layers.Concatenate(
      name='contours.logits', dtype='float32')([together, fused])
  return keras.Model(images, logits, name='contour_model')


def balanced_cross_entropy(logits, contours):
  """Class-balanced cross-entropy, summed over outputs (HED, eq. 2).

  Args:
    logits: f32[B, H, W, O].
    contours: f32[B, H, W], 1 on contours, 0 off them, -1 left out.

  Returns:
    f32[]: contours and the rest count half each, however rare contours are;
    0 where nothing counts.
  """
  on = tf.cast(contours > 0, tf.float32)[..., None]
  off = tf.cast(tf.equal(contours, 0), tf.float32)[..., None]
  num_on, num_off = tf.reduce_sum(on), tf.reduce_sum(off)
  share_on = tf.math.divide_no_nan(num_on, num_on + num_off)
  weights = on * (1 - share_on) + off * share_on
  losses = tf.nn.sigmoid_cross_entropy_with_logits(
      tf.broadcast_to(on, tf.shape(logits)), logits)
  total = tf.reduce_sum(losses * weights)
  return tf.math.divide_no_nan(total, tf.reduce_sum(weights))


def detect(model, image):
  """Returns f32[1, H, W], the fused contour probability of u8[H, W, 3]."""
  logits = model(tf.cast(image, tf.float32)[None], training=False)
  return tf.sigmoid(logits[..., -1]).numpy()
