"""Resizing all of an image and then cropping gives what ours gives."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from segsort.benchmark import data_suite
from segsort.benchmark import data_twin
from segsort.benchmark import loss_suite
from segsort.data import input_pipeline
from segsort.data import preprocessing
from segsort.runs import settings as settings_lib


@pytest.mark.parametrize('number', range(6))
def test_twin_and_ours_agree(tmp_path, number):
  config = loss_suite.make_config(
      1, input_size=settings_lib.Size((70, 90)), num_clusters=3)
  example, = data_suite.write_examples(str(tmp_path), 1, size=(75, 100))
  image, labels = input_pipeline.read_example(example, 21, 255, 'voc12')
  view = preprocessing.draw_view(
      tf.shape(labels), config.input_size, [3, number], random_scale=True,
      random_mirror=True, random_crop=True)
  ours = input_pipeline.view_labelled(image, labels, config, view)
  twin = data_twin.view_example(
      image, labels, config.input_size, view, config.num_clusters)
  assert ours.keys() == twin.keys()
  closeness.assert_close(ours['image'], twin['image'])
  np.testing.assert_array_equal(ours['grid_labels'], twin['grid_labels'])
  np.testing.assert_array_equal(ours['labels'], twin['labels'])
  closeness.assert_close(ours['locations'], twin['locations'])
