"""ResNet v1 with dilated convolutions ("DeepLab" ResNet), output stride 8."""

import dataclasses

import keras

from network import layers

# Strides of stem and pool times these = output stride 8. Blocks 3 and 4 widen
# their kernels instead of shrinking their inputs, in every unit as the release.
STRIDES = (2, 1, 1, 1)
DILATIONS = (1, 1, 2, 4)
BOTTLENECK_FACTOR = 4  # a block is this much wider than its 3x3 convolutions


@dataclasses.dataclass(frozen=True)
class Architecture:
  """Sizes of a ResNet.

  Attributes:
    stem_kernel: side of the kernel of conv1.
    stem_channels: of conv1.
    widths: output channels of the four blocks.
    num_units: bottleneck units of the four blocks.
  """

  stem_kernel: int
  stem_channels: int
  widths: tuple
  num_units: tuple


ARCHITECTURES = {
    'resnet_v1_101': Architecture(7, 64, (256, 512, 1024, 2048), (3, 4, 23, 3)),
    'resnet_v1_50': Architecture(7, 64, (256, 512, 1024, 2048), (3, 4, 6, 3)),
    # For CPUs: trains from scratch in minutes.
    'resnet_small': Architecture(3, 16, (32, 64, 128, 256), (1, 1, 2, 1)),
}


def build_resnet(images, backbone, normalise):
  """Extracts features.

  Args:
    images: [B, H, W, 3], mean-subtracted RGB.
    backbone: a key of ARCHITECTURES; also the scope of the layers' names.
    normalise: a function from `layers.batch_norm`.

  Returns:
    [B, ceil(H / 8), ceil(W / 8), C], C the width of the last block.
  """
  architecture = ARCHITECTURES[backbone]
  features = layers.conv_bn_relu(
      images, architecture.stem_channels, architecture.stem_kernel, stride=2,
      name=f'{backbone}.conv1', normalise=normalise)
  # Zeros are as good as minus infinity here: the input is not negative.
  features = keras.layers.ZeroPadding2D(
      1, name=f'{backbone}.pool1.pad')(features)
  features = keras.layers.MaxPooling2D(
      3, strides=2, name=f'{backbone}.pool1')(features)
  plan = zip(architecture.widths, architecture.num_units, STRIDES, DILATIONS)
  for index, (width, num_units, stride, dilation) in enumerate(plan, start=1):
    for unit in range(1, num_units + 1):
      features = build_unit(
          features, width, shortcut='convolution' if unit == 1 else 'identity',
          # As in TF-Slim and the release, a block strides in its last unit.
          stride=stride if unit == num_units else 1, dilation=dilation,
          name=f'{backbone}.block{index}.unit_{unit}.bottleneck_v1',
          normalise=normalise)
  return features


def build_unit(inputs, width, *, shortcut, stride, dilation, name, normalise):
  """Applies one bottleneck unit: relu(shortcut + 1x1, 3x3, 1x1).

  Args:
    inputs: [B, H, W, C].
    width: channels of the result.
    shortcut: 'convolution' (1x1 and batch normalisation) or 'identity'.
    stride: of the 3x3 convolution and of the shortcut.
    dilation: of the 3x3 convolution.
    name: scope of the unit's layers.
    normalise: a function from `layers.batch_norm`.

  Returns:
    [B, ceil(H / stride), ceil(W / stride), width].
  """
  if shortcut == 'convolution':
    skipped = layers.conv_bn(
        inputs, width, 1, stride=stride, name=f'{name}.shortcut',
        normalise=normalise)
  else:
    skipped = subsample(inputs, stride, f'{name}.shortcut')
  depth = width // BOTTLENECK_FACTOR
  residual = layers.conv_bn_relu(
      inputs, depth, 1, name=f'{name}.conv1', normalise=normalise)
  residual = layers.conv_bn_relu(
      residual, depth, 3, stride=stride, dilation=dilation,
      name=f'{name}.conv2', normalise=normalise)
  residual = layers.conv_bn(
      residual, width, 1, name=f'{name}.conv3', normalise=normalise)
  total = keras.layers.Add(name=f'{name}.add')([skipped, residual])
  return keras.layers.ReLU(name=f'{name}.relu')(total)


def subsample(inputs, stride, name):
  """Keeps every stride-th row and column, the first ones included."""
  if stride == 1:
    return inputs
  return keras.layers.MaxPooling2D(
      1, strides=stride, padding='same', name=name)(inputs)
