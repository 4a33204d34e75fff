"""Features that are kept equal those that are computed."""

import os

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

import network
from segsort.data import image_list
from segsort.data import preprocessing
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import feature_cache
from segsort.runs import files


def _model(seed=1, **normalisation):
  keras.utils.set_random_seed(seed)
  return network.build_embedding_model(
      'resnet_small', 'pspnet', 4, **normalisation)


def _images(count, height, width):
  return np.random.default_rng(2).normal(
      0, 50, (count, height, width, 3)).astype(np.float32)


def _kept(folder):
  """The files of features below a folder."""
  return sorted(os.path.join(place, name)
                for place, _, names in os.walk(folder) for name in names)


def test_kept_features_give_the_embeddings_of_the_network(tmp_path):
  model, images = _model(), _images(3, 24, 40)
  first = embedding.Embedder(
      feature_cache.FeatureCache(model, str(tmp_path)), (24, 40), (24, 40))
  plain = embedding.Embedder(model, (24, 40), (24, 40))
  expected = plain.embed_windows(images).numpy()
  closeness.assert_close(first.embed_windows(images[:2]), expected[:2])
  kept = {path: os.stat(path).st_mtime_ns for path in _kept(tmp_path)}
  assert len(kept) == 2
  again = embedding.Embedder(
      feature_cache.FeatureCache(_model(), str(tmp_path)), (24, 40), (24, 40))
  closeness.assert_close(again.embed_windows(images), expected)
  assert len(_kept(tmp_path)) == 3
  assert kept.items() <= {
      path: os.stat(path).st_mtime_ns for path in _kept(tmp_path)}.items()


def test_what_is_kept_is_read(tmp_path):
  cache, images = feature_cache.FeatureCache(
      _model(), str(tmp_path)), _images(1, 16, 16)
  cache.look_up(images)
  path, = _kept(tmp_path)
  files.write_array(path, np.load(path) + 1)
  np.testing.assert_array_equal(
      cache.look_up(images)[0], np.load(path))


def test_other_weights_and_pixels_have_other_files(tmp_path):
  images = _images(2, 16, 24)
  for seed in (1, 2):
    feature_cache.FeatureCache(_model(seed), str(tmp_path)).look_up(images)
  same = feature_cache.FeatureCache(_model(1), str(tmp_path))
  same.look_up(images)
  assert len(_kept(tmp_path)) == 4
  same.look_up(images.reshape(2, 24, 16, 3))  # the same bytes
  assert len(_kept(tmp_path)) == 6


def test_the_head_names_and_training_do_not_count():
  model = _model()
  before = feature_cache.digest_of(network.split(model)[0])
  other = _model(batch_norm_decay=.5, synchronized=True)
  assert feature_cache.digest_of(network.split(other)[0]) == before
  model.layers[-2].kernel.assign_add(tf.ones_like(model.layers[-2].kernel))
  assert feature_cache.digest_of(network.split(model)[0]) == before
  statistics = next(layer for layer in model.layers
                    if isinstance(layer, keras.layers.BatchNormalization))
  statistics.moving_mean.assign_add(tf.ones_like(statistics.moving_mean))
  assert feature_cache.digest_of(network.split(model)[0]) != before


def test_a_file_cut_short_is_computed_anew(tmp_path):
  cache, images = feature_cache.FeatureCache(
      _model(), str(tmp_path)), _images(1, 16, 16)
  expected = cache.look_up(images)
  path, = _kept(tmp_path)
  with open(path, 'r+b') as file:
    file.truncate(os.path.getsize(path) // 2)
  np.testing.assert_array_equal(cache.look_up(images), expected)
  np.testing.assert_array_equal(np.load(path), expected[0])


def _examples(folder, *sizes):
  examples = []
  for index, size in enumerate(sizes):
    path = str(folder / f'{index}.png')
    files.write_png(path, np.random.default_rng(index).integers(
        0, 256, (*size, 3), np.uint8))
    examples.append(image_list.Example(
        image=path, mask='', oversegmentation='', name=str(index),
        where=f'line {index}'))
  return examples


def test_crops_are_of_the_features_of_the_whole_image_or_its_mirror(tmp_path):
  model = _model()
  examples = _examples(tmp_path, (40, 51), (20, 60))
  features = feature_cache.TrainingFeatures(
      feature_cache.FeatureCache(model, str(tmp_path / 'kept')), examples,
      (32, 24))
  assert features.stride == 8
  backbone, _ = network.split(model)
  for index, (padded, offset) in enumerate((((40, 51), (8, 16)),
                                            ((32, 60), (0, 24)))):
    image = preprocessing.subtract_mean(_pixels(examples[index])).numpy()
    whole = np.zeros((*padded, 3), np.float32)
    whole[:image.shape[0], :image.shape[1]] = image
    for mirror in (False, True):
      seen = whole[:, ::-1] if mirror else whole
      expected = backbone(seen[None], training=False).numpy()[0]
      top, left = offset[0] // 8, offset[1] // 8
      found = features.crop(index, mirror, offset)
      assert found.shape[:2] == (4, 3)
      closeness.assert_close(
          found, expected[top:top + 4, left:left + 3])


def _pixels(example):
  """The pixels u8[H, W, 3] of an example."""
  return reading.read_image(example.image)


def test_crops_end_where_cells_do(tmp_path):
  with pytest.raises(
      InputError, match='--input_size 32,20 is no multiple of 8'):
    feature_cache.TrainingFeatures(
        feature_cache.FeatureCache(_model(), str(tmp_path / 'kept')),
        _examples(tmp_path, (40, 40)), (32, 20))
