"""Head and loss in other Keras code: equal to training's, and the README's."""

import os
import re
import types

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

from network import segsort
from network.segsort import clustering
from network.segsort import memory_bank
from segsort.training import train_step


def _batch(rng, labels):
  batch, height, width = labels.shape
  return {'labels': tf.constant(labels), 'grid_labels': tf.tile(
      clustering.grid_labels(height, width, 3, 3)[None], [batch, 1, 1]),
          'locations': tf.tile(clustering.location_features(
              height, width)[None], [batch, 1, 1, 1])}


@pytest.mark.parametrize('height, width', ((16, 24), (19, 13)))
def test_the_loss_is_that_of_training_without_a_bank(rng, height, width):
  raw = tf.constant(rng.normal(size=(3, 5, 4, 8)), tf.float32)
  labels = np.kron(rng.integers(0, 3, (3, 4, 3)), np.ones((1, 8, 8), int))[
      :, :height, :width].astype(np.int32)
  labels[0, :9] = 255
  config = types.SimpleNamespace(
      num_clusters=3, kmeans_iterations=4, concentration=6., classes=3,
      location_weight=1., jit_compile=False)
  state = types.SimpleNamespace(bank=memory_bank.MemoryBank(0, 1, 8))
  expected, _ = train_step.supervised_loss(
      raw, _batch(rng, labels), state, config)
  loss = segsort.SegSortLoss(
      num_clusters=3, kmeans_iterations=4, concentration=6.)
  unit = clustering.normalize(raw)
  closeness.assert_close(loss(labels, unit), expected)
  closeness.assert_close(
      loss(labels[..., None].astype(np.uint8), unit), expected)
  negative = np.where(labels == 255, -1, labels)
  closeness.assert_close(loss(negative, unit), expected)
  assert expected > .1


def test_the_loss_of_nothing_is_0(rng):
  embeddings = clustering.normalize(rng.normal(size=(2, 3, 3, 4)))
  assert segsort.SegSortLoss()(np.full((2, 9, 9), 255), embeddings) == 0


def test_the_head_projects_to_unit_length(rng):
  features = rng.normal(size=(2, 3, 4, 6)).astype(np.float32)
  head = segsort.SegSortHead(5)
  embeddings = head(features).numpy()
  kernel, bias = head.get_weights()
  expected = features @ kernel[0, 0] + bias
  expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
  closeness.assert_close(embeddings, expected)
  assert head.compute_output_shape((2, 3, 4, 6)) == (2, 3, 4, 5)


def test_a_model_with_head_and_loss_is_saved_and_loaded(rng, tmp_path):
  images = keras.Input((None, None, 3))
  model = keras.Model(images, segsort.SegSortHead(4)(images))
  model.compile('sgd', segsort.SegSortLoss(num_clusters=2, concentration=7.))
  model.save(tmp_path / 'm.keras')
  loaded = keras.models.load_model(tmp_path / 'm.keras')
  pixels = rng.normal(size=(2, 6, 6, 3)).astype(np.float32)
  np.testing.assert_array_equal(loaded(pixels), model(pixels))
  assert loaded.loss.settings == model.loss.settings
  assert loaded.loss.settings['concentration'] == 7.


def _squares(rng, count):
  """Textured squares of class 1 on plain ground, 48 x 64."""
  images = rng.normal(0, .1, (count, 48, 64, 3)).astype(np.float32)
  masks = np.zeros((count, 48, 64), np.int32)
  for image, mask in zip(images, masks):
    top, left = rng.integers(4, 20), rng.integers(4, 36)
    mask[top:top + 24, left:left + 24] = 1
    image[mask == 1] += [1, 0, -1]
  return images, masks


def test_the_example_of_the_readme_learns(rng, root):
  with open(os.path.join(root, 'README.md'), encoding='utf-8') as file:
    example, = re.findall(
        r'<!-- library example -->\n```python\n(.*?)```\n'
        r'<!-- end of the library example -->', file.read(), re.S)
  keras.utils.set_random_seed(0)
  images, masks = _squares(rng, 18)

  def deeplab(inputs):
    return keras.layers.Conv2D(
        16, 5, strides=4, padding='same', activation='relu')(inputs)

  given = {'deeplab': deeplab, 'epochs': 8, 'num_classes': 2,
           'batches': tf.data.Dataset.from_tensor_slices(
               (images[:16], masks[:16])).batch(4),
           'annotated': images[16], 'mask': masks[16], 'other': images[17]}
  exec(compile(example, 'README.md', 'exec'), given)
  losses = given['model'].history.history['loss']
  assert losses[-1] < .7 * losses[0]
  found = given['found']
  # Ground alone would be .81; an output stride of 4 costs some of the corners.
  assert (found['labels'].numpy() == masks[17]).mean() > .9
  assert found['neighbours'].shape == found['similarities'].shape == (25, 3)
