"""Classes and colours of the known data sets."""

import json

import needs
import numpy as np
import pytest

from segsort.data import dataset_info
from segsort.errors import InputError



def test_first_and_last_colours_of_voc():
  palette = dataset_info.voc_palette()
  np.testing.assert_array_equal(palette[:9], [
      (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128),
      (128, 0, 128), (0, 128, 128), (128, 128, 128), (64, 0, 0)])
  np.testing.assert_array_equal(palette[255], (224, 224, 192))
  assert palette.dtype == np.uint8
  assert len(np.unique(palette, axis=0)) == 256


def test_voc_palette_and_names_are_the_release_s():
  facts = json.loads(needs.shared('data/voc_colormap.json').read_text())
  np.testing.assert_array_equal(
      dataset_info.voc_palette(), facts['colormap_uint8_rgb'])
  assert dataset_info.get('voc12').class_names == tuple(facts['class_names'])


@pytest.mark.parametrize(
    'name, num_classes, first, last',
    [('voc12', 21, 'background', 'tvmonitor'),
     ('camvid', 11, 'Sky', 'Bicyclist'),
     ('demo', 8, 'background', 'grainy-blob'),
     ('cityscapes', 19, 'road', 'bicycle'),
     ('coco_stuff', 171, 'person', 'wood')])
def test_classes(name, num_classes, first, last):
  info = dataset_info.get(name)
  assert info.name == name
  assert info.num_classes == num_classes == len(set(info.class_names))
  assert (info.class_names[0], info.class_names[-1]) == (first, last)
  assert info.ignore_label == 255
  assert not info.palette.flags.writeable


def test_camvid_colours_end_where_its_classes_end():
  palette = dataset_info.get('camvid').palette
  np.testing.assert_array_equal(palette[0], (128, 128, 128))
  np.testing.assert_array_equal(palette[4], (60, 40, 222))
  np.testing.assert_array_equal(palette[10], (0, 128, 192))
  np.testing.assert_array_equal(
      palette[11:], dataset_info.voc_palette()[11:])


def test_unknown_data_set_names_the_known_ones():
  with pytest.raises(InputError) as error:
    dataset_info.get('voc07')
  assert str(error.value) == (
      "unknown data set 'voc07': choose one of voc12, camvid, demo, "
      'cityscapes, coco_stuff, FILE.json')
