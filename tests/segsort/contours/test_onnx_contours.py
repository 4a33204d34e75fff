"""Edge networks as ONNX: pixels, outputs, sizes; what a user can get wrong."""

import json

import closeness
import commands
import numpy as np
import onnx_writer
import pytest
import scipy.special

from segsort.contours import contour_detectors
from segsort.contours import oversegmentation

SCRIPT = 'make_oversegmentation'


@pytest.fixture(name='path')
def _path(tmp_path):
  return tmp_path / 'net.onnx'


@pytest.fixture(name='make')
def _make(tiny_dataset, tmp_path, path):
  return {'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1],
          'save_dir': tmp_path / 'out', 'num_workers': 1, 'detector': 'onnx',
          'detector_path': path}


def detect(path, image, **settings):
  """Returns f32[H, W], what --detector onnx finds."""
  config = oversegmentation.OversegmentationConfig(
      data_list='', data_dir='', detector='onnx', detector_path=str(path),
      **settings)
  config.check()
  return contour_detectors.make_detector(config)(image, 'x')[0]


@pytest.mark.parametrize('settings, expect', (
    ({'onnx_mean': '10,0,0'}, lambda image: (image[..., 2] - 10.) / 510),
    ({'onnx_channels': 'rgb', 'onnx_mean': '0,0,0', 'onnx_scale': .5},
     lambda image: image[..., 0] / 1020),
    ({'onnx_channels': 'rgb', 'onnx_mean': '9,99,99', 'onnx_std': '2,9,9'},
     lambda image: (image[..., 0] - 9.) / 1020)))
def test_the_network_sees_the_stated_pixels(path, rng, settings, expect):
  onnx_writer.write_convolution(path, [[1 / 510, 0, 0]], .5)
  image = rng.integers(0, 256, (5, 6, 3), np.uint8)
  closeness.assert_close(detect(path, image, **settings), expect(image) + .5)


@pytest.mark.parametrize('outputs, kernel', (
    ('-1', (0, 0, 1)), ('0', (1, 0, 0)), ('1', (0, 1, 0)),
    ('-3', (1, 0, 0)), ('0,2', (.5, 0, .5)), ('0,1,2', (1 / 3,) * 3)))
def test_outputs_are_chosen_and_averaged(path, rng, outputs, kernel):
  onnx_writer.write_side_outputs(path, np.eye(3))
  image = rng.integers(0, 256, (9, 20, 3), np.uint8)
  closeness.assert_close(
      detect(path, image, onnx_outputs=outputs, onnx_mean='0,0,0',
             onnx_scale=1 / 255, onnx_channels='rgb'), image / 255 @ kernel)


def test_logits_are_averaged_before_their_sigmoid(path, rng):
  onnx_writer.write_side_outputs(path, np.eye(3))
  image = rng.integers(0, 256, (9, 20, 3), np.uint8)
  logits = (image[..., 0] / 2. + image[..., 2] / 2. - 128) / 20
  closeness.assert_close(
      detect(path, image, onnx_logits=True, onnx_outputs='0,2',
             onnx_mean='128,128,128', onnx_scale=1 / 20),
      scipy.special.expit(logits))


def test_any_size_is_extended_to_a_multiple_and_cropped(path, rng):
  onnx_writer.write_cells(path, (1, 0, 0))
  image = rng.integers(0, 256, (20, 37, 3), np.uint8)
  wider = np.pad(image[..., 0], ((0, 12), (0, 11)), 'symmetric')
  cells = wider.reshape(2, 16, 3, 16).max((1, 3))
  pixels = {'onnx_channels': 'rgb', 'onnx_mean': '0,0,0', 'onnx_std': '255,1,1'}
  closeness.assert_close(
      detect(path, image, **pixels),
      np.kron(cells, np.ones((16, 16)))[:20, :37] / 255)
  with pytest.raises(Exception, match='give --onnx_multiple what sizes'):
    detect(path, image, onnx_multiple=1, **pixels)


def test_another_network_under_the_same_name_is_noticed(make, path):
  onnx_writer.write_convolution(path, [[0, 0, 0]], .5)
  commands.succeed(SCRIPT, **make)
  record = json.loads((make['save_dir'] / 'oversegmentation.json').read_text())
  assert record['onnx_multiple'] == 16 and 'hed_scales' not in record
  assert '--onnx_logits False (now True)' in commands.fail(
      SCRIPT, '--onnx_logits', **make)
  onnx_writer.write_convolution(path, [[0, 0, 0]], .6)
  assert "--detector_path 'net.onnx " in commands.fail(SCRIPT, **make)


def test_networks_that_are_no_edge_networks(make, path):
  assert "there is nothing at '" in commands.fail(SCRIPT, **make)
  path.write_bytes(b'nothing')
  assert 'OpenCV cannot read the network' in commands.fail(SCRIPT, **make)
  onnx_writer.write_convolution(path, [[0, 0, 0], [0, 0, 0]], .5)
  assert ('has the shape (1, 2, 48, 64); of an edge network it is (1, 1, 48, '
          '64)') in commands.fail(SCRIPT, **make)
  onnx_writer.write_convolution(path, [[1, 0, 0]], 0)
  assert ('must be probabilities, 0 to 1: give --onnx_logits if they are '
          'logits') in commands.fail(SCRIPT, **make)
  onnx_writer.write_convolution(path, [[0, 0, 0]], .5, 2)
  assert 'has the shape (1, 1, 24, 32); of an edge network' in commands.fail(
      SCRIPT, **make)
  onnx_writer.write_side_outputs(path, np.zeros((2, 3)))
  for outputs in ('2', '0,-3'):
    assert (f'--onnx_outputs is {outputs}, but {path} has 2 outputs, 0 to 1 or '
            '-2 to -1') in commands.fail(SCRIPT, **make, onnx_outputs=outputs)


def test_a_network_for_one_size_only(make, path):
  onnx_writer.write_fixed(path, 16)
  assert 'does not run on an image of 48x64: ' in commands.fail(SCRIPT, **make)
  closeness.assert_close(
      detect(path, np.zeros((15, 9, 3), np.uint8)), np.full((15, 9), .5))


@pytest.mark.parametrize('flags, message', (
    ({'onnx_mean': '1,2'}, 'give three numbers'),
    ({'onnx_mean': '1,2,nan'}, 'give three numbers'),
    ({'onnx_std': '1,0,1'}, "--onnx_std is '1,0,1'; give three numbers above"),
    ({'onnx_std': '1'}, 'give three numbers above 0'),
    ({'onnx_scale': 0}, '--onnx_scale is 0.0; it must be above 0'),
    ({'onnx_multiple': 0}, '--onnx_multiple is 0; it must be above 0'),
    ({'onnx_outputs': '1.5'}, "--onnx_outputs is '1.5'; give whole numbers"),
    ({'onnx_outputs': ''}, 'give whole numbers, as -1 or 0,1,2')))
def test_flags_out_of_range(make, flags, message):
  assert message in commands.fail(SCRIPT, **{**make, **flags})
