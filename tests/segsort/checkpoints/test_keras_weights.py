"""Weights of Keras' files: both formats, with and without top."""

import dataclasses

import keras
import keras_networks
import needs
import numpy as np
import pytest

import network
from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.checkpoints import conversion
from segsort.checkpoints import keras_weights
from segsort.checkpoints import network_settings
from segsort.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(network_settings.NetworkSettings):
  """A network that is given weights."""
  skip: str = ''
  embedding_dim: int = 4


@pytest.fixture(scope='module', name='source')
def _source(tmp_path_factory):
  """A network in all formats: the folder, and the network."""
  folder = tmp_path_factory.mktemp('keras')
  model = keras_networks.save(folder / 'a.keras')
  model.save_weights(folder / 'a.weights.h5')
  return folder, model


def start(backbone, restore_from, **flags):
  """Returns the variables of a network after --restore_from."""
  config = Config(backbone=str(backbone), **flags)
  model = backbones.build_model(config)
  variables = network.named_variables(model)
  keras_weights.assign(model, variables, config, str(restore_from))
  return variables


@pytest.mark.parametrize('name', ['a.keras', 'a.weights.h5', 'old.h5'])
def test_every_weight_arrives_and_is_told(source, name, capsys):
  folder, model = source
  if name == 'old.h5':
    model.save(folder / name)  # with the warning that it is the old format
  variables = start(folder / 'a.keras', folder / name, **keras_networks.FLAGS)
  for ours, theirs in (('stem/weights', 'stem'), ('last/biases', 'last'),
                       ('depthwise_3/weights', 'depthwise.3')):
    values = model.get_layer(theirs).get_weights()
    np.testing.assert_array_equal(
        variables[f'small_net/{ours}'], values[ours.endswith('biases')])
  unnamed = [layer for layer in model.layers
             if isinstance(layer, keras.layers.BatchNormalization)]
  for index in range(5):
    suffix = f'_{index}' if index else ''
    np.testing.assert_array_equal(
        variables[f'small_net/batch_normalization{suffix}/moving_variance'],
        unnamed[index].moving_variance)
  out = capsys.readouterr().out
  assert f'restored 32 variables of 59 from {folder / name}' in out
  assert 'not restored: head (27)' in out
  assert 'not used: 1 layers' in out and 'first classifier' in out


def test_other_widths_and_networks_are_one_line(source, tmp_path):
  folder, _ = source
  keras_networks.save(tmp_path / 'wide.keras', channels=12)
  with pytest.raises(InputError) as error:
    start(folder / 'a.keras', tmp_path / 'wide.keras', **keras_networks.FLAGS)
  assert 'has in another shape' in str(error.value)
  other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 1)])
  other.save(tmp_path / 'other.keras')
  with pytest.raises(InputError, match='lacks 32 variables of this network'):
    start(folder / 'a.keras', tmp_path / 'other.keras', **keras_networks.FLAGS)


@pytest.mark.parametrize('name', ['b.h5', 'b.keras'])
@pytest.mark.parametrize('content', [b'', b'nothing of Keras'])
def test_damaged_files_are_one_line(source, tmp_path, name, content):
  (tmp_path / name).write_bytes(content)
  with pytest.raises(InputError) as error:
    start(source[0] / 'a.keras', tmp_path / name, **keras_networks.FLAGS)
  assert f'cannot read the weights {tmp_path / name}' in str(error.value)
  assert '\n' not in str(error.value)


def test_conversion_takes_them(source, tmp_path):
  folder, model = source
  conversion.convert_checkpoint(conversion.ConvertConfig(
      restore_from=str(folder / 'a.weights.h5'), embedding_dim=4,
      output=str(tmp_path / 'new/model.ckpt-0'),
      backbone=str(folder / 'a.keras'), **keras_networks.FLAGS))
  tensors = checkpoint.load(str(tmp_path / 'new/model.ckpt-0'))
  assert len(tensors) == 32
  np.testing.assert_array_equal(
      tensors['small_net/last/weights'], model.get_layer('last').kernel)


def test_weights_of_keras_are_not_for_our_networks(source):
  with pytest.raises(InputError, match='not for resnet_small; give --backbone'):
    start('resnet_small', source[0] / 'a.keras')


def test_imagenet_without_a_network_names_file_and_place(
    monkeypatch, tmp_path):
  address = 'https://example.org/mobilenet_no_top.h5'

  def fetch(*unused, **unused_too):
    raise Exception(f'URL fetch failure on {address}: None -- unknown host')
  monkeypatch.setattr(keras.applications, 'MobileNet', fetch)
  monkeypatch.setenv('KERAS_HOME', str(tmp_path))
  with pytest.raises(InputError) as error:
    keras_weights._imagenet('MobileNet')
  assert (f'put mobilenet_no_top.h5 from {address} into {tmp_path}/models'
          in str(error.value))


def test_imagenet_is_for_names(source):
  with pytest.raises(InputError, match='leave it out for the weights that'):
    start(source[0] / 'a.keras', 'imagenet', **keras_networks.FLAGS)


def test_imagenet_weights_are_those_that_keras_has(monkeypatch, capsys):
  keras.utils.set_random_seed(5)
  make = keras.applications.MobileNetV3Small
  trained = make(include_top=False, weights=None, input_shape=(224, 224, 3))

  def application(weights, **settings):
    return trained if weights else make(weights=None, **settings)
  monkeypatch.setattr(keras.applications, 'MobileNetV3Small', application)
  variables = start('MobileNetV3Small', 'imagenet')
  np.testing.assert_array_equal(
      variables['MobileNetV3Small/conv/weights'],
      trained.get_layer('conv').kernel)
  assert "Keras' ImageNet weights of MobileNetV3Small" in (
      capsys.readouterr().out)


def test_mobilenet_v2(capsys):
  path = needs.shared('data/imagenet/mobilenet_v2.weights.h5')
  variables = start('MobileNetV2', path)
  out = capsys.readouterr().out
  assert 'restored 255 variables of 282' in out and 'not used: 2 layers' in out
  assert .1 < np.std(variables['MobileNetV2/Conv1/weights']) < 1
