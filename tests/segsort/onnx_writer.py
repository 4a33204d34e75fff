"""Writes the smallest ONNX networks: a 1x1 convolution of three channels.

The few protocol buffer fields are spelled here, for the package onnx is not
needed otherwise.
"""

import struct

FLOAT = 1  # TensorProto.DataType


def write_convolution(path, kernel, bias, stride=1):
  """Writes input [1, 3, H, W] -> [1, len(kernel), H / stride, W / stride].

  Args:
    path: a pathlib.Path.
    kernel: weights, three an output channel.
    bias: of every output channel.
    stride: of the convolution.
  """
  count = len(kernel)
  node = (_text(1, 'image') + _text(1, 'kernel') + _text(1, 'bias')
          + _text(2, 'edges') + _text(4, 'Conv')
          + _part(5, _text(1, 'kernel_shape') + _ints(8, 1, 1) + _int(20, 7))
          + _part(5, _text(1, 'strides') + _ints(8, stride, stride)
                  + _int(20, 7)))
  values = [value for row in kernel for value in row]
  graph = (_part(1, node) + _text(2, 'graph')
           + _part(5, _tensor('kernel', (count, 3, 1, 1), values))
           + _part(5, _tensor('bias', (count,), [bias] * count))
           + _part(11, _value('image', 3)) + _part(12, _value('edges', count)))
  path.write_bytes(_int(1, 7) + _part(8, _text(1, '') + _int(2, 11))
                   + _part(7, graph))


def _tensor(name, shape, values):
  return (_ints(1, *shape) + _int(2, FLOAT)
          + _part(9, struct.pack(f'<{len(values)}f', *values)) + _text(8, name))


def _value(name, channels):
  """A ValueInfo of [1, channels, 'height', 'width']."""
  shape = (_part(1, _int(1, 1)) + _part(1, _int(1, channels))
           + _part(1, _text(2, 'height')) + _part(1, _text(2, 'width')))
  kind = _part(1, _int(1, FLOAT) + _part(2, shape))
  return _text(1, name) + _part(2, kind)


def _varint(value):
  parts = []
  while value > 127:
    parts.append(value & 127 | 128)
    value >>= 7
  return bytes([*parts, value])


def _int(field, value):
  return _varint(field << 3) + _varint(value)


def _ints(field, *values):
  return b''.join(_int(field, value) for value in values)


def _part(field, data):
  return _varint(field << 3 | 2) + _varint(len(data)) + data


def _text(field, text):
  return _part(field, text.encode())
