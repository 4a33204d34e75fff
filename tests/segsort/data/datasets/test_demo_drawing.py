"""The demo's pictures: labels, balance, and that colour tells no class."""

import cv2
import numpy as np
import pytest
import scipy.spatial

from segsort.data import dataset_info
from segsort.data.datasets import demo_drawing
from segsort.evaluation.confusion_matrix import ConfusionMatrix

NUM_CLASSES = dataset_info.get('demo').num_classes


def colour_clusters(image, num_clusters, place_weight):
  """k-means of one picture on colour and place, i32[H W]."""
  place = place_weight * np.stack(np.indices(image.shape[:2]), axis=-1)
  points = np.concatenate([image, place], axis=-1).reshape(-1, 5)
  cv2.setRNGSeed(1)
  return cv2.kmeans(
      points.astype(np.float32), num_clusters, None, (3, 10, 0), 1,
      cv2.KMEANS_PP_CENTERS)[1].ravel()


def mean_colours(image, clusters):
  """The mean colour of each cluster, f64[K, 3]."""
  return np.array([image.reshape(-1, 3)[clusters == cluster].mean(axis=0)
                   for cluster in range(clusters.max() + 1)])


def score_by_colour(train, val, num_clusters, place_weight, k=15):
  """mIoU of colour k-means segments labelled by their nearest neighbours."""
  colours, labels = [], []
  for image, truth in train:
    clusters = colour_clusters(image, num_clusters, place_weight)
    for cluster, colour in enumerate(mean_colours(image, clusters)):
      inside = truth.ravel()[(clusters == cluster) & (truth.ravel() != 255)]
      if inside.size:
        colours.append(colour)
        labels.append(np.bincount(inside).argmax())
  labels = np.array(labels)
  neighbours = scipy.spatial.cKDTree(np.array(colours))
  matrix = ConfusionMatrix(NUM_CLASSES)
  for image, truth in val:
    clusters = colour_clusters(image, num_clusters, place_weight)
    nearest = neighbours.query(mean_colours(image, clusters), k)[1]
    votes = np.array([np.bincount(row).argmax() for row in labels[nearest]])
    matrix.update(truth.ravel(), votes[clusters])
  return matrix.mean_iou()


@pytest.fixture(scope='module')
def pictures():
  """A small set: 24 pictures to learn from and 12 to score on."""
  return ([demo_drawing.draw(1, 'train', number) for number in range(24)],
          [demo_drawing.draw(1, 'val', number) for number in range(12)])


@pytest.mark.parametrize(
    'num_clusters, place_weight', [(25, 0.), (25, 1.), (50, 1.)])
def test_colour_alone_scores_under_40(pictures, num_clusters, place_weight):
  assert score_by_colour(*pictures, num_clusters, place_weight) < 0.4


def test_colour_scores_high_where_it_tells_the_class(pictures):
  # The control: the same baseline on the same labels, painted by class.
  palette = dataset_info.get('demo').palette
  rng = np.random.default_rng(0)
  painted = [[(palette[labels] + rng.normal(0, 8, (*labels.shape, 3)), labels)
              for _, labels in split] for split in pictures]
  assert score_by_colour(*painted, 25, 0.) > 0.9


def test_a_picture_follows_from_seed_split_and_number():
  first = demo_drawing.draw(3, 'train', 1)
  again = demo_drawing.draw(3, 'train', 1)
  np.testing.assert_array_equal(first[0], again[0])
  np.testing.assert_array_equal(first[1], again[1])
  for others in ((4, 'train', 1), (3, 'val', 1), (3, 'train', 2)):
    assert (demo_drawing.draw(*others)[0] != first[0]).mean() > 0.5


def test_every_fourth_picture_is_portrait(pictures):
  for number, (image, labels) in enumerate(pictures[0]):
    size = (128, 96) if number % 4 == 3 else (96, 128)
    assert image.shape == (*size, 3) and labels.shape == size
    assert image.dtype == labels.dtype == np.uint8


def test_classes_are_about_as_frequent(pictures):
  labels = np.concatenate([labels.ravel() for _, labels in sum(pictures, [])])
  counts = np.bincount(labels, minlength=256)
  assert counts[NUM_CLASSES:255].sum() == 0
  shares = counts / counts.sum()
  assert 0.4 < shares[0] < 0.65
  # About 100 objects: 15 a class, give or take 4, of 1200 pixels or so each.
  assert shares[1:NUM_CLASSES].min() > 0.02
  assert shares[1:NUM_CLASSES].max() < 0.12
  assert 0.02 < shares[255] < 0.1  # the thin lines


def test_objects_are_large(pictures):
  # At stride 8 an object has to cover some grid cells.
  for _, labels in sum(pictures, []):
    for class_id in np.unique(labels[(labels > 0) & (labels < 255)]):
      assert (labels == class_id).sum() > 64


def test_ignored_line_lies_on_both_sides_of_a_border():
  owners = np.zeros((15, 15), np.uint8)
  owners[:, 6:] = 1  # 5x5 pixels: the border is after the second column
  labels = demo_drawing._outlined(owners, [0, 4])
  np.testing.assert_array_equal(labels, [[0, 255, 255, 4, 4]] * 5)


def test_two_objects_of_a_class_are_divided_and_none_gives_no_line():
  owners = np.repeat(np.array([[1] * 9 + [2] * 9], np.uint8), 9, axis=0)
  np.testing.assert_array_equal(
      demo_drawing._outlined(owners, [0, 5, 5]), [[5, 5, 255, 255, 5, 5]] * 3)
  np.testing.assert_array_equal(
      demo_drawing._outlined(owners * 0, [0]), np.zeros((3, 6)))
