"""Runs with a network of Keras: training, going on, inference, export."""

import contextlib
import dataclasses
import io
import os
import shutil

import commands
import keras_networks
import keras_runs
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import inference_settings
from segsort.inference import prototype_set
from segsort.training import training


@pytest.fixture(scope='module', name='network_file')
def _network_file(tmp_path_factory):
  path = tmp_path_factory.mktemp('network') / 'mine.keras'
  keras_networks.save(path)
  return str(path)


def _config(where, folder, backbone, **settings):
  if backbone.endswith('.keras'):
    settings = {**keras_networks.FLAGS, **settings}
  return small_runs.train_config(
      where, folder, backbone=backbone, head='deeplab', num_steps=2,
      save_pred_every=1, **settings)


@pytest.fixture(scope='module', name='where')
def _where(tmp_path_factory):
  return keras_runs.write_pictures(tmp_path_factory.mktemp('data'))


@pytest.fixture(scope='module', name='run')
def _run(where, network_file, tmp_path_factory):
  """A run of two steps, the second one resumed too: folder, file, output."""
  folder = tmp_path_factory.mktemp('runs') / 'run'
  out = io.StringIO()
  with contextlib.redirect_stdout(out):
    training.train(_config(
        where, folder, network_file, freeze_batch_norm=True))
  return folder, network_file, out.getvalue()


def _goes_on(where, run, folder, backbone, **settings):
  """Asserts that one step and another equal two; returns what has moved."""
  other = keras_runs.stopped(run, folder)
  training.train(_config(where, other, backbone, **settings))
  return keras_runs.moved_alike(run, other)


def test_two_steps_are_one_and_another(where, tmp_path, run):
  folder, backbone, out = run
  assert f'restored 32 variables of 40 from {backbone}' in out
  moved = _goes_on(
      where, folder, tmp_path / 'other', backbone, freeze_batch_norm=True)
  assert 'small_net/depthwise_0/weights' in moved
  # Frozen statistics stay, and have no momentum.
  assert not any('batch_normalization' in name for name in moved)


@pytest.mark.slow
def test_mobilenet_v2_trains_and_goes_on(where, tmp_path):
  training.train(_config(where, tmp_path / 'run', 'MobileNetV2'))
  moved = _goes_on(where, tmp_path / 'run', tmp_path / 'other', 'MobileNetV2')
  assert {'MobileNetV2/block_16_depthwise/weights',
          'MobileNetV2/bn_Conv1/moving_mean'} <= set(moved)


def _restored(where, run, tmp_path):
  return inference_settings.ExtractConfig(**(
      inference_settings.ExtractConfig.complete({
          'restore_from': str(run), 'data_dir': where[0],
          'data_list': where[1], 'save_dir': str(tmp_path / 'results')})))


def test_later_stages_rebuild_the_network_and_know_its_file(
    where, tmp_path, run):
  folder = shutil.copytree(run[0], tmp_path / 'run')
  path = str(shutil.copy(run[1], tmp_path / 'own.keras'))
  config = _restored(where, folder, tmp_path)
  assert (config.backbone, config.backbone_features) == (run[1], 'last_bn')
  config = dataclasses.replace(config, backbone=path)  # it has moved
  assert embedding.restore_model(config).get_layer('small_net.stem')
  keras_networks.save(path, channels=12)
  with pytest.raises(InputError, match='has another content than the backbone'):
    embedding.restore_model(config)
  with pytest.raises(InputError, match='another content of --backbone'):
    training.train(_config(where, folder, path, freeze_batch_norm=True))
  os.remove(path)
  with pytest.raises(InputError, match='no file .*own.keras, the network of'):
    embedding.restore_model(config)


@pytest.mark.slow
def test_an_export_labels_as_the_script(where, tmp_path, run):
  flags = {'restore_from': run[0], 'input_size': '40,56', 'num_classes': 2,
           'dataset': 'demo'}
  lists = {'data_dir': where[0], 'data_list': where[1]}
  directions = np.random.default_rng(3).normal(size=(20, 8))
  prototype_set.save(
      str(tmp_path / 'prototypes'),
      directions / np.linalg.norm(directions, axis=1, keepdims=True),
      np.arange(20) % 2)
  flags |= {'prototype_dir': tmp_path / 'prototypes',
            'k_in_nearest_neighbors': 3}
  commands.succeed('inference', '--fold_batch_norm', **flags, **lists,
                   save_dir=tmp_path / 'labels')
  commands.succeed('export_model', '--fold_batch_norm', **flags,
                   save_dir=tmp_path / 'export')
  label = tf.saved_model.load(
      str(tmp_path / 'export')).signatures['serving_default']
  np.testing.assert_array_equal(
      np.squeeze(label(tf.io.read_file(f'{where[0]}/a.png'))['labels']),
      reading.read_mask(str(tmp_path / 'labels/gray/a.png')))
