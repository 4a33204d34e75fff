"""Contours of edge networks of other frameworks, as ONNX, run by OpenCV.

Shapes: H height  W width  h, w the same, padded to a multiple
"""

import cv2
import numpy as np
import scipy.special

from segsort.errors import InputError


def load_network(path):
  """Loads a network from an .onnx file.

  Args:
    path: of the file.

  Returns:
    A cv2.dnn.Net.

  Raises:
    InputError: OpenCV does not read it.
  """
  try:
    return cv2.dnn.readNetFromONNX(path)
  except cv2.error as error:
    raise InputError(
        f'OpenCV cannot read the network {path}: '
        f'{str(error).splitlines()[0]}; export it as ONNX, opset 11 or so'
    ) from error


def onnx_contours(network, image, config):
  """Finds the strength of contours at each pixel.

  The network has one input [1, 3, h, w] and outputs [1, 1, h, w]. Images are
  extended by reflection to a multiple of pixels: where pools have cut a size,
  OpenCV clamps what is added to it, in silence, and contours are elsewhere.

  Args:
    network: a cv2.dnn.Net.
    image: u8[H, W, 3] RGB.
    config: an `oversegmentation.OversegmentationConfig`.

  Returns:
    f32[1, H, W].

  Raises:
    InputError: it does not run, or returns something else than edge maps.
  """
  height, width = image.shape[:2]
  pixels = pad(scale_pixels(image, config), config.onnx_multiple)
  network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
  names = network.getUnconnectedOutLayersNames()
  numbers = output_numbers(config, len(names))
  try:
    found = network.forward(names)
  except cv2.error as error:
    raise InputError(
        f'the network {config.detector_path} does not run on an image of '
        f'{pixels.shape[0]}x{pixels.shape[1]}: {str(error).splitlines()[0]}; '
        'export it for any height and width, or give --onnx_multiple what '
        'sizes must be multiples of') from error
  outputs = [found[number] for number in numbers]
  for output in outputs:
    if output.shape != (1, 1, *pixels.shape[:2]):
      raise InputError(
          f'the output of {config.detector_path} has the shape '
          f'{output.shape}; of an edge network it is (1, 1, '
          f'{pixels.shape[0]}, {pixels.shape[1]}), as high and wide as the '
          f'input: choose another of its {len(names)} by --onnx_outputs, or '
          'give --onnx_multiple what sizes must be multiples of')
  strengths = np.mean(outputs, 0)[0, :, :height, :width]
  return scipy.special.expit(strengths) if config.onnx_logits else strengths


def scale_pixels(image, config):
  """Returns f32[H, W, 3] of u8[H, W, 3] RGB, as the network wants it."""
  mean, deviation = (np.float32(text.split(','))
                     for text in (config.onnx_mean, config.onnx_std))
  pixels = image[..., ::-1] if config.onnx_channels == 'bgr' else image
  return (pixels.astype(np.float32) - mean) * np.float32(
      config.onnx_scale / deviation)


def pad(pixels, multiple):
  """Extends [H, W, C] by reflection to the right and below: [h, w, C]."""
  more = [(0, -side % multiple) for side in pixels.shape[:2]]
  return np.pad(pixels, (*more, (0, 0)), 'symmetric')


def output_numbers(config, count):
  """Returns the numbers in --onnx_outputs.

  Args:
    config: an `oversegmentation.OversegmentationConfig`.
    count: outputs that the network has.

  Raises:
    InputError: one that it has not.
  """
  numbers = [int(part) for part in config.onnx_outputs.split(',')]
  for number in numbers:
    if not -count <= number < count:
      raise InputError(
          f'--onnx_outputs is {config.onnx_outputs}, but '
          f'{config.detector_path} has {count} outputs, 0 to {count - 1} or '
          f'{-count} to -1')
  return numbers
