"""Scores as lines and as tables."""

import json

import numpy as np
import pytest

from segsort.data import dataset_info
from segsort.evaluation import score_report
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.evaluation.image_scores import BoundaryScores


def _boundaries():
  """Class 0 is found in two images, class 1 in one, class 2 in none."""
  trimaps = [ConfusionMatrix(3) for _ in range(5)]
  for trimap in trimaps[1:]:
    trimap.counts[:2, :2] = [[3, 0], [1, 2]]
  return BoundaryScores(
      f=np.array([[1, .5, np.nan], [.5, np.nan, np.nan]]),
      bands=np.array([[2, 0, 0], [4, 1, 0], [3, 1, 0]]), trimaps=trimaps,
      void=np.array([8, 2]))


def test_classes_beyond_the_data_set_get_made_up_names():
  assert dataset_info.class_names('camvid', 2) == ('Sky', 'Building')
  assert dataset_info.class_names('camvid', 13)[10:] == (
      'Bicyclist', 'class11', 'class12')


def test_lines_of_boundaries():
  """Images score .75 and .5; IoU is 2 / 5 and 0 / 2; 3 / 4 and 2 / 3."""
  lines = score_report.boundary_lines(_boundaries(), ('a', 'b', 'c'))
  assert lines == [
      'class a              : 00, boundary F: 75.0000%, boundary IOU: 40.0000%',
      'class b              : 01, boundary F: 50.0000%, boundary IOU: 0.0000%',
      'class c              : 02, boundary F: absent, boundary IOU: absent',
      'ignored pixels that count as the nearest class for these: 75.0000%',
      'mean boundary F: 62.5000%',
      'mean boundary IOU: 20.0000%',
      'mean IOU within 1 px of a boundary: absent',
      *(f'mean IOU within {width} px of a boundary: 70.8333%'
        for width in (2, 4, 8, 16))]


def test_table_of_boundaries_is_json_without_nan():
  table = score_report.boundary_table(_boundaries(), ('a', 'b', 'c'))
  table = json.loads(json.dumps(table, allow_nan=False))
  trimaps = table.pop('trimap_mean_iou')
  assert list(trimaps) == ['1', '2', '4', '8', '16'] and trimaps['1'] is None
  assert list(trimaps.values())[1:] == [pytest.approx(17 / 24)] * 4
  assert table == {
      'ignored_pixels': 8, 'ignored_pixels_filled': 6,
      'mean_boundary_f': .625,
      'boundary_f': {'a': .75, 'b': .5, 'c': None},
      'mean_boundary_iou': .2,
      'boundary_iou': {'a': .4, 'b': 0, 'c': None}}
