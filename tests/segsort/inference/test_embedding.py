"""Windows by hand, their sums against a twin, and images of any size."""

import dataclasses

import closeness
import embedding_twins
import numpy as np
import pytest
import small_runs
import tensorflow as tf

import network
from segsort.checkpoints import checkpoint
from segsort.errors import InputError
from segsort.inference import cues as cues_lib
from segsort.inference import embedding
from segsort.inference import inference_settings
from segsort.training import training


@pytest.mark.parametrize('size, window, stride, expected', (
    (4, 4, 3, [4]), (10, 4, 3, [4, 7, 10]), (11, 4, 3, [4, 6, 8, 11]),
    (5, 4, 4, [4, 5]), (500, 336, 224, [336, 500]),
    (8, 4, 1, [4, 5, 6, 7, 8])))
def test_window_ends_by_hand(size, window, stride, expected):
  assert embedding.window_ends(size, window, stride) == expected


def test_windows_go_row_by_row():
  assert embedding.windows_of((4, 7), (4, 4), (3, 3)) == [
      (0, 4, 0, 4), (0, 4, 3, 7)]
  assert embedding.windows_of((6, 5), (4, 4), (2, 9)) == [
      (0, 4, 0, 4), (0, 4, 1, 5), (2, 6, 0, 4), (2, 6, 1, 5)]


def test_windows_leave_no_pixel_out():
  for size in range(5, 40):
    for stride in range(1, 6):
      ends = embedding.window_ends(size, 5, stride)
      assert ends[0] == 5 and ends[-1] == size
      assert max(np.diff(ends), default=0) <= 5


@pytest.mark.parametrize('height, width, ends', (
    (16, 24, ([16], [24])),  # the window itself
    (9, 13, ([16], [24])),  # smaller: one padded window
    (40, 60, ([16, 28, 40], [24, 36, 48, 60])),  # larger, landscape
    (33, 20, ([16, 24, 33], [24])),  # portrait, taller and narrower
    (7, 45, ([16], [24, 34, 45]))))  # flatter and wider
def test_embeddings_of_overlapping_windows_are_summed(
    rng, height, width, ends):
  image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
  embedder = embedding.Embedder(
      embedding_twins.eighth_pixels, (16, 24), (12, 12))
  embeddings = embedder.embed(image).numpy()
  expected = embedding_twins.embed(image, (16, 24), ends)
  assert embeddings.shape == (height, width, 4)
  closeness.assert_close(embeddings, expected)


def test_padding_beside_an_image_changes_no_embedding_of_one_window(rng):
  # The network of this test sees each pixel alone, so that padding to a
  # larger window only moves the resize's last cell.
  image = rng.integers(0, 256, (17, 17, 3), dtype=np.uint8)
  small, large = (
      embedding.Embedder(embedding_twins.eighth_pixels, window, (8, 8)).embed(
          image).numpy() for window in ((24, 24), (40, 40)))
  closeness.assert_close(small[:9, :9], large[:9, :9])


def test_a_restored_network_holds_the_checkpoint(tmp_path):
  model = network.build_embedding_model('resnet_small', 'deeplab', 8)
  variables = network.named_variables(model)
  checkpoint.save(str(tmp_path / 'model.ckpt-3'), variables)

  def restore(**settings):
    return embedding.restore_model(small_runs.restored_config(
        inference_settings.ExtractConfig, ('', ''), tmp_path, '',
        **{'head': 'deeplab', **settings}))

  restored = network.named_variables(restore())
  for name, variable in variables.items():
    np.testing.assert_array_equal(restored[name], variable)
  with pytest.raises(InputError, match='another architecture'):
    restore(head='pspnet')
  with pytest.raises(InputError, match=r'\(8,\) there, \(9,\) here'):
    restore(embedding_dim=9)


def _restore(**given):
  with pytest.raises(InputError):  # there is no checkpoint
    embedding.restore_model(small_runs.restored_config(
        inference_settings.ExtractConfig, ('', ''), 'absent', '', **given))


def _train(**given):
  training.set_numerics(small_runs.train_config(('', ''), '', **given), None)


@pytest.mark.parametrize('start', (_restore, _train))
def test_products_are_of_float32_but_by_the_flag(start, monkeypatch):
  monkeypatch.setattr(network, 'build_embedding_model', lambda *unused: None)
  enabled = tf.config.experimental.tensor_float_32_execution_enabled
  start(tensor_float_32=True)
  assert enabled()
  start()  # whatever ran before in this process
  assert not enabled()


def test_cues_by_hand():
  locations = tf.constant([[[.25, .5]]])
  pixels = np.array([[[0, 51, 255]]], np.uint8)
  config = small_runs.restored_config(
      inference_settings.ExtractConfig, ('', ''), '', '')
  assert cues_lib.cues_of(locations, None, config).numpy().tolist() == [
      [[.25, .5]]]
  assert cues_lib.num_cues(config) == 2
  config = dataclasses.replace(config, location_weight=2., color_weight=.5)
  closeness.assert_close(
      cues_lib.cues_of(locations, pixels, config), [[[.5, 1, 0, .1, .5]]])
  assert cues_lib.num_cues(config) == 5
