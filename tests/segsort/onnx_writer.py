"""Writes small ONNX networks of one input, `image` [1, 3, H, W].

The few protocol buffer fields are spelled here, for the package onnx is not
needed otherwise.
"""

import struct

FLOAT, INT64 = 1, 7  # TensorProto.DataType
STRING, INTS = 3, 7  # AttributeProto.AttributeType


def write_convolution(path, kernel, bias, stride=1):
  """Writes input [1, 3, H, W] -> [1, len(kernel), H / stride, W / stride].

  Args:
    path: a pathlib.Path.
    kernel: weights, three an output channel.
    bias: of every output channel.
    stride: of the convolution.
  """
  _write(path, [_convolution('image', 'edges', stride)],
         _weights('edges', kernel, bias), {'edges': len(kernel)})


def write_side_outputs(path, kernels):
  """Writes a network with an output [1, 1, H, W] for each kernel of three."""
  names = [f'side{number}' for number in range(len(kernels))]
  _write(path, [_convolution('image', name) for name in names],
         b''.join(_weights(name, [kernel], 0)
                  for name, kernel in zip(names, kernels)),
         dict.fromkeys(names, 1))


def write_cells(path, kernel, side=16):
  """Writes a 1x1 convolution of the maxima of squares, as large as the image.

  Where a side of the image is no multiple of `side`, the output is smaller.
  """
  pool = _node('MaxPool', ['image'], 'cells',
               _int_attribute('kernel_shape', side, side)
               + _int_attribute('strides', side, side))
  enlarge = _node('Resize', ['cells', '', 'scales'], 'squares', b''.join(
      _text_attribute(*attribute) for attribute in (
          ('mode', 'nearest'), ('nearest_mode', 'floor'),
          ('coordinate_transformation_mode', 'asymmetric'))))
  _write(path, [pool, enlarge, _convolution('squares', 'edges')],
         _weights('edges', [kernel], 0)
         + _part(5, _tensor('scales', (4,), [1, 1, side, side])), {'edges': 1})


def write_fixed(path, side):
  """Writes a network that runs on images of `side` by `side` alone."""
  shape = (_ints(1, 4) + _int(2, INT64) + _part(9, struct.pack(
      '<4q', 1, 1, side, side)) + _text(8, 'shape'))
  _write(path, [_convolution('image', 'grey'),
                _node('Reshape', ['grey', 'shape'], 'edges', b'')],
         _weights('grey', [(0, 0, 0)], .5) + _part(5, shape), {'edges': 1})


def _write(path, nodes, weights, outputs):
  """Writes a graph; outputs are {name: channels}, in order."""
  graph = (b''.join(_part(1, node) for node in nodes) + _text(2, 'graph')
           + weights + _part(11, _value('image', 3))
           + b''.join(_part(12, _value(*output)) for output in outputs.items()))
  path.write_bytes(_int(1, 7) + _part(8, _text(1, '') + _int(2, 11))
                   + _part(7, graph))


def _convolution(source, name, stride=1):
  return _node('Conv', [source, f'{name}.kernel', f'{name}.bias'], name,
               _int_attribute('kernel_shape', 1, 1)
               + _int_attribute('strides', stride, stride))


def _weights(name, kernel, bias):
  """Those of a `_convolution`."""
  values = [value for row in kernel for value in row]
  shape = len(kernel), len(kernel[0]), 1, 1
  return (_part(5, _tensor(f'{name}.kernel', shape, values))
          + _part(5, _tensor(f'{name}.bias', (len(kernel),),
                             [bias] * len(kernel))))


def _node(kind, inputs, output, attributes):
  return (b''.join(_text(1, name) for name in inputs) + _text(2, output)
          + _text(4, kind) + attributes)


def _int_attribute(name, *values):
  return _part(5, _text(1, name) + _ints(8, *values) + _int(20, INTS))


def _text_attribute(name, text):
  return _part(5, _text(1, name) + _text(4, text) + _int(20, STRING))


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
