"""`--tf1_compat` of extraction and inference, by hand."""

import closeness
import embedding_twins
import numpy as np
import pytest
import small_runs

from segsort.data import dataset_info
from segsort.data import reading
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import inference_settings
from segsort.inference import labeller as labeller_lib
from segsort.inference import prototype_set
from segsort.inference import tf1_compat
from segsort.runs import settings as settings_lib


def test_extraction_locations_of_a_large_image_span_it():
  locations = tf1_compat.extraction_locations((3, 5), (2, 2))
  closeness.assert_close(locations[..., 0], [[0] * 5, [.5] * 5, [1] * 5])
  closeness.assert_close(locations[..., 1], [[0, .25, .5, .75, 1]] * 3)


def test_extraction_locations_of_a_narrow_image_are_misaligned():
  # Padded to 2 x 3: (0,0) (0,.5) (0,1) (1,0); dealt out to 2 x 2.
  locations = tf1_compat.extraction_locations((2, 2), (2, 3))
  closeness.assert_close(
      locations, [[[0, 0], [0, .5]], [[0, 1], [1, 0]]])


def test_extraction_locations_of_a_low_image_end_before_1():
  locations = tf1_compat.extraction_locations((2, 2), (5, 2))
  closeness.assert_close(locations[..., 0], [[0, 0], [.25, .25]])


def test_one_pixel_is_at_the_origin():
  np.testing.assert_array_equal(
      tf1_compat.extraction_locations((1, 1), (1, 1)), [[[0, 0]]])


def test_a_small_image_is_padded_and_the_padding_located(rng):
  image = rng.integers(0, 256, (2, 3, 3), dtype=np.uint8)
  labels = np.arange(6, dtype=np.int32).reshape(2, 3)
  pixels, locations, (labels,) = tf1_compat.inference_view(
      image, (3, 5), (labels,))
  expected = np.zeros([3, 5, 3])
  expected[:2, :3] = image - np.array(dataset_info.PIXEL_MEAN)
  closeness.assert_close(pixels, expected, 1e-6)  # a single subtraction
  np.testing.assert_array_equal(
      labels, [[0, 1, 2, 255, 255], [3, 4, 5, 255, 255], [255] * 5])
  closeness.assert_close(locations[1, 2], [1 / 2, 2 / 3])
  closeness.assert_close(locations[2, 4], [255 / 2, 255 / 3])


def test_a_large_image_is_cut_at_the_centre(rng):
  image = rng.integers(0, 256, (5, 8, 3), dtype=np.uint8)
  pixels, locations, _ = tf1_compat.inference_view(image, (2, 4))
  closeness.assert_close(
      pixels, image[1:3, 2:6] - np.array(dataset_info.PIXEL_MEAN),
      1e-6)  # a single subtraction
  closeness.assert_close(locations[0, 0], [1 / 5, 2 / 8])


@pytest.mark.parametrize('settings, multi', (
    ({}, False), ({'strides': (8, 8)}, True), ({'flip_aug': True}, True),
    ({'scale_aug': True}, True)))
def test_flags_tell_the_two_scripts_apart(settings, multi):
  config = inference_settings.InferenceConfig(
      data_list='', data_dir='', restore_from='', save_dir='',
      prototype_dir='', tf1_compat=True, **settings)
  assert tf1_compat.inference_is_multi(config) is multi


def test_windows_are_located_in_themselves():
  place, locations = tf1_compat.inference_locate((4, 6, 8, 12), (5, 99))
  assert place == (4, 6, 8, 12)
  closeness.assert_close(locations[1, 3], [1 / 2, 3 / 4])


def _labeller(rng, window, **settings):
  """A labeller, and the prototypes that it labels by."""
  features = embedding_twins.unit(rng.normal(size=(30, 4))).astype(np.float32)
  labels = rng.integers(0, 3, 30).astype(np.int32)
  config = small_runs.restored_config(
      inference_settings.InferenceConfig, ('', ''), '', '', prototype_dir='',
      embedding_dim=4, num_classes=3, k_in_nearest_neighbors=5,
      tf1_compat=True, **settings)
  embedder = embedding.Embedder(
      embedding_twins.eighth_pixels, window, (8, 8))
  return labeller_lib.Labeller(embedder, features, labels, config), (
      features, labels)


def test_single_labels_one_window_its_padding_included(rng):
  image = np.kron(rng.integers(0, 256, (4, 8, 3)), np.ones((5, 5, 1)))
  labeller, (features, labels) = _labeller(rng, (24, 24))
  found = labeller.predict(image.astype(np.uint8))
  (_, _, raw), = embedding_twins.windows(
      embedding_twins.subtract_mean(image[:, 8:32]), (24, 24), ([24], [24]))
  rows, columns = np.indices((24, 24))
  places = np.stack([rows / 20, (columns + 8) / 40], -1)
  places[20:] = 255 / 20, 255 / 40
  raw = embedding_twins.unit(raw)
  clusters = embedding_twins.cluster(
      raw, places, np.ones([24, 24], bool), 3, 3)
  expected = np.zeros([24, 24], int)
  for cluster in np.unique(clusters):
    query = embedding_twins.unit(raw[clusters == cluster].sum(0))
    nearest = np.argsort(-(features @ query), kind='stable')[:5]
    expected[clusters == cluster] = np.bincount(labels[nearest]).argmax()
  assert found.shape == (20, 24)  # of a wider image only the centre
  # Pixels between two clusters may go either way.
  assert (found == expected[:20]).mean() > .99


def test_multi_labels_are_those_of_the_image(rng):
  image = rng.integers(0, 256, (20, 40, 3), dtype=np.uint8)
  labels = _labeller(rng, (24, 24), strides=(8, 8))[0].predict(image)
  assert labels.shape == (20, 40)


def test_prototypes_change_with_the_switch(tiny_dataset, tmp_path, monkeypatch):
  monkeypatch.setattr(
      embedding, 'restore_model', lambda _: embedding_twins.eighth_pixels)
  found = []
  for compat in (False, True):
    config = small_runs.restored_config(
        inference_settings.ExtractConfig, tiny_dataset, '',
        tmp_path / str(compat), embedding_dim=4, tf1_compat=compat)
    extraction.extract_prototypes(config)
    found.append(prototype_set.load(config.save_dir, 4, 2)[0])
  assert found[0].shape != found[1].shape or np.abs(
      found[0] - found[1]).max() > 1e-3
  embeddings = embedding_twins.unit(np.random.default_rng(0).normal(
      size=(40, 56, 4))).astype(np.float32)
  classes = reading.read_mask(f'{tiny_dataset[0]}/segcls/im0.png')
  config = small_runs.restored_config(
      inference_settings.ExtractConfig, tiny_dataset, '', '', embedding_dim=4,
      tf1_compat=True, input_size=settings_lib.Size((48, 64)), num_clusters=2)
  features, _ = extraction.prototypes_of(
      embeddings, classes, classes != 255, config)
  clusters = embedding_twins.cluster(
      embeddings, tf1_compat.extraction_locations((40, 56), (48, 64)),
      classes != 255, 2, 3)
  first = clusters[classes != 255][0]
  members = embeddings[(clusters == first) & (classes == np.bincount(
      classes[clusters == first]).argmax())]
  closeness.assert_close(features[0], embedding_twins.unit(members.sum(0)))
