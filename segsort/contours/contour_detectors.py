"""Where contour strengths come from: `--detector` to a function of an image.

Each takes u8[H, W, 3] RGB and the image's name, and returns f32[K, H, W] in
0..1, K orientations of `ultrametric`, or one map without orientation.
"""

import dataclasses
import os
from collections.abc import Callable

import keras
import numpy as np
import PIL.Image
import tensorflow as tf

from network import contour_model
from segsort.contours import gradient_contours
from segsort.contours import hed_contours
from segsort.contours import onnx_contours
from segsort.data import reading
from segsort.errors import InputError, first_line

EDGE_FORMATS = '.npy', '.png'
# Edge maps with a larger share of stronger pixels are taken for inverted ones.
STRONG, MOST_STRONG = .9, .75


def make_detector(config):
  """Returns the function (image, name) -> contours of `--detector`.

  Args:
    config: an `oversegmentation.OversegmentationConfig`.

  Raises:
    InputError: no model, or one that cannot be read; no folder of edge maps.
  """
  detector = DETECTORS[config.detector]
  if detector.path and not os.path.exists(config.detector_path):
    raise InputError(
        f'--detector {config.detector} needs --detector_path, {detector.path}; '
        f'there is nothing at {config.detector_path!r}')
  return detector.make(config)


def _gradient_detector(unused_config):
  return lambda image, name: gradient_contours.gradient_contours(image)


def _hed_detector(config):
  network = hed_contours.load_network()
  scales = [float(part) for part in config.hed_scales.split(',')]
  return lambda image, name: check_contours(
      hed_contours.hed_contours(network, image, scales, config.hed_mirror),
      image.shape[:2], f'the output of {hed_contours.PACKAGE}')


def _folder_detector(config):
  return lambda image, name: read_edges(
      os.path.join(config.detector_path, name), image.shape[:2])


def edge_map(path):
  """Returns the path of a ready edge map, from that without its ending.

  Where there is none, it is that of the first of EDGE_FORMATS.
  """
  paths = [path + end for end in EDGE_FORMATS]
  return next(filter(os.path.isfile, paths), paths[0])


def read_edges(path, size):
  """Reads a ready edge map.

  Args:
    path: without its ending: .npy (0..1) or .png (0 to all of its bits).
    size: (height, width) of the image.

  Returns:
    f32[K, H, W].

  Raises:
    InputError: none there, unreadable, another size, out of 0..1, inverted.
  """
  found = edge_map(path)
  if not os.path.isfile(found):
    raise InputError(f'no edge map {path}.npy or .png; check --detector_path')
  try:
    if found.endswith('.npy'):
      edges = np.load(found, allow_pickle=False)
      if not isinstance(edges, np.ndarray):
        raise ValueError('an archive, not an array')
      edges = edges.astype(np.float32)
    else:
      edges = _fraction(PIL.Image.open(found))
  except (*reading.UNREADABLE, PIL.Image.DecompressionBombError) as error:
    raise InputError(
        f'cannot read the edge map {found}: {error}; make it again'
    ) from error
  contours = check_contours(
      edges if edges.ndim == 3 else edges[None], size, found)
  share = (contours > STRONG).mean()
  if share > MOST_STRONG:
    raise InputError(
        f'{found} is above {STRONG} at {share:.0%} of its pixels, as if '
        'contours were dark on white; they must be bright: take 1 - value')
  return contours


def _fraction(picture):
  """A grey PIL picture of 1, 8 or 16 bits to f32[H, W] in 0..1."""
  most = {'1': 1, 'L': 2 ** 8 - 1, 'I': 2 ** 16 - 1}.get(
      picture.mode.partition(';')[0])
  if not most:
    raise ValueError(f'a picture of mode {picture.mode}; edge maps are grey')
  return np.array(picture).astype(np.float32) / most


def check_contours(
    contours, size, source, mend='divide by the maximum, or apply the sigmoid'):
  """Returns f32[K, H, W] as it is, if it fits and is in 0..1.

  Args:
    contours: f32[K, h, w].
    size: (height, width) of the image.
    source: what the message blames.
    mend: how to make probabilities of what is out of range.

  Raises:
    InputError: another size, not finite, out of range.
  """
  if (contours.ndim != 3 or contours.shape[1:] != tuple(size)
      or not len(contours)):
    raise InputError(
        f'{source} has the shape {contours.shape}, its image is '
        f'{size[0]}x{size[1]} (height x width); expected (height, width), or '
        '(orientations, height, width), of that size: make it again, or resize '
        'it')
  if not np.isfinite(contours).all():
    raise InputError(
        f'{source} has strengths that are not finite; make it again')
  low, high = contours.min(), contours.max()
  if not (low >= 0 and high <= 1):
    raise InputError(
        f'{source} has strengths from {low:.3g} to {high:.3g}; they must be '
        f'probabilities, 0 to 1: {mend}')
  return contours.astype(np.float32)


def _onnx_detector(config):
  network = onnx_contours.load_network(config.detector_path)
  return lambda image, name: check_contours(
      onnx_contours.onnx_contours(network, image, config), image.shape[:2],
      f'the output of {config.detector_path}',
      'give --onnx_logits if they are logits')


def _keras_detector(config):
  try:
    model = keras.models.load_model(config.detector_path, compile=False)
  except (*reading.UNREADABLE, TypeError) as error:
    raise InputError(
        f'cannot load the contour network {config.detector_path}: '
        f'{first_line(error)}; give a .keras file of train_contours.py'
    ) from error
  shapes = model.input_shape, model.output_shape
  if not all(isinstance(shape, tuple) and len(shape) == 4 for shape in shapes
             ) or model.input_shape[-1] != 3:
    raise InputError(
        f'the network {config.detector_path} takes {shapes[0]} and returns '
        f'{shapes[1]}; expected RGB (batch, height, width, 3), 0 to 255, and '
        'logits (batch, height, width, outputs), of which the last counts')

  def detect(image, unused_name):
    try:
      output = contour_model.detect(model, image)
    except (ValueError, tf.errors.OpError) as error:
      raise InputError(
          f'the network {config.detector_path} does not run on an image of '
          f'{image.shape[0]}x{image.shape[1]}: {first_line(error)}; save it '
          'for any height and width') from error
    return check_contours(
        output, image.shape[:2], f'the output of {config.detector_path}')
  return detect


@dataclasses.dataclass(frozen=True)
class Detector:
  """A kind of contours.

  Attributes:
    make: a function of an `oversegmentation.OversegmentationConfig` to one of
      an image and its name.
    threshold: where region trees are cut unless --threshold says so.
    path: what --detector_path has to name; '' without one.
    shared: whether one process runs it for all, see `region_jobs.run_jobs`.
    min_pixels: of basins unless --min_pixels says so.
  """
  make: Callable
  threshold: float
  path: str = ''
  shared: bool = False
  min_pixels: int = 1


# gradient: cut between the best Rand index (.12) and covering (.34) on 40
# images of BSDS500. hed: between them as well (.58, .68); its maps saturate,
# and basins on its wide crests would use up --max_regions. The others are not
# on its scale: choose theirs with eval_regions.py.
DETECTORS = {
    'gradient': Detector(_gradient_detector, .25),
    'hed': Detector(_hed_detector, .6, shared=True, min_pixels=30),
    'keras': Detector(
        _keras_detector, .3, 'a .keras file of train_contours.py', True),
    'onnx': Detector(_onnx_detector, .3, 'an .onnx file'),
    'folder': Detector(_folder_detector, .2, 'the folder of edge maps')}
