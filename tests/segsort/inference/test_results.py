"""What is written of an image, by hand."""

import json
import os

import numpy as np
import pytest

from segsort.data import dataset_info
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import results


def test_ids_colours_and_overlay(tmp_path, rng):
  labels = rng.integers(0, 21, (600, 5)).astype(np.int32)
  image = rng.integers(0, 256, (600, 5, 3), dtype=np.uint8)
  palette = dataset_info.get('voc12').palette
  results.write_labels(str(tmp_path), 'sub/a', labels, palette, image)
  np.testing.assert_array_equal(
      reading.read_mask(str(tmp_path / 'gray/sub/a.png')), labels)
  np.testing.assert_array_equal(
      reading.read_image(str(tmp_path / 'color/sub/a.png')), palette[labels])
  mixed = reading.read_image(str(tmp_path / 'overlay/sub/a.png'))
  expected = (image.astype(float) + palette[labels]) / 2
  assert np.abs(mixed - expected).max() <= .5


def test_without_the_image_there_is_no_overlay(tmp_path):
  results.write_labels(str(tmp_path), 'a', np.zeros((2, 2), np.int32),
                       dataset_info.get('voc12').palette)
  assert sorted(os.listdir(tmp_path)) == ['color', 'gray']


def test_gray_is_missing_where_anything_is(tmp_path):
  (tmp_path / 'overlay').write_text('')  # no folder can be made here
  with pytest.raises(InputError, match='cannot write .*overlay/a.png'):
    results.write_labels(
        str(tmp_path), 'a', np.zeros((2, 2), np.int32),
        dataset_info.get('voc12').palette, np.zeros((2, 2, 3), np.uint8))
  assert not (tmp_path / 'gray').exists()


def test_the_legend_names_ids_and_colours(tmp_path):
  results.write_legend(str(tmp_path), 'camvid', 13)
  legend = json.loads((tmp_path / 'legend.json').read_text())
  assert legend[3] == {'id': 3, 'name': 'Road', 'color': [128, 64, 128]}
  assert [entry['id'] for entry in legend] == list(range(13))
  assert legend[12] == {
      'id': 12, 'name': 'class 12',
      'color': dataset_info.get('camvid').palette[12].tolist()}
