"""Crops against the legacy resize of whole images, and how views are drawn."""

import itertools

import closeness
import numpy as np
import pytest
import tensorflow as tf

from segsort.data import preprocessing
from segsort.data.dataset_info import PIXEL_MEAN

LEGACY = {'align_corners': False, 'half_pixel_centers': False}


def _crop(whole, crop_size, offset, padding):
  """Pads at the bottom and right, then crops."""
  padded = np.full([*np.maximum(whole.shape[:2], np.add(crop_size, offset)),
                    *whole.shape[2:]], padding, whole.dtype)
  padded[:whole.shape[0], :whole.shape[1]] = whole
  return padded[offset[0]:offset[0] + crop_size[0],
                offset[1]:offset[1] + crop_size[1]]


def _view_twin(image, labels, crop_size, view, padding=255):
  """Resizes everything as the 2019 release did, then mirrors and crops."""
  scale, mirror, offset = view
  scaled = [max(int(np.float32(size) * np.float32(scale)), 1)
            for size in image.shape[:2]]
  pixels = (image - np.array(PIXEL_MEAN, np.float32)).astype(np.float32)
  pixels = tf.raw_ops.ResizeBilinear(
      images=pixels[None], size=scaled, **LEGACY).numpy()[0]
  rows, columns = np.indices(labels.shape)
  maps = tf.raw_ops.ResizeNearestNeighbor(
      images=np.stack([labels, rows, columns], -1)[None].astype(np.int32),
      size=scaled, **LEGACY).numpy()[0]
  if mirror:
    pixels, maps = pixels[:, ::-1], maps[:, ::-1]
  return (_crop(pixels, crop_size, offset, 0),
          _crop(maps, crop_size, offset, padding))


def _view(image, labels, crop_size, view, **settings):
  scale, mirror, offset = view
  return preprocessing.view_example(
      tf.constant(image), (tf.constant(labels),), crop_size,
      (tf.constant(scale), tf.constant(mirror), tf.constant(offset)),
      **settings)


@pytest.mark.parametrize('scale, mirror', list(itertools.product(
    (.5, .73, 1., 1.31, 1.999), (False, True))))
def test_a_view_is_a_crop_of_the_legacy_resize(scale, mirror):
  rng = np.random.default_rng(int(scale * 100))
  for height, width in ((20, 31), (33, 17), (1, 5)):
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    labels = rng.integers(0, 21, (height, width)).astype(np.int32)
    room = [max(int(np.float32(size) * np.float32(scale)) - 16, 0)
            for size in (height, width)]
    for offset in ([0, 0], room, [room[0] // 2, room[1] // 3]):
      view = scale, mirror, offset
      pixels, (seen,), locations = _view(image, labels, (16, 16), view)
      expected, maps = _view_twin(image, labels, (16, 16), view)
      closeness.assert_close(pixels, expected)
      np.testing.assert_array_equal(seen, maps[..., 0])
      np.testing.assert_allclose(
          locations, maps[..., 1:] / [height, width], rtol=1e-6)


def test_a_view_by_hand():
  image = np.zeros((1, 2, 3), np.uint8) + np.array([[[10], [30]]], np.uint8)
  pixels, (labels,), locations = _view(
      image, np.array([[4, 5]]), (3, 3), (1., True, [0, 0]), padding=-1)
  mean = PIXEL_MEAN[0]
  np.testing.assert_allclose(
      pixels[..., 0], [[30 - mean, 10 - mean, 0], [0] * 3, [0] * 3], rtol=1e-6)
  assert labels.numpy().tolist() == [[5, 4, -1], [-1] * 3, [-1] * 3]
  assert locations[0, :2].numpy().tolist() == [[0, .5], [0, 0]]


def test_mirroring_the_image_mirrors_its_whole_view(rng):
  image = rng.integers(0, 256, (12, 9, 3), dtype=np.uint8)
  labels = rng.integers(0, 5, (12, 9)).astype(np.int32)
  plain = _view(image, labels, (12, 9), (1., False, [0, 0]))
  mirrored = _view(image, labels, (12, 9), (1., True, [0, 0]))
  np.testing.assert_array_equal(plain[0][:, ::-1], mirrored[0])
  np.testing.assert_array_equal(plain[1][0][:, ::-1], mirrored[1][0])
  np.testing.assert_array_equal(plain[2][:, ::-1], mirrored[2])


def test_scaled_sizes_are_truncated_and_at_least_one():
  assert preprocessing.scaled_size([33, 1], .5).numpy().tolist() == [16, 1]
  assert preprocessing.scaled_size([10, 7], 1.99).numpy().tolist() == [19, 13]


def _draw(seed, size=(40, 20), crop_size=(16, 32), **switches):
  settings = {'random_scale': True, 'random_mirror': True,
              'random_crop': True, **switches}
  scale, mirror, offset = preprocessing.draw_view(
      tf.constant(size), crop_size, seed, **settings)
  return float(scale), bool(mirror), offset.numpy().tolist()


def test_views_are_the_same_for_the_same_seed_only():
  assert _draw([1, 5]) == _draw([1, 5])
  assert _draw([1, 5]) != _draw([1, 6]) and _draw([1, 5]) != _draw([2, 5])


def test_views_spread_over_all_that_is_allowed():
  views = [_draw([3, number], (5, 40), (4, 32)) for number in range(200)]
  scales, mirrors, offsets = zip(*views)
  assert .5 <= min(scales) < .53 and 1.97 < max(scales) < 2
  assert 70 < sum(mirrors) < 130
  for scale, _, (row, column) in views:
    assert 0 <= row <= max(int(np.float32(5) * np.float32(scale)) - 4, 0)
    assert 0 <= column <= max(int(np.float32(40) * np.float32(scale)) - 32, 0)
  places = [_draw([3, number], (6, 40), (4, 32), random_scale=False)[2]
            for number in range(300)]
  assert {tuple(place) for place in places} == set(
      itertools.product(range(3), range(9)))


def test_what_is_switched_off_does_not_vary():
  for number in range(20):
    assert _draw([1, number], random_scale=False)[0] == 1
    assert not _draw([1, number], random_mirror=False)[1]
    assert _draw([1, number], random_scale=False, random_crop=False)[2] == [
        12, 0]


def test_rotated_labels_follow_their_image(rng):
  image = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
  found = set()
  for number in range(40):
    seen, labels = preprocessing.rotate(
        image, tf.constant(image[..., 0].astype(np.int32)), [1, number])
    np.testing.assert_array_equal(seen[..., 0], labels)
    quarters, = [k for k in range(4) if np.array_equal(
        np.rot90(image, k), seen)]
    found.add(quarters)
  assert found == {0, 1, 2, 3}
  again = preprocessing.rotate(image, tf.zeros([4, 6], tf.int32), [1, 39])[0]
  np.testing.assert_array_equal(again, seen)


def test_new_colours_keep_what_is_lighter_lighter():
  ramp = np.linspace(70, 180, 20, dtype=np.uint8)
  image = np.stack([ramp, ramp, ramp], -1)[None]
  greys = set()
  for number in range(60):
    seen = preprocessing.recolor(tf.constant(image), [1, number]).numpy()
    assert seen.dtype == np.uint8 and seen.shape == image.shape
    # Each channel is the ramp, its contrast .6 to 1.2, and shifted by up to 50.
    steps = np.diff(seen[0].astype(int), axis=0)
    assert steps.min() >= 0
    rise = (seen[0, -1].astype(int) - seen[0, 0]) / 110
    assert .55 < rise.min() and rise.max() < 1.25
    greys.add(tuple(seen[0, 0]))
  assert len(greys) > 50
  np.testing.assert_array_equal(
      preprocessing.recolor(tf.constant(image), [1, 59]), seen)


def test_colours_change_places_and_fade():
  image = np.full((2, 2, 3), (60, 120, 180), np.uint8)
  order, spans = set(), []
  for number in range(200):
    seen = preprocessing.recolor(image, [2, number]).numpy()[0, 0].astype(int)
    spans.append(np.ptp(seen))
    if spans[-1] > 60:  # more than the shift of single channels makes
      order.add(tuple(np.argsort(seen)))
  assert len(order) == 6
  assert .4 < np.mean(np.array(spans) <= 40) < .8  # grey or nearly so


def test_colours_out_of_range_are_cut_off():
  for value in (0, 255):
    image = np.full((1, 1, 3), value, np.uint8)
    seen = np.stack([preprocessing.recolor(image, [1, number])
                     for number in range(50)]).astype(int)
    assert np.abs(seen - value).max() <= .4 * value + 50.5
