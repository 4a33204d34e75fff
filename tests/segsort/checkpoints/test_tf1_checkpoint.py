"""Checkpoints of TF1: both formats, all that they hold besides, bad ones."""

import os

import commands
import numpy as np
import pytest
import tensorflow as tf

import network
from segsort.checkpoints import checkpoint
from segsort.checkpoints import tf1_checkpoint
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import inference_settings

SMALL = 'resnet_small'
CONV = f'{SMALL}/conv1/weights'
# What SegSort, AAF and TF-Slim keep beside their weights.
BESIDE = {
    f'{CONV}/Momentum': np.ones(3, np.float32),
    f'{SMALL}/block5/conv2/weights/Momentum_1': np.ones(3, np.float32),
    'global_step': np.int64(7),
    'memory_prototypes_0': np.ones([4, 8], np.float32),
    'Memory/labels': np.ones(4, np.int32),
    'memory_bank/prototypes': np.ones([2, 4, 8], np.float32),
    f'{SMALL}/mean_rgb': np.ones(3, np.float32),
    f'{SMALL}/logits/weights': np.ones([1, 1, 256, 10], np.float32),
    f'{SMALL}/logits/biases': np.ones(10, np.float32)}


def _weights(rng, head='pspnet', backbone=SMALL):
  """Random values of all variables of a network, by name."""
  model = network.build_embedding_model(backbone, head, 8)
  return {
      name: rng.uniform(.5, 1, tuple(variable.shape)).astype(np.float32)
      for name, variable in network.named_variables(model).items()}


def _backbone(weights):
  return {name: value for name, value in weights.items()
          if not network.is_head(name)}


def _save_v1(path, tensors):
  """Writes the single-file format of TF-Slim's checkpoints."""
  tf.raw_ops.Save(
      filename=str(path), tensor_names=list(tensors),
      data=[tf.convert_to_tensor(value) for value in tensors.values()])


def _save(path, tensors, version):
  save = {'V1': _save_v1, 'V2': checkpoint.save}[version]
  save(str(path), tensors)
  return str(path)


def _restored(path, head='pspnet', **settings):
  """The variables of a network that a stage restores."""
  model = embedding.restore_model(inference_settings.RestoredSettings(
      data_list='', data_dir='', save_dir='', backbone=SMALL, head=head,
      embedding_dim=8, restore_from=path, **settings))
  return {name: variable.numpy()
          for name, variable in network.named_variables(model).items()}


def _assert_equal(ours, expected):
  assert ours.keys() == expected.keys()
  for name, value in expected.items():
    np.testing.assert_array_equal(ours[name], value, err_msg=name)


@pytest.mark.parametrize('version', ('V1', 'V2'))
@pytest.mark.parametrize('head', network.HEADS)
def test_both_formats_and_heads_restore_exactly(
    rng, tmp_path, capsys, version, head):
  weights = _weights(rng, head)
  path = _save(tmp_path / 'model.ckpt-9', {**weights, **BESIDE}, version)
  _assert_equal(_restored(path, head), weights)
  number = len(weights)
  assert capsys.readouterr().out == (
      f'restored {number} variables of {number} from {path}\n'
      'not restored: momentum slots (2), global_step (1), memory banks (3), '
      'mean_rgb (1), ImageNet logits (2)\n')


def _convert(path, output, *switches, **flags):
  return commands.succeed('convert_checkpoint', *switches, **{
      'restore_from': path, 'output': output, 'backbone': SMALL,
      'embedding_dim': 8, **flags})


@pytest.mark.parametrize('version', ('V1', 'V2'))
def test_conversion_keeps_the_weights_alone_and_round_trips(
    rng, tmp_path, version):
  weights = _weights(rng)
  path = _save(tmp_path / 'old.ckpt', {**weights, **BESIDE}, version)
  first, second = str(tmp_path / 'a/first'), str(tmp_path / 'b/second')
  out = _convert(path, first)
  _assert_equal(checkpoint.load(first), weights)
  # Backbone and head are now known from config.json.
  commands.succeed('convert_checkpoint', restore_from=first, output=second)
  _assert_equal(checkpoint.load(second), weights)
  lines = out.splitlines()
  assert f'used             (3, 3, 3, 16)      {CONV}' in lines
  assert f'momentum slots   (3,)               {CONV}/Momentum' in lines
  assert 'global_step      ()                 global_step' in lines
  assert len(lines) == 2 + len(weights) + len(BESIDE) + 1
  assert lines[-1].startswith(f'{len(weights)} variables, ')


def test_conversion_of_a_backbone_leaves_the_head_out(rng, tmp_path):
  weights = _weights(rng)
  path = _save(tmp_path / 'slim.ckpt', {**_backbone(weights), **BESIDE}, 'V1')
  output = str(tmp_path / 'out')
  out = _convert(path, output, '--not_restore_classifier')
  _assert_equal(checkpoint.load(output), _backbone(weights))
  assert out.count('\nhead, left alone ') == len(weights) - len(
      _backbone(weights))


def test_conversion_overwrites_nothing(rng, tmp_path):
  path = _save(tmp_path / 'old', _weights(rng), 'V2')
  (tmp_path / 'config.json').write_text('{"settings": {}}')
  _convert(path, str(tmp_path / 'new.index'))
  assert (tmp_path / 'config.json').read_text() == '{"settings": {}}'
  line = commands.fail(
      'convert_checkpoint', restore_from=path, backbone=SMALL, embedding_dim=8,
      output=str(tmp_path / 'new'))
  assert line == f'error: {tmp_path}/new exists; name another --output'


def _fails(path, **settings):
  """The one line that a wrong checkpoint ends in."""
  with pytest.raises(InputError) as caught:
    _restored(str(path), **settings)
  assert '\n' not in str(caught.value)
  return str(caught.value)


@pytest.mark.parametrize('version', ('V1', 'V2'))
@pytest.mark.parametrize('share', (0, .4, .95))
def test_a_truncated_checkpoint_is_one_line(rng, tmp_path, version, share):
  path = _save(tmp_path / 'old.ckpt', _weights(rng), version)
  file = path if version == 'V1' else f'{path}.data-00000-of-00001'
  os.truncate(file, int(share * os.path.getsize(file)))
  assert f'cannot read the checkpoint {path}: it is damaged' in _fails(path)


def test_a_truncated_index_is_one_line(rng, tmp_path):
  path = _save(tmp_path / 'old.ckpt', _weights(rng), 'V2')
  os.truncate(f'{path}.index', 100)
  assert f'cannot read the checkpoint {path}: it is damaged' in _fails(path)


def test_another_depth_is_named(rng, tmp_path):
  weights = {
      name.replace(SMALL, 'resnet_v1_50'): value
      for name, value in _weights(rng).items()}
  message = _fails(_save(tmp_path / 'deep.ckpt', weights, 'V1'))
  assert message.endswith('it holds a resnet_v1_50, not a resnet_small; give '
                          '--backbone resnet_v1_50')


def test_a_renamed_variable_is_named_on_both_sides(rng, tmp_path):
  weights = _weights(rng)
  weights[f'{SMALL}/conv_1/weights'] = weights.pop(CONV)
  path = _save(tmp_path / 'renamed.ckpt', weights, 'V2')
  message = _fails(path)
  assert f'lacks 1 variables of this network, first {CONV} and' in message
  assert f'has besides 1 variables of this network, first {SMALL}/conv_1/' in (
      message)
  kept = _restored(path, skip='conv1/weights,conv_1')
  weights.pop(f'{SMALL}/conv_1/weights')
  weights = {name: value for name, value in weights.items()
             if 'conv1/weights' not in name}
  for name, value in weights.items():
    np.testing.assert_array_equal(kept[name], value)


def test_another_shape_is_named(rng, tmp_path):
  weights = _weights(rng)
  name = next(name for name in weights if name.endswith('fc1_voc12/biases'))
  weights[name] = np.ones(21, np.float32)
  message = _fails(_save(tmp_path / 'aaf.ckpt', weights, 'V2'))
  assert f'first {name} ((21,) there, (8,) here)' in message


def test_a_backbone_without_head_is_told_how(rng, tmp_path):
  path = _save(tmp_path / 'slim.ckpt', _backbone(_weights(rng)), 'V1')
  assert _fails(path).endswith(
      'it has no head, as a backbone from TF-Slim; train one with '
      '--not_restore_classifier')


def test_the_other_head_is_one_line(rng, tmp_path):
  path = _save(tmp_path / 'deeplab.ckpt', _weights(rng, 'deeplab'), 'V2')
  assert 'Check --backbone, --head' in _fails(path)


@pytest.mark.parametrize('suffix', ('.keras', '.weights.h5'))
def test_a_file_of_keras_is_one_line(tmp_path, suffix):
  path = str(tmp_path / f'model{suffix}')
  model = network.build_embedding_model(SMALL, 'pspnet', 8)
  save = model.save if suffix == '.keras' else model.save_weights
  save(path)
  assert _fails(path).startswith(f'{path} is a file of Keras, not')


def test_any_other_file_is_one_line(tmp_path):
  path = tmp_path / 'notes.txt'
  path.write_text('not a checkpoint\n' * 100)
  assert 'it is damaged or of another format' in _fails(path)


def test_names_are_sorted_into_groups():
  class Shaped:
    """Stands for a variable."""

    def __init__(self, *shape):
      self.shape = shape

  variables = {'net/a/weights': Shaped(1), 'net/b/weights': Shaped(2),
               'net/memory_gate/weights': Shaped(3),
               'net/block5/weights': Shaped(4)}
  tensors = {'net/a/weights': Shaped(1), 'net/b/weights': Shaped(9),
             'net/memory_gate/weights': Shaped(3), 'net/c/weights': Shaped(1),
             'net/a/weights/Momentum': Shaped(1), 'global_step': Shaped(),
             'bank0/memory': Shaped(5, 6)}
  match = tf1_checkpoint.match_names(variables, tensors, skip_head=True)
  # A variable of the network is one, whatever its name.
  assert match.used == ('net/a/weights', 'net/memory_gate/weights')
  assert match.misshapen == ('net/b/weights',)
  assert match.left_over == ('net/c/weights',)
  assert match.missing == () and match.head == ('net/block5/weights',)
  assert match.ignored == {
      'momentum slots': ('net/a/weights/Momentum',),
      'global_step': ('global_step',), 'memory banks': ('bank0/memory',)}
  assert match.unexpected('c/w') == ([], [], ['net/b/weights'])
  assert tf1_checkpoint.explain([], [], [], variables, tensors) == ''
  assert 'bank0/memory' in tf1_checkpoint.table(match, variables, tensors)[-1]
