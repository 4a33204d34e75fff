"""Sheets of masks: one colour a number in all columns, missing masks."""

import numpy as np
import PIL.Image
import pytest

from segsort.data import visualization
from segsort.errors import InputError
from segsort.explanation import mask_sheet
from segsort.explanation.sheet import CELL, GAP, TITLE
from segsort.runs import files


@pytest.fixture
def data(tmp_path):
  """Two pictures as large as a cell, with masks in two folders."""
  height, width = CELL
  lines = []
  for i in range(2):
    image = np.full((height, width, 3), 40 + 100 * i, np.uint8)
    files.write_png(str(tmp_path / f'images/im{i}.png'), image)
    mask = np.full((height, width), 7, np.uint8)
    files.write_png(str(tmp_path / f'a/im{i}.png'), mask)
    mask[:, width // 2:], mask[:9] = 3, 255
    files.write_png(str(tmp_path / f'b/im{i}.png'), mask)
    lines.append(f'images/im{i}.png\n')
  (tmp_path / 'list.txt').write_text(''.join(lines))
  return tmp_path


def _config(data, **settings):
  return mask_sheet.MaskSheetConfig(**{
      'data_list': str(data / 'list.txt'), 'data_dir': str(data),
      'mask_dirs': 'a,b', 'save_path': str(data / 'sheet.png'), **settings})


def _drawn(data, **settings):
  mask_sheet.draw_masks(_config(data, **settings))
  with PIL.Image.open(data / 'sheet.png') as picture:
    return np.array(picture.convert('RGB')).astype(int)


def test_a_number_has_one_colour_in_all_masks(data):
  sheet = _drawn(data)
  height, width = CELL
  step = width + GAP
  assert sheet.shape == (
      TITLE + 2 * (height + GAP), GAP + 3 * step, 3)
  for row in range(2):
    y = TITLE + row * (height + GAP) + height // 2
    first, second = (GAP + column * step for column in (1, 2))
    assert (sheet[y, GAP + 5] == 40 + 100 * row).all()
    np.testing.assert_array_equal(sheet[y, first + 5], sheet[y, second + 5])
    other = sheet[y, second + width - 5]
    assert np.abs(sheet[y, second + 5] - other).max() > 50
    np.testing.assert_array_equal(
        sheet[y - height // 2 + 3, second + 5], mask_sheet.IGNORED_COLOR)


def test_no_colours_between_those_of_two_numbers(data, rng):
  image = np.zeros((180, 240, 3), np.uint8)
  files.write_png(str(data / 'images/im0.png'), image)
  mask = rng.integers(0, 30, (180, 240)).astype(np.uint16)
  mask[:90, :120] = 300  # looks like 300 - 255
  files.write_png(str(data / 'a/im0.png'), mask)
  sheet = _drawn(data, mask_dirs='a', show='im0')
  left = 2 * GAP + CELL[1]
  cell = sheet[TITLE + 1:-GAP - 1, left + 1:-GAP - 1]
  colors = visualization.distinct_colors(46)
  assert {tuple(color) for color in cell.reshape(-1, 3)} <= {
      tuple(map(int, colors[number])) for number in [*range(30), 45]}
  np.testing.assert_array_equal(cell[5, 5], colors[45])


def test_pictures_can_be_named(data):
  assert _drawn(data, show='im1').shape[0] < _drawn(data).shape[0]
  assert (_drawn(data, max_images=1)[TITLE + 5, GAP + 5]
          == 40).all()


def test_columns_can_have_titles(data):
  named, plain = _drawn(data, mask_dirs='x=a,b'), _drawn(data)
  second = 2 * GAP + CELL[1]
  third = second + CELL[1] + GAP
  same = (named == plain).all(-1)
  assert not same[:TITLE, second:third].all()
  assert same[TITLE:].all() and same[:, third:].all()


def test_masks_that_do_not_fit_are_named(data):
  files.write_png(str(data / 'b/im1.png'), np.zeros((4, 5), np.uint8))
  for settings, words in (
      ({}, 'im1.png is 4x5'), ({'show': 'im9'}, "'im9'"),
      ({'mask_dirs': 'a,c'}, 'c/im0.png; name a folder in --mask_dirs')):
    with pytest.raises(InputError, match=words) as raised:
      mask_sheet.draw_masks(_config(data, **settings))
    assert '\n' not in str(raised.value)
  assert not (data / 'sheet.png').exists()
  with pytest.raises(InputError, match='a PNG is written, name it so'):
    _config(data, save_path='sheet.jpg').check()
