"""The ASPP head against loops."""

import closeness
import keras
import numpy as np
import pytest

from layer_twins import convolution_twin
from network import deeplab


@pytest.mark.parametrize('size', [(28, 9), (1, 1), (5, 3)])
def test_head_equals_sum_of_dilated_convolutions(size):
  keras.utils.set_random_seed(0)
  images = keras.Input((None, None, 4))
  model = keras.Model(images, deeplab.build_deeplab(images, 3, 'scope'))
  features = np.random.default_rng(0).normal(size=(1, *size, 4))
  features = features.astype(np.float32)
  expected = 0
  for index, dilation in enumerate((6, 12, 18, 24)):
    layer = model.get_layer(f'scope.fc1_c{index}')
    # No larger than what they are added to
    layer.bias.assign([index / 10, 0., .1])
    kernel, bias = (weight.numpy() for weight in layer.weights)
    expected = expected + convolution_twin(features, kernel, bias, dilation)
  closeness.assert_close(model(features), expected)
