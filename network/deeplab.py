"""Atrous spatial pyramid pooling head of DeepLab v2 (arXiv:1606.00915)."""

import keras

from network import layers

DILATIONS = (6, 12, 18, 24)


def build_deeplab(features, embedding_dim, scope, normalise=None):
  """Sums four 3x3 convolutions of growing reach.

  Args:
    features: [B, H, W, C].
    embedding_dim: D.
    scope: prefix of the layers' names.
    normalise: unused: this head has no batch normalisation; the argument
      keeps the heads interchangeable.

  Returns:
    [B, H, W, D].
  """
  del normalise
  branches = [
      layers.project(features, embedding_dim, 3, dilation=dilation,
                     name=f'{scope}.fc1_c{index}')
      for index, dilation in enumerate(DILATIONS)]
  return keras.layers.Add(name=f'{scope}.fc1_sum')(branches)
