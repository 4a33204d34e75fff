"""Labels and prototypes of an image against loops."""

import closeness
import embedding_twins
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import labelling

SETTINGS = {'num_clusters': 3, 'iterations': 3, 'num_classes': 4}


@pytest.fixture(name='embeddings')
def _embeddings(rng):
  blocks = np.kron(rng.normal(size=(4, 5, 6)), np.ones((5, 4, 1)))
  return embedding_twins.unit(
      blocks + rng.normal(0, .2, blocks.shape)).astype(np.float32)


def test_labels_and_neighbours_equal_a_twin(rng, embeddings):
  prototypes = embedding_twins.unit(rng.normal(size=(40, 6))).astype('f4')
  classes = rng.integers(0, 4, 40).astype(np.int32)
  found = labelling.label_image(
      tf.constant(embeddings), prototypes, classes, num_neighbours=5,
      **SETTINGS)
  height, width = embeddings.shape[:2]
  segments = embedding_twins.cluster(
      embeddings, embedding_twins.locations(height, width),
      np.ones((height, width), bool), 3, 3, clear=True)
  np.testing.assert_array_equal(found['segments'], segments)
  for segment in np.unique(segments):
    mean = embedding_twins.unit(embeddings[segments == segment].sum(0))
    cosines = prototypes @ mean
    nearest = closeness.leaders(cosines, 5)
    np.testing.assert_array_equal(found['neighbours'][segment], nearest)
    closeness.assert_close(found['similarities'][segment], cosines[nearest])
    winner = np.bincount(classes[nearest], minlength=4).argmax()
    assert found['segment_labels'][segment] == winner
    assert (found['labels'].numpy()[segments == segment] == winner).all()


def test_prototypes_equal_a_twin(rng, embeddings):
  classes = rng.integers(0, 2, embeddings.shape[:2]).astype(np.int32)
  classes[:3], classes[-1] = 255, -1
  features, labels = labelling.image_prototypes(
      tf.constant(embeddings), tf.constant(classes), **SETTINGS)
  annotated = (classes >= 0) & (classes < 4)
  clusters = embedding_twins.cluster(
      embeddings, embedding_twins.locations(*classes.shape), annotated, 3, 3,
      clear=True)
  order = list(dict.fromkeys(clusters[annotated].tolist()))
  assert len(order) == len(labels)
  for cluster, feature, label in zip(order, features, labels):
    majority = np.bincount(classes[clusters == cluster]).argmax()
    assert label == majority
    closeness.assert_close(feature, embedding_twins.unit(
        embeddings[(clusters == cluster) & (classes == majority)].sum(0)))


def test_embeddings_are_resized_before_they_get_unit_length():
  embeddings = tf.constant([[[[1., 0.], [0., 1.]]]])
  resized = labelling.resize_embeddings(embeddings, (1, 4))[0, 0]
  closeness.assert_close(
      resized, [[1, 0], [.5**.5, .5**.5], [0, 1], [0, 1]])
