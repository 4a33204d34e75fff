"""The embedding network (ResNet, PSP head) in PyTorch, from weights by name.

What `network.build_embedding_model` builds in Keras; see torch_twin.py.
"""

import torch
import torch.nn.functional as F

EPSILON = 1e-3  # of batch normalisation


class Network:
  """The network as a function of its weights, named as the programs' are."""

  def __init__(self, tensors, settings, training):
    """Takes tensors by name; kernels are put in PyTorch's order."""
    self.scope, self.training = settings['backbone'], training
    self.weights = {}
    for name, value in tensors.items():
      if name.startswith(self.scope) and not name.endswith('Momentum'):
        if value.dim() == 4:
          value = value.permute(3, 2, 0, 1).contiguous(
              memory_format=torch.channels_last)
        self.weights[name] = value
    if training:
      for name, value in self.weights.items():
        value.requires_grad_('moving_' not in name)

  def __call__(self, images):
    """Returns [B, D, h, w] of [B, 3, H, W]."""
    features = F.relu(self._conv(images, 'conv1', stride=2))
    features = F.max_pool2d(F.pad(features, (1, 1, 1, 1)), 3, 2)
    for block, dilation in enumerate((1, 1, 2, 4), 1):
      units = [unit for unit in range(1, 99)
               if f'{self._unit(block, unit)}/conv1/weights' in self.weights]
      for unit in units:
        stride = 2 if block == 1 and unit == len(units) else 1
        features = self._bottleneck(
            features, f'block{block}/unit_{unit}/bottleneck_v1', stride,
            dilation)
    pyramid = []
    for bins in (1, 2, 3, 6):
      pooled = F.adaptive_avg_pool2d(features.float(), bins)
      pooled = F.relu(self._conv(pooled, f'block5/pool{bins}/conv1'))
      pyramid.append(resize(pooled.float(), features.shape[2:]))
    features = torch.cat(
        [*(level.to(features.dtype) for level in pyramid), features], 1)
    features = F.relu(self._conv(features, 'block5/conv2'))
    name = f'{self.scope}/block5/fc1_voc12'
    return F.conv2d(features, self.weights[f'{name}/weights'],
                    self.weights[f'{name}/biases'])

  def _unit(self, block, unit):
    return f'{self.scope}/block{block}/unit_{unit}/bottleneck_v1'

  def _bottleneck(self, inputs, name, stride, dilation):
    if f'{self.scope}/{name}/shortcut/weights' in self.weights:
      skipped = self._conv(inputs, f'{name}/shortcut', stride=stride)
    else:
      skipped = inputs[:, :, ::stride, ::stride]
    residual = F.relu(self._conv(inputs, f'{name}/conv1'))
    residual = F.relu(self._conv(
        residual, f'{name}/conv2', stride=stride, dilation=dilation))
    return F.relu(skipped + self._conv(residual, f'{name}/conv3'))

  def _conv(self, inputs, name, stride=1, dilation=1):
    """Convolution and batch normalisation."""
    name = f'{self.scope}/{name}'
    kernel = self.weights[f'{name}/weights']
    outputs = F.conv2d(inputs, kernel, stride=stride, dilation=dilation,
                       padding=kernel.shape[-1] // 2 * dilation)
    norm = [self.weights[f'{name}/BatchNorm/{part}'] for part in (
        'moving_mean', 'moving_variance', 'gamma', 'beta')]
    return F.batch_norm(outputs, *norm, training=self.training,
                        momentum=3e-4, eps=EPSILON)


def resize(maps, size):
  """Bilinear, source position = i * in / out, [B, C, h, w] -> [B, C, *size]."""
  for axis, length in zip((2, 3), size):
    have = maps.shape[axis]
    place = torch.arange(length, device=maps.device) * (have / length)
    low = place.long()
    high = torch.clamp(low + 1, max=have - 1)
    shape = [1] * 4
    shape[axis] = length
    weight = (place - low).view(shape).to(maps.dtype)
    maps = (maps.index_select(axis, low) * (1 - weight)
            + maps.index_select(axis, high) * weight)
  return maps
