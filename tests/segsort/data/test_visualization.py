"""Pictures, pixel by pixel."""

import numpy as np
import pytest

from network.segsort import projection
from segsort.data import dataset_info
from segsort.data import visualization

PALETTE = np.array([[10, 20, 30], [200, 100, 0], [0, 0, 255]], np.uint8)


def _random_labels(seed, size=(9, 11), num_labels=3):
  return np.random.default_rng(seed).integers(0, num_labels, size, np.int32)


def _random_image(seed, size=(9, 11)):
  return np.random.default_rng(seed).integers(
      0, 256, (*size, 3), dtype=np.uint8)


def test_colorize_by_hand():
  colors = visualization.colorize(np.array([[0, 2], [1, 4]]), PALETTE)
  np.testing.assert_array_equal(
      colors, [[PALETTE[0], PALETTE[2]], [PALETTE[1], PALETTE[1]]])
  assert colors.dtype == np.uint8


def test_colorize_shows_ignored_pixels_in_the_palette_of_voc():
  colors = visualization.colorize(
      np.array([[255]]), dataset_info.voc_palette())
  np.testing.assert_array_equal(colors, [[[224, 224, 192]]])


def test_distinct_colors_are_distinct_and_stable():
  colors = visualization.distinct_colors(500)
  assert colors.dtype == np.uint8
  assert len(np.unique(colors, axis=0)) == 500
  np.testing.assert_array_equal(
      visualization.distinct_colors(7), colors[:7])
  assert visualization.distinct_colors(0).shape == (0, 3)


def test_first_distinct_colors_are_far_apart():
  colors = visualization.distinct_colors(12).astype(int)
  gaps = np.abs(colors[:, None] - colors).sum(axis=-1)
  assert gaps[~np.eye(12, dtype=bool)].min() > 60


def test_overlay_mixes():
  image = np.full((1, 2, 3), 100, np.uint8)
  mixed = visualization.overlay(image, np.array([[0, 1]]), PALETTE, 0.25)
  # 0.75 * 100 + 0.25 * colour, rounded to even.
  np.testing.assert_array_equal(mixed, [[[78, 80, 82], [125, 100, 75]]])


def test_overlay_of_alpha_0_and_1():
  image, labels = _random_image(0), _random_labels(1)
  np.testing.assert_array_equal(
      visualization.overlay(image, labels, PALETTE, 0), image)
  np.testing.assert_array_equal(
      visualization.overlay(image, labels, PALETTE, 1),
      visualization.colorize(labels, PALETTE))


def _boundaries_with_loops(labels):
  height, width = labels.shape
  found = np.zeros(labels.shape, bool)
  for y in range(height):
    for x in range(width):
      right = x + 1 < width and labels[y, x] != labels[y, x + 1]
      below = y + 1 < height and labels[y, x] != labels[y + 1, x]
      found[y, x] = right or below
  return found


@pytest.mark.parametrize('size', [(9, 11), (1, 6), (6, 1), (1, 1)])
def test_boundaries_match_loops(size):
  labels = _random_labels(2, size)
  boundaries = visualization.segment_boundaries(labels)
  np.testing.assert_array_equal(boundaries, _boundaries_with_loops(labels))


def test_boundaries_do_not_depend_on_ids():
  labels = _random_labels(3)
  np.testing.assert_array_equal(
      visualization.segment_boundaries(np.array([7, -1, 900])[labels]),
      visualization.segment_boundaries(labels))


def test_one_segment_is_washed_in_its_mean_without_lines():
  image = np.array([[[0, 0, 0], [100, 200, 40]]], np.uint8)
  drawn = visualization.draw_segments(image, np.array([[-1, -1]]), alpha=0.5)
  # The mean is (50, 100, 20).
  np.testing.assert_array_equal(drawn, [[[25, 50, 10], [75, 150, 30]]])


def test_segments_are_washed_apart_and_outlined():
  image = np.zeros((4, 6, 3), np.uint8)
  image[:, 3:] = 200
  labels = np.repeat([[5, 5, 5, 9, 9, 9]], 4, axis=0)
  drawn = visualization.draw_segments(image, labels)
  np.testing.assert_array_equal(drawn[:, :2], image[:, :2])
  np.testing.assert_array_equal(drawn[:, 3:], image[:, 3:])
  assert (drawn[:, 2] == visualization.LINE_COLOR).all()


def test_large_pictures_get_a_dark_casing():
  image = np.full((300, 300, 3), 200, np.uint8)
  labels = np.zeros((300, 300), np.int32)
  labels[:, 150:] = 1
  drawn = visualization.draw_segments(image, labels)
  assert (drawn[:, 149] == visualization.LINE_COLOR).all()
  assert (drawn[:, [148, 150]] == 130).all()
  assert (drawn[:, :148] == 200).all() and (drawn[:, 151:] == 200).all()
  assert (image == 200).all()


def test_panel_places_pictures_in_rows():
  pictures = [np.full((4, 5, 3), 10, np.uint8),
              np.full((2, 7, 3), 20, np.uint8),
              np.full((3, 3, 3), 30, np.uint8)]
  sheet = visualization.panel(pictures, columns=2, margin=1)
  assert sheet.shape == (2 * 4 + 3, 2 * 7 + 3, 3)
  expected = np.full_like(sheet, visualization.BACKGROUND)
  expected[1:5, 1:6] = 10
  expected[1:3, 9:16] = 20
  expected[6:9, 1:4] = 30
  np.testing.assert_array_equal(sheet, expected)


def test_panel_writes_titles_above_and_leaves_pictures_alone():
  picture = np.full((30, 60, 3), 77, np.uint8)
  sheet = visualization.panel(
      [picture, picture], ['a', 'a title far too long for sixty pixels'],
      margin=2)
  assert sheet.shape == (30 + 20 + 4, 2 * 62 + 2, 3)
  np.testing.assert_array_equal(sheet[22:52, 2:62], picture)
  np.testing.assert_array_equal(sheet[22:52, 64:124], picture)
  for left in (2, 64):
    assert sheet[2:22, left:left + 60].min() < 180
  background = visualization.BACKGROUND
  assert (sheet[:, -2:] == background).all()
  assert (sheet[:2] == background).all()


def test_enlarge_repeats_pixels():
  labels = np.array([[1, 2, 3]])
  np.testing.assert_array_equal(
      visualization.enlarge(labels, (2, 6)), [[1, 1, 2, 2, 3, 3]] * 2)
  # The legacy nearest-neighbour rule: floor(x * 3 / 5).
  np.testing.assert_array_equal(
      visualization.enlarge(labels, (1, 5)), [[1, 1, 2, 2, 3]])
  np.testing.assert_array_equal(visualization.enlarge(labels, (1, 3)), labels)


def test_training_pictures():
  image = _random_image(0, (8, 12))
  labels = np.array([[0, 1, 255], [2, 0, 0]])
  segments = np.array([[0, 0, 1], [4, -1, 4]])
  embeddings = np.random.default_rng(0).random((2, 3, 5), np.float32)
  palette = dataset_info.voc_palette()
  pictures = visualization.training_pictures(
      image - np.float32(dataset_info.PIXEL_MEAN), labels, segments,
      embeddings, palette)
  for name, picture in pictures.items():
    assert picture.shape == (8, 12, 3), name
    assert picture.dtype == np.uint8, name
  np.testing.assert_array_equal(pictures['image'], image)
  np.testing.assert_array_equal(
      pictures['labels'], palette[_four_times(labels)])
  np.testing.assert_array_equal(
      pictures['segments'],
      visualization.draw_segments(image, _four_times(segments)))
  colors = projection.pca_colors(embeddings[np.newaxis])[0].numpy()
  np.testing.assert_array_equal(
      pictures['embedding'], _four_times(np.round(colors * 255)))


def _four_times(array):
  return array.repeat(4, axis=0).repeat(4, axis=1)


def test_training_pictures_of_u8_and_one_embedding():
  image = _random_image(0, (4, 4))
  labels = np.array([[1]])
  pictures = visualization.training_pictures(
      image, labels, labels, np.ones((1, 1, 8), np.float32), PALETTE)
  np.testing.assert_array_equal(pictures['image'], image)
  assert (pictures['labels'] == PALETTE[1]).all()
  assert not pictures['embedding'].any()
