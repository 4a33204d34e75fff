"""Runs with a network that is taken as it is, a transformer of one size."""

import commands
import keras_networks
import keras_runs
import numpy as np
import pytest
import tensorflow as tf

from segsort.data import reading


pytestmark = pytest.mark.slow

SMALL = {'head': 'deeplab', 'embedding_dim': 8, 'num_clusters': 3,
         'kmeans_iterations': 3, 'batch_size': 2, 'num_steps': 2,
         'save_pred_every': 1, 'batch_norm_decay': .9}


@pytest.fixture(scope='module', name='where')
def _where(tmp_path_factory):
  """Two pictures of two classes: (data_dir, data_list)."""
  return keras_runs.write_pictures(tmp_path_factory.mktemp('data'))


@pytest.fixture(scope='module', name='run')
def _run(where, tmp_path_factory):
  """Flags of a run of two steps; pictures have two windows side by side."""
  folder = tmp_path_factory.mktemp('runs')
  keras_networks.save_transformer(folder / 'vit.keras')
  flags = {'data_dir': where[0], 'data_list': where[1], 'input_size': '32,32',
           'num_classes': 2, 'dataset': 'demo'}
  out = commands.succeed(
      'train_segsort', **flags, **keras_networks.VIT_FLAGS,
      **SMALL, backbone=folder / 'vit.keras', snapshot_dir=folder / 'run')
  return folder, flags, out


def test_a_transformer_trains_and_goes_on(run, tmp_path):
  folder, flags, out = run
  assert 'vit.keras is taken as it is, at stride 16 of pictures of 32x32' in out
  assert 'restored 21 variables of 29 from' in out
  other = keras_runs.stopped(folder / 'run', tmp_path / 'other')
  commands.succeed(
      'train_segsort', **flags, **keras_networks.VIT_FLAGS,
      **SMALL, backbone=folder / 'vit.keras', snapshot_dir=other)
  moved = keras_runs.moved_alike(folder / 'run', other)
  assert {'small_vit/attention/3/weights', 'small_vit/positions/embeddings',
          'small_vit/block/moving_mean', 'small_vit/block/1/weights',
          'small_vit/patches/weights'} <= set(moved)


def test_prototypes_labels_and_export(run, tmp_path):
  folder, flags, _ = run
  flags = {**flags, 'restore_from': folder / 'run'}
  assert 'give --input_size 32,32' in commands.fail(
      'extract_prototypes', **{**flags, 'input_size': '32,48'},
      save_dir=tmp_path)
  commands.succeed('extract_prototypes', **flags, save_dir=tmp_path / 'train')
  known = {'prototype_dir': tmp_path / 'train/prototypes',
           'k_in_nearest_neighbors': 3}
  commands.succeed(
      'inference', **flags, **known, save_dir=tmp_path / 'labels')
  for name in ('data_dir', 'data_list'):
    del flags[name]
  commands.succeed(
      'export_model', **flags, **known, save_dir=tmp_path / 'export')
  label = tf.saved_model.load(
      str(tmp_path / 'export')).signatures['serving_default']
  data = tf.io.read_file(f'{run[1]["data_dir"]}/a.png')
  expected = reading.read_mask(str(tmp_path / 'labels/gray/a.png'))
  assert len(np.unique(expected)) == 2
  np.testing.assert_array_equal(np.squeeze(label(data)['labels']), expected)
