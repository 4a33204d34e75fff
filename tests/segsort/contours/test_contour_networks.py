"""Contours from a backbone of Keras: weights, resumption, bad input."""

import json

import commands
import keras
import keras_networks
import numpy as np
import pytest

from segsort.data import reading
from segsort.runs import files

SCRIPT = 'train_contours'


@pytest.fixture(name='train')
def _train(tmp_path, monkeypatch, rng):
  """Flags of a training of one small step on two pictures."""
  from segsort.evaluation import region_files
  for number in range(2):
    files.write_png(str(tmp_path / f'data/images/val/{number}.jpg'),
                    rng.integers(0, 256, (40, 33, 3), np.uint8))
    files.write_bytes(
        str(tmp_path / f'data/groundTruth/val/{number}.mat'), b'read below')
  line = np.zeros((40, 33), bool)
  line[:, 10] = True
  monkeypatch.setattr(
      region_files, 'read_truth', lambda path: ([line], [line]))
  monkeypatch.setattr('segsort.contours.contour_examples.HELD_OUT', 2)
  return {'data_dir': tmp_path / 'data', 'snapshot_dir': tmp_path / 'run',
          'train_splits': 'val', 'num_steps': 1, 'batch_size': 2,
          'input_size': 24, 'learning_rate': 1e-9}


@pytest.fixture(name='path')
def _path(tmp_path):
  keras_networks.save(tmp_path / 'mine.keras')
  return tmp_path / 'mine.keras'


def kernels(path, prefix=''):
  """Returns {layer: kernel} of the backbone's named convolutions in a file."""
  names = ['stem', *(f'depthwise{dot}{index}' for index in range(4)
                     for dot in '._')]
  return {layer.name.removeprefix(prefix).replace('.', '_'): layer.kernel
          for layer in keras.models.load_model(path, compile=False).layers
          if layer.name.removeprefix(prefix) in names}


def test_a_file_of_keras_gives_network_and_weights(train, path, tmp_path):
  out = commands.succeed(
      SCRIPT, **train, backbone=path, **keras_networks.FLAGS)
  assert 'random weights' not in out
  ours = kernels(tmp_path / 'run/contours.keras', 'small_net.')
  theirs = kernels(path)
  assert list(ours) == [*theirs][:4]  # the last goes to stride 32
  for name, kernel in ours.items():
    np.testing.assert_allclose(kernel, theirs[name], atol=1e-6)
  (tmp_path / 'list.txt').write_text('images/val/1.jpg\n')
  commands.succeed(
      'make_oversegmentation', data_dir=train['data_dir'], num_workers=1,
      data_list=tmp_path / 'list.txt', save_dir=tmp_path / 'out',
      detector='keras', detector_path=tmp_path / 'run/contours.keras')
  assert reading.read_mask(str(tmp_path / 'out/1.png')).shape == (40, 33)


def test_weights_of_another_file(train, path, tmp_path):
  other = keras_networks.small_network()
  other.save_weights(tmp_path / 'other.weights.h5')
  flags = {**train, 'backbone': path, **keras_networks.FLAGS,
           'restore_from': tmp_path / 'other.weights.h5'}
  commands.succeed(SCRIPT, **flags)
  np.testing.assert_allclose(
      kernels(tmp_path / 'run/contours.keras', 'small_net.')['stem'],
      other.get_layer('stem').kernel, atol=1e-6)
  # What has ended needs the file no more, and is not taken for another run.
  (tmp_path / 'other.weights.h5').unlink()
  assert 'is finished' in commands.succeed(SCRIPT, **flags)
  del flags['restore_from']
  assert 'was trained with --restore_from' in commands.fail(SCRIPT, **flags)


@pytest.mark.slow
def test_a_network_by_name(train):
  out = commands.succeed(SCRIPT, **train, backbone='MobileNetV3Small')
  assert 'MobileNetV3Small starts from random weights; --restore_from' in out


def test_runs_from_before_there_were_backbones(train, path):
  commands.succeed(SCRIPT, **train)
  config = train['snapshot_dir'] / 'config.json'
  record = json.loads(config.read_text())
  for name in ('backbone', 'backbone_features', 'backbone_input',
               'restore_from'):
    assert record['settings'].pop(name) == ''
  config.write_text(json.dumps(record))
  assert 'is finished' in commands.succeed(SCRIPT, **train)
  assert 'was trained with --backbone ' in commands.fail(
      SCRIPT, **train, backbone=path, **keras_networks.FLAGS)


def test_a_backbone_that_will_not_do(train, path, tmp_path):
  for flags, message in (
      ({'restore_from': 'imagenet'}, '--restore_from is for a --backbone'),
      ({'backbone_input': 'tf'}, '--backbone_input is for a --backbone'),
      ({'backbone': 'VGG61'}, "invalid choice: 'VGG61'"),
      ({'backbone': 'resnet_v1_101'}, "invalid choice: 'resnet_v1_101'"),
      ({'backbone': tmp_path / 'no.keras'}, 'no file '),
      ({'backbone': path, 'restore_from': tmp_path / 'no.h5',
        **keras_networks.FLAGS}, 'no.h5'),
      ({'backbone': path}, '--backbone_input tf, torch, caffe')):
    assert message in commands.fail(SCRIPT, **train, **flags)


def test_a_network_that_cannot_be_rebuilt(train, tmp_path):
  images = keras.Input((None, None, 3))
  keras.Model(images, keras.layers.UpSampling2D(name='up')(
      keras.layers.Conv2D(4, 3, strides=2)(images))).save(
          tmp_path / 'net.keras')
  assert 'contours need a network of convolutions, as VGG16' in commands.fail(
      SCRIPT, **train, backbone=tmp_path / 'net.keras', backbone_input='tf')
