"""From flags to a network: names, files, features, input."""

import closeness
import keras
import keras_networks
import needs
import numpy as np
import pytest

import network
from network import keras_graph
from segsort.checkpoints import backbones
from segsort.checkpoints import keras_weights
from segsort.checkpoints import network_files
from segsort.checkpoints import network_settings
from segsort.data.dataset_info import PIXEL_MEAN
from segsort.errors import InputError


def settings(backbone, **flags):
  """The settings of a stage."""
  found = network_settings.NetworkSettings(
      backbone=str(backbone), embedding_dim=4, **flags)
  found.check()
  return found


@pytest.fixture(name='path')
def _path(tmp_path):
  path = str(tmp_path / 'mine.keras')
  keras_networks.save(path)
  return path


def built(config):
  """A model with the weights of its file, and its features."""
  model = backbones.build_model(config)
  with_skip = type('Config', (), {**vars(config), 'skip': ''})
  keras_weights.assign(
      model, network.named_variables(model), with_skip, config.backbone)
  name = f'{backbones.find(config).name}.{config.backbone_features}'
  return model, keras.Model(model.input, model.get_layer(name).output)


def test_features_of_a_file_are_those_of_the_network_and_more(path, rng):
  _, dense = built(settings(path, **keras_networks.FLAGS))
  image = rng.integers(0, 256, (1, 89, 89, 3)).astype(np.float32)
  features = np.asarray(dense(image - PIXEL_MEAN, training=False))
  assert features.shape == (1, 12, 12, 16)
  padded = np.full((1, 96, 96, 3), 127., np.float32)
  padded[:, 7:, 7:] = image
  untouched = keras.saving.load_model(path)
  untouched = keras.Model(
      untouched.input, untouched.get_layer('last_bn').output)
  expected = untouched((padded - 127) / 128, training=False)
  closeness.assert_close(features[:, 3::4, 3::4], expected, 1e-4)
  assert closeness.error(features[:, 0::4, 0::4], expected) > .01


def test_names_are_those_of_the_layers_in_any_process(path):
  model, _ = built(settings(path, **keras_networks.FLAGS))
  names = [name for name in network.named_variables(model)
           if not network.is_head(name)]
  assert names[0] == 'small_net/stem/weights'
  assert 'small_net/depthwise_2/weights' in names
  assert 'small_net/batch_normalization_4/moving_mean' in names
  assert len(names) == 2 + 4 + 4 * 5 + 2 + 4


def test_a_layer_called_as_a_head_is_none():
  assert not any(network.is_head(f'net/{name}/weights') for name in
                 keras_graph.canonical_names([('block5', 'A'), ('fc1_c', 'B')]))


@pytest.mark.parametrize('size', [(1, 1), (8, 9), (40, 16), (31, 63)])
def test_any_size(path, size):
  model, _ = built(settings(path, **keras_networks.FLAGS))
  embeddings = model(np.ones((1, *size, 3), np.float32), training=False)
  assert embeddings.shape == (1, -(-size[0] // 8), -(-size[1] // 8), 4)


def test_folded_equals_unfolded(path, rng):
  model, _ = built(settings(path, **keras_networks.FLAGS))
  folded = network.fold_batch_norm(model)
  images = rng.normal(size=(1, 33, 48, 3)).astype(np.float32) * 50
  closeness.assert_close(
      folded(images, training=False), model(images, training=False))
  assert not any(isinstance(layer, keras.layers.BatchNormalization)
                 for layer in folded.layers)


def test_the_last_map_is_taken_where_no_layer_is_named(path):
  found = backbones.find(settings(path, backbone_input='tf'))
  assert found.features == 'last_bn'


@pytest.mark.parametrize('text, expected', [
    ('tf', (200 / 127.5 - 1,) * 3),
    ('torch', ((200 / 255 - .485) / .229, (200 / 255 - .456) / .224,
               (200 / 255 - .406) / .225)),
    ('caffe', (200 - 123.68, 200 - 116.779, 200 - 103.939)),
    ('100,50', (2., 2., 2.))])
def test_input(path, text, expected):
  mean, scale, blue_first = backbones.find(
      settings(path, backbone_input=text)).input
  closeness.assert_close(
      (200 - np.array(PIXEL_MEAN) - mean) / scale, expected)
  assert blue_first == (text == 'caffe')


@pytest.mark.parametrize('flags, message', [
    ({}, 'does not tell how it wants pictures scaled'),
    ({'backbone_input': 'imagenet'}, "'imagenet' is none of tf, torch, caffe"),
    ({'backbone_input': '1,0'}, "'1,0' is none of"),
    ({'backbone_input': 'tf', 'backbone_features': 'last_b'},
     'near it are last'),
    ({'backbone_input': 'tf', 'backbone_features': 'stride16'},
     'is for names of keras.applications; name a layer of '),
    ({'backbone_input': 'tf', 'backbone_features': 'stem'},
     'layer stem has stride 2, not 8 or more; name a later layer'),
    ({'backbone_input': 'tf', 'backbone_features': 'classifier'},
     'layer classifier has stride none')])
def test_flags_that_do_not_fit_are_one_line(path, flags, message):
  with pytest.raises(InputError) as error:
    backbones.build_model(settings(path, **flags))
  assert message in str(error.value) and '\n' not in str(error.value)


def test_features_are_named_by_the_stride_that_they_come_before():
  found = backbones.find(settings('MobileNetV2', backbone_features='stride16'))
  assert found.features == 'block_12_add'


def test_flags_of_keras_are_not_for_our_networks():
  with pytest.raises(InputError, match='not for resnet_small; leave it out'):
    backbones.build_model(settings('resnet_small', backbone_input='tf'))


def _no_stride_8():
  images = keras.Input((64, 64, 3))
  return keras.Model(
      images, keras.layers.Conv2D(4, 16, strides=16, name='patches')(images))


def _with_a_lambda():
  images = keras.Input((64, 64, 3))
  return keras.Model(images, keras.layers.Lambda(lambda x: x)(images))


def _grey():
  images = keras.Input((64, 64, 1))
  return keras.Model(images, keras.layers.Conv2D(4, 3, strides=8)(images))


def _upsampled():
  images = keras.Input((64, 64, 3))
  outputs = keras.layers.Conv2D(4, 3, strides=8, padding='same')(images)
  outputs = keras.layers.Conv2D(4, 3, strides=2, padding='same')(outputs)
  return keras.Model(images, keras.layers.UpSampling2D(name='up')(outputs))


def _nested():
  inner = _no_stride_8()
  inner.name = 'inner'
  images = keras.Input((64, 64, 3))
  return keras.Model(images, keras.layers.ReLU()(inner(images)))


def _taken(make, path, capsys, **flags):
  """Builds a network of a file; returns its stride, its size and what is said.
  """
  make().save(path)
  capsys.readouterr()
  view = network.view_of(backbones.build_model(settings(path, **{
      'backbone_input': 'tf', **flags})))
  assert view.is_untouched
  said, = capsys.readouterr().out.splitlines()
  return view.stride, view.size, said


@pytest.mark.parametrize('make, stride, size, reason', [
    (_nested, 16, (64, 64), "model.get_layer('inner').save(FILE)"),
    (_no_stride_8, 16, None, 'strides (16, 16) goes on from stride 1'),
    (_upsampled, 8, None, 'layer up (UpSampling2D) has no rule for dilation')])
def test_networks_without_a_rule_are_taken_as_they_are(
    tmp_path, capsys, make, stride, size, reason):
  path = tmp_path / 'a.keras'
  pictures = 'any size' if size is None else '64x64 alone'
  found = _taken(make, path, capsys)
  assert found[:2] == (stride, size) and reason in found[2]
  assert found[2].startswith(
      f'{path} is taken as it is, at stride {stride} of pictures of {pictures}')


def _sized(path, size, **flags):
  """Settings of a stage with --input_size."""
  config = settings(path, **flags)
  return type('Config', (), {**vars(config), 'input_size': size})


def test_a_network_of_one_size_wants_that_input_size(tmp_path):
  path = tmp_path / 'a.keras'
  keras_networks.save_transformer(path)
  assert backbones.build_model(_sized(
      path, (32, 32), **keras_networks.VIT_FLAGS)).output_shape == (
      None, 2, 2, 4)
  with pytest.raises(InputError) as error:
    backbones.build_model(_sized(
        path, (32, 48), **keras_networks.VIT_FLAGS))
  assert '32x32 alone; give --input_size 32,32' in str(error.value)


def test_an_input_size_between_cells_is_told(tmp_path, capsys):
  path = tmp_path / 'a.keras'
  _no_stride_8().save(path)
  backbones.build_model(_sized(path, (32, 40), backbone_input='tf'))
  assert '--input_size 32,40 is no multiple of the stride 16' in (
      capsys.readouterr().err)


@pytest.mark.parametrize('features, message', [
    ('', 'the last map of .* is that of patches, and block after it has token'),
    ('block', r'layer block gives \(4, 12\) for a picture, not a map')])
def test_tokens_are_no_map(tmp_path, features, message):
  images = keras_networks.vision_transformer()
  keras.Model(images.input, images.get_layer('block').output).save(
      tmp_path / 'a.keras')
  with pytest.raises(InputError, match=message) as error:
    backbones.build_model(settings(
        tmp_path / 'a.keras', backbone_input='tf', backbone_features=features))
  assert 'network/README.md' in str(error.value)


def test_tokens_become_a_map_as_the_guide_says(tmp_path, capsys):
  def make():
    source = keras_networks.vision_transformer()
    tokens = source.get_layer('block').output
    both = keras.layers.Concatenate(axis=1)([tokens[:, :1], tokens])  # a class
    patches = keras.layers.Cropping1D((1, 0))(both)
    features = keras.layers.Reshape((2, 2, 12), name='features')(patches)
    return keras.Model(source.input, features)
  assert _taken(make, tmp_path / 'a.keras', capsys)[:2] == (16, (32, 32))


LAYERS = '''
import keras

@keras.saving.register_keras_serializable(package='mine')
class Twice(keras.layers.Layer):
  def call(self, inputs):
    return 2 * inputs
'''


def _with_a_layer_of_ones_own(folder):
  """A file of a network that needs a class, which nobody has registered."""
  (folder / 'mine.py').write_text(LAYERS)
  twice = network_files.register_layers(str(folder / 'mine.py')).Twice
  images = keras.Input((32, 32, 3))
  outputs = keras.layers.Conv2D(4, 8, strides=8)(images)
  keras.Model(images, twice(name='map')(outputs)).save(folder / 'a.keras')
  network_files.register_layers.cache_clear()
  del keras.saving.get_custom_objects()['mine>Twice']
  return str(folder / 'a.keras')


def test_a_module_registers_layers_of_ones_own(tmp_path):
  path = _with_a_layer_of_ones_own(tmp_path)
  flags = {'backbone_input': 'tf'}
  with pytest.raises(InputError, match='class Twice; give --backbone_module'):
    backbones.build_model(settings(path, **flags))
  (tmp_path / 'other.py').write_text('x = 1')
  with pytest.raises(InputError, match='other.py does not register its class'):
    backbones.build_model(settings(
        path, backbone_module=str(tmp_path / 'other.py'), **flags))
  model = backbones.build_model(settings(
      path, backbone_module=str(tmp_path / 'mine.py'), **flags))
  assert 'Twice' in [type(layer).__name__ for layer in model.layers]
  del keras.saving.get_custom_objects()['mine>Twice']


@pytest.mark.parametrize('content, message', [
    (None, 'no file .*mine.py; mend --backbone_module'),
    ('import nothing_of_this_name', 'ModuleNotFoundError: No module named'),
    ('a b', 'SyntaxError')])
def test_modules_that_fail_are_one_line(tmp_path, path, content, message):
  if content:
    (tmp_path / 'mine.py').write_text(content)
  with pytest.raises(InputError, match=message) as error:
    backbones.find(settings(path, backbone_module=str(tmp_path / 'mine.py')))
  assert '\n' not in str(error.value)


def test_a_module_is_not_taken_from_the_record_of_a_run():
  assert 'backbone_module' not in network_settings.OF_NETWORK


def test_weights_of_the_same_network_without_a_rule(tmp_path):
  keras_networks.save_transformer(tmp_path / 'a.keras')
  other = keras_networks.vision_transformer()
  other.save_weights(tmp_path / 'b.weights.h5')
  config = settings(tmp_path / 'a.keras', **keras_networks.VIT_FLAGS)
  model = backbones.build_model(config)
  variables = network.named_variables(model)
  keras_weights.assign(
      model, variables, type('Config', (), {**vars(config), 'skip': ''}),
      str(tmp_path / 'b.weights.h5'))
  closeness.assert_close(variables['small_vit/block/1/weights'],
                         other.get_layer('block').second.kernel)
  keras_networks.save(tmp_path / 'c.keras')
  with pytest.raises(InputError, match='cannot read the weights .*c.keras in'):
    keras_weights.load(model, config, str(tmp_path / 'c.keras'))


@pytest.mark.parametrize('make, message', [
    (_with_a_lambda, 'it holds a Lambda, which is code and not run'),
    (_grey, 'does not go from one picture of three channels')])
def test_networks_that_are_none_of_pictures_are_one_line(
    tmp_path, make, message):
  make().save(tmp_path / 'a.keras')
  with pytest.raises(InputError) as error:
    backbones.build_model(settings(tmp_path / 'a.keras', backbone_input='tf'))
  assert message in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('content', [None, b'', b'PK\x03\x04', b'text' * 99])
def test_files_that_are_none_are_one_line(tmp_path, content):
  path = tmp_path / 'a.keras'
  if content is not None:
    path.write_bytes(content)
  with pytest.raises(InputError) as error:
    backbones.build_model(settings(path))
  assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_a_name_beside_those_that_are_known():
  assert 'MobileNetV2' in backbones.NAMES and 'x.keras' in backbones.NAMES
  assert 'MobilenetV2' not in backbones.NAMES and None not in backbones.NAMES


def test_efficientnet_lite0(rng):
  path = str(needs.shared('data/imagenet/efficientnet_lite0.keras'))
  _, dense = built(settings(path, backbone_input='127,128',
                            backbone_features='block_15_project_bn'))
  image = rng.integers(0, 256, (1, 89, 57, 3)).astype(np.float32)
  padded = np.full((1, 96, 64, 3), 127., np.float32)
  padded[:, 7:, 7:] = image
  untouched = keras.saving.load_model(path, compile=False)
  untouched = keras.Model(
      untouched.input, untouched.get_layer('block_15_project_bn').output)
  features = np.asarray(dense(image - PIXEL_MEAN, training=False))
  closeness.assert_close(
      features[:, 3::4, 3::4], untouched((padded - 127) / 128), 1e-3)
