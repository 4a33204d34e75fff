"""Contours on a network of Keras: its stages, and where their outputs lie."""

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

from network import contour_model
from network import keras_backbone
from network import keras_graph
from network import sliding


def pyramid(num_pools):
  """A backbone that sees one channel, and means of squares of 2, 4, 8 .. ."""
  images = keras.Input((None, None, 3))
  outputs = keras.layers.Conv2D(1, 1, use_bias=False, name='first')(images)
  for number in range(num_pools):
    outputs = keras.layers.AveragePooling2D(2)(outputs)
    outputs = keras.layers.Conv2D(
        1, 3, padding='same', use_bias=False, name=f'conv{number}')(outputs)
  return keras_backbone.KerasBackbone(
      'pyramid', keras.Model(images, outputs), f'conv{num_pools - 1}',
      ((0.,) * 3, (1.,) * 3, False))


def pass_on(model):
  """Makes all kernels hand on what they are at, the first one red."""
  for layer in model.layers:
    for weights in layer.weights:
      size = weights.shape[:2]
      kernel = np.zeros(weights.shape)
      if len(weights.shape) == 4 and layer.name != 'contours.fuse':
        kernel[size[0] // 2, size[1] // 2, 0] = 1
        weights.assign(kernel)


def test_every_output_is_at_its_pixels():
  """Means of squares of a plane are the plane at the squares' centres."""
  model = contour_model.build_on_backbone(pyramid(5))
  assert model.output_shape == (None, None, None, 6)  # 1 to 16, and the fusion
  pass_on(model)
  rows, columns = np.mgrid[:101, :133]
  plane = 3. * rows - 2. * columns
  image = np.stack([plane, 0 * plane, 0 * plane], -1)
  logits = np.asarray(model(image[None].astype(np.float32)))[0]
  assert logits.shape == (101, 133, 6)
  inside = np.s_[36:-36, 36:-36]
  closeness.assert_close(
      logits[inside], np.repeat(plane[inside][..., None], 6, -1))


def test_enlarge_is_bilinear_between_the_centres(rng):
  values = rng.normal(size=(1, 4, 5, 2)).astype(np.float32)
  enlarged = sliding.Enlarge(3, 1.5)([values, tf.zeros((1, 11, 13, 3))])
  expected = np.zeros((11, 13, 2))
  for y in range(11):
    for x in range(13):
      row, column = (
          min(max((place - 1.5) / 3, 0), count - 1)
          for place, count in ((y, 4), (x, 5)))
      top, left = int(row), int(column)
      below, right = min(top + 1, 3), min(left + 1, 4)
      down, along = row - top, column - left
      expected[y, x] = (
          (1 - down) * ((1 - along) * values[0, top, left]
                        + along * values[0, top, right])
          + down * ((1 - along) * values[0, below, left]
                    + along * values[0, below, right]))
  closeness.assert_close(np.asarray(enlarged)[0], expected)


@pytest.mark.parametrize('name, ends', (
    ('VGG16', ('block1_conv2', 'block2_conv2', 'block3_conv3', 'block4_conv3',
               'block5_conv3')),
    # Of stride 1 it has none, and that of 32 is not HED's.
    ('MobileNetV2', ('block_1_expand_relu', 'block_3_expand_relu',
                     'block_6_expand_relu', 'block_13_expand_relu'))))
def test_outputs_are_of_the_last_layer_at_each_stride(name, ends):
  model = contour_model.build_on_backbone(
      keras_backbone.make_application(name, (0.,) * 3))
  sides = [layer.input._keras_history.operation.name for layer in model.layers
           if layer.name.startswith('contours.side')
           and isinstance(layer, keras.layers.Conv2D)]
  assert sides == [f'{name}.{end}' for end in ends]


def test_networks_without_rules_are_refused():
  images = keras.Input((None, None, 3))
  source = keras.Model(images, keras.layers.UpSampling2D(name='up')(
      keras.layers.Conv2D(4, 3, strides=2, name='down')(images)))
  backbone = keras_backbone.KerasBackbone(
      'mine', source, 'up', ((0.,) * 3, (1.,) * 3, False))
  with pytest.raises(keras_graph.NoRuleError, match='no rule for dilation'):
    contour_model.build_on_backbone(backbone)
