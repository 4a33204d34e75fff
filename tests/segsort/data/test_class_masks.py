"""Palettes whose colours name other classes than their indices."""

import json

import numpy as np
import PIL.Image
import pytest

from segsort.data import class_masks
from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import InputError
from segsort.runs import files

COLORS = np.array([[90, 60, 30], [0, 128, 0], [200, 0, 0]], np.uint8)
IDS = np.array([[2, 2, 1, 255], [2, 1, 0, 0]], np.uint8)
STRANGE = [9, 9, 9]


@pytest.fixture(name='dataset')
def _dataset(tmp_path):
  """A class file; ignored pixels are black."""
  path = tmp_path / 'classes.json'
  path.write_text(json.dumps({
      'classes': [{'name': str(i), 'color': color.tolist()}
                  for i, color in enumerate(COLORS)],
      'ignore_color': [0, 0, 0]}))
  return str(path)


def _colors_of(ids):
  colors = np.zeros((256, 3), np.uint8)
  colors[:3] = COLORS
  return colors[ids]


def _indexed(path, indices, palette):
  picture = PIL.Image.fromarray(np.array(indices, np.uint8))
  picture.putpalette(np.array(palette, np.uint8).tobytes())
  picture.save(path)
  return str(path)


def _read(path, dataset):
  return class_masks.read(str(path), dataset, 3, 255)


@pytest.mark.parametrize('name', ('a.png', 'a.gif', 'a.bmp', 'a.tif'))
def test_reduced_colours_are_classes_in_any_order(
    tmp_path, dataset, name, capsys):
  picture = PIL.Image.fromarray(_colors_of(IDS)).quantize(4)
  picture.save(tmp_path / name)
  assert (np.array(picture) != IDS).any()
  for told in (1, 0):
    np.testing.assert_array_equal(_read(tmp_path / name, dataset), IDS)
    assert capsys.readouterr().err.count('colors count') == told


def test_reduced_colours_of_one_class(tmp_path, dataset):
  for label in (0, 2, 255):
    ids = np.full((2, 3), label)
    PIL.Image.fromarray(_colors_of(ids)).quantize(4).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(_read(tmp_path / 'a.png', dataset), ids)


@pytest.mark.parametrize('palette', (
    [[7, 7, 7], [8, 8, 8], STRANGE],  # no class has these
    [COLORS[0], STRANGE, COLORS[2]],  # those that are classes' agree
    [COLORS[0], COLORS[1], COLORS[2]],
    [[0, 0, 0]] * 3,  # one colour tells nothing apart
    np.repeat(np.arange(256)[:, None], 3, 1)))
def test_other_palettes_leave_indices_what_they_are(
    tmp_path, dataset, palette):
  path = _indexed(tmp_path / 'a.png', [[0, 1, 2]], palette)
  assert _read(path, dataset).tolist() == [[0, 1, 2]]


@pytest.mark.parametrize('palette, indices, told', (
    ([STRANGE, COLORS[2], COLORS[1]], [0, 1, 2],
     'index 1 the color [200, 0, 0] of label 2 of'),
    ([[0, 0, 0], [1, 1, 1], [5, 6, 7]], [0, 1],
     'index 0 the color [0, 0, 0] of label 255'),
    ([COLORS[1]] * 3, [0], 'index 0 the color [0, 128, 0] of label 1')))
def test_what_cannot_be_known_is_one_line(
    tmp_path, dataset, palette, indices, told):
  path = _indexed(tmp_path / 'a.png', [indices], palette)
  with pytest.raises(InputError) as raised:
    _read(path, dataset)
  assert told in str(raised.value) and '\n' not in str(raised.value)


def test_a_colour_of_two_classes_is_not_guessed_from(tmp_path, dataset):
  (tmp_path / 'classes.json').write_text(json.dumps({'classes': [
      {'name': 'a', 'color': [1, 2, 3]}, {'name': 'b', 'color': [1, 2, 3]},
      {'name': 'c', 'color': [4, 5, 6]}]}))
  path = _indexed(tmp_path / 'a.png', [[1, 2]], [STRANGE, [1, 2, 3], [4, 5, 6]])
  assert _read(path, dataset).tolist() == [[1, 2]]
  path = _indexed(tmp_path / 'a.png', [[0, 1]], [[4, 5, 6], [1, 2, 3]])
  with pytest.raises(InputError, match='it cannot be known'):
    _read(path, dataset)


def test_masks_written_here_are_not_looked_at_twice(tmp_path, monkeypatch):
  path = str(tmp_path / 'a.png')
  files.write_png(path, IDS, dataset_info.get('voc12').palette)
  monkeypatch.setattr(class_masks, '_labels_of_colors', None)
  np.testing.assert_array_equal(class_masks.read(path, 'voc12', 21, 255), IDS)


@pytest.mark.parametrize('ids, palette, dataset', (
    ([0, 1, 5], 'camvid', 'voc12'), ([1, 3], 'voc12', 'camvid')))
def test_indices_count_where_the_data_set_was_left_out(
    tmp_path, ids, palette, dataset):
  path = str(tmp_path / 'a.png')  # all have colours of classes of the other
  files.write_png(
      path, np.array([ids], np.uint8), dataset_info.get(palette).palette)
  assert class_masks.read(path, dataset, 11, 255).tolist() == [ids]


def test_reduced_colours_where_a_class_is_ignored(tmp_path, dataset):
  ids = np.array([[2, 2, 1, 0]])
  PIL.Image.fromarray(_colors_of(ids)).quantize(3).save(tmp_path / 'a.gif')
  np.testing.assert_array_equal(
      class_masks.read(str(tmp_path / 'a.gif'), dataset, 3, 0), ids)


def test_training_reads_classes_by_colour(tmp_path, dataset):
  PIL.Image.fromarray(_colors_of(IDS)).quantize(4).save(tmp_path / 'm.png')
  files.write_png(str(tmp_path / 'i.png'), np.zeros((2, 4, 3), np.uint8))
  example = image_list.Example(
      str(tmp_path / 'i.png'), str(tmp_path / 'm.png'), '', 'i', 'list:1')
  _, labels = input_pipeline.read_example(example, 3, 255, dataset)
  np.testing.assert_array_equal(labels, IDS)
