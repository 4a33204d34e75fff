"""Pyramid pooling head of PSPNet (arXiv:1612.01105)."""

import keras

from network import layers

BINS = (1, 2, 3, 6)
# The head is this much narrower than the features, 2048 -> 512, but no narrower
# than that of resnet_small: embeddings of 32 want more than 28 channels.
REDUCTION = 4
MIN_CHANNELS = 64


def build_pspnet(features, embedding_dim, scope, normalise):
  """Adds context of four scales and projects to embeddings.

  Args:
    features: [B, H, W, C].
    embedding_dim: D.
    scope: prefix of the layers' names.
    normalise: a function from `layers.batch_norm`.

  Returns:
    [B, H, W, D].
  """
  channels = max(features.shape[-1] // REDUCTION, MIN_CHANNELS)
  pyramid = [
      build_level(features, channels, num_bins,
                  name=f'{scope}.block5.pool{num_bins}', normalise=normalise)
      for num_bins in BINS]
  # In this order: the next kernel of a released checkpoint goes by it.
  outputs = keras.layers.Concatenate(
      name=f'{scope}.block5.concat')([*pyramid, features])
  outputs = layers.conv_bn_relu(
      outputs, channels, 3, name=f'{scope}.block5.conv2', normalise=normalise)
  return layers.project(
      outputs, embedding_dim, 1, name=f'{scope}.block5.fc1_voc12')


def build_level(features, channels, num_bins, *, name, normalise):
  """Averages into num_bins x num_bins, convolves and resizes back.

  Args:
    features: [B, H, W, C].
    channels: of the result.
    num_bins: bins along each side.
    name: scope of the level's layers.
    normalise: a function from `layers.batch_norm`.

  Returns:
    [B, H, W, channels].
  """
  pooled = layers.AdaptiveAveragePool(num_bins, name=f'{name}.pool')(features)
  pooled = layers.conv_bn_relu(
      pooled, channels, 1, name=f'{name}.conv1', normalise=normalise)
  return layers.ResizeLike(name=f'{name}.ResizeBilinear')([pooled, features])
