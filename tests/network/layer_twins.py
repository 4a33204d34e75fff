"""Layers once more, as plain loops over numpy arrays."""

import numpy as np


def bilinear_twin(images, size):
  """Resizes [B, H, W, C] with source position i * in / out."""
  height, width = images.shape[1:3]
  outputs = np.zeros((len(images), *size, images.shape[3]))
  for i in range(size[0]):
    for j in range(size[1]):
      y, x = i * height / size[0], j * width / size[1]
      top, left = int(y), int(x)
      bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
      for row, column, share in (
          (top, left, (1 - y + top) * (1 - x + left)),
          (top, right, (1 - y + top) * (x - left)),
          (bottom, left, (y - top) * (1 - x + left)),
          (bottom, right, (y - top) * (x - left))):
        outputs[:, i, j] += share * images[:, row, column]
  return outputs


def pool_twin(inputs, num_bins):
  """Averages [B, H, W, C] into [B, N, N, C]."""
  height, width = inputs.shape[1:3]
  outputs = np.zeros((len(inputs), num_bins, num_bins, inputs.shape[3]))
  for i in range(num_bins):
    top, bottom = i * height // num_bins, -(-(i + 1) * height // num_bins)
    for j in range(num_bins):
      left, right = j * width // num_bins, -(-(j + 1) * width // num_bins)
      outputs[:, i, j] = inputs[:, top:bottom, left:right].mean((1, 2))
  return outputs


def convolution_twin(inputs, kernel, bias, dilation):
  """Convolves [B, H, W, C] with zeros outside."""
  batch, height, width, _ = inputs.shape
  outputs = np.zeros((batch, height, width, kernel.shape[3])) + bias
  for i in range(height):
    for j in range(width):
      for y in range(kernel.shape[0]):
        for x in range(kernel.shape[1]):
          row = i + (y - kernel.shape[0] // 2) * dilation
          column = j + (x - kernel.shape[1] // 2) * dilation
          if 0 <= row < height and 0 <= column < width:
            outputs[:, i, j] += inputs[:, row, column] @ kernel[y, x]
  return outputs
