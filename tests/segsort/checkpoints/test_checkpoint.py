"""Checkpoints: bit-equal round trips, damage, names and what is reported."""

import os

import numpy as np
import pytest
import tensorflow as tf

from segsort.checkpoints import checkpoint
from segsort.errors import InputError

HEAD = 'net/fc1_c0/weights'


def _tensors(rng):
  return {'net/conv1/weights': rng.normal(size=(3, 3)).astype(np.float32),
          'net/conv1/weights/Momentum': np.ones((3, 3), np.float32),
          HEAD: np.array([np.nan, -0., 1e-45, np.inf], np.float32),
          'memory_bank/labels': np.arange(6, dtype=np.int32).reshape(2, 3),
          'global_step': np.int64(2**40)}


def _fails(error, function, *arguments, **settings):
  with pytest.raises(error) as raised:
    function(*arguments, **settings)
  assert '\n' not in str(raised.value)
  return str(raised.value)


def test_round_trip_is_equal_bit_for_bit(tmp_path, rng):
  path = checkpoint.checkpoint_path(str(tmp_path / 'new'), 7)
  tensors = _tensors(rng)
  checkpoint.save(path, {name: tf.Variable(value)
                         for name, value in tensors.items()})
  loaded = checkpoint.load(path)
  assert loaded.keys() == tensors.keys()
  for name, value in tensors.items():
    assert loaded[name].dtype == value.dtype
    assert loaded[name].tobytes() == value.tobytes()
  assert sorted(os.listdir(tmp_path / 'new')) == [
      'model.ckpt-7.data-00000-of-00001', 'model.ckpt-7.index']


def _truncate(path):
  os.truncate(path, os.path.getsize(path) // 2)


def _empty(path):
  os.truncate(path, 0)


def _flip(path):
  with open(path, 'r+b') as file:
    file.seek(os.path.getsize(path) // 2)
    byte = file.read(1)[0]
    file.seek(-1, os.SEEK_CUR)
    file.write(bytes([byte ^ 0x55]))


@pytest.mark.parametrize('damage, suffix', (
    (_truncate, '.data-00000-of-00001'), (_empty, '.data-00000-of-00001'),
    (_flip, '.data-00000-of-00001'), (os.remove, '.data-00000-of-00001'),
    (_truncate, '.index'), (_empty, '.index'), (_flip, '.index')))
def test_damage_is_noticed(tmp_path, rng, damage, suffix):
  path = checkpoint.checkpoint_path(str(tmp_path), 1)
  checkpoint.save(path, _tensors(rng))
  damage(path + suffix)
  assert f'cannot read the checkpoint {path}' in _fails(
      checkpoint.DamagedError, checkpoint.load, path)


@pytest.mark.parametrize('folder', ('run[1]', 'a\\b', 'r*', '?{x}'))
def test_a_folder_named_like_a_pattern_is_read(tmp_path, folder):
  """TensorFlow writes there, and finds nothing or another folder again."""
  for name, value in (('run1', 0.), ('rx', 0.), ('a{x}', 0.), (folder, 1.)):
    for step in (1, 10):
      checkpoint.save(f'{tmp_path}/{name}/model.ckpt-{step}',
                      {'a': np.full(3, value + step)})
  assert checkpoint.load(f'{tmp_path}/{folder}/model.ckpt-1')['a'][0] == 2
  step, path, tensors = checkpoint.load_newest(f'{tmp_path}/{folder}')
  assert (step, path) == (10, f'{tmp_path}/{folder}/model.ckpt-10')
  assert tensors['a'][0] == 11
  with pytest.raises(checkpoint.DamagedError, match='cannot read the checkpo'):
    checkpoint.load(f'{tmp_path}/{folder}/model.ckpt-7')


def test_a_text_file_is_no_checkpoint(tmp_path):
  (tmp_path / 'notes').write_text('not a checkpoint')
  path = checkpoint.resolve(str(tmp_path / 'notes'))
  _fails(checkpoint.DamagedError, checkpoint.load, path)


def test_a_save_that_fails_leaves_the_old_checkpoint_alone(
    tmp_path, rng, monkeypatch):
  path = checkpoint.checkpoint_path(str(tmp_path), 1)
  tensors = _tensors(rng)
  checkpoint.save(path, tensors)

  def fail(*unused):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(checkpoint.os, 'replace', fail)
  assert 'No space left on device' in _fails(
      InputError, checkpoint.save, path, {'global_step': np.int64(1)})
  monkeypatch.undo()
  assert checkpoint.load(path)['global_step'] == 2**40
  assert len(os.listdir(tmp_path)) == 2


def test_no_place_to_save_is_one_line(tmp_path, rng):
  (tmp_path / 'file').write_text('')
  assert 'cannot write the checkpoint' in _fails(
      InputError, checkpoint.save, str(tmp_path / 'file/model.ckpt-1'),
      _tensors(rng))


def test_steps_are_found_and_the_newest_kept(tmp_path):
  for name in ('model.ckpt-10', 'model.ckpt-9', 'model.ckpt-200'):
    checkpoint.save(str(tmp_path / name), {'global_step': np.int64(0)})
  (tmp_path / 'model.ckpt-11.77.partial.index').write_text('')
  folder = str(tmp_path)
  assert checkpoint.steps_in(folder) == [9, 10, 200]
  assert checkpoint.resolve(folder).endswith('/model.ckpt-200')
  # 200 was damaged, and the run has come to 10 again: 200 does not count.
  checkpoint.keep_newest(folder, 1, newest=10)
  assert checkpoint.steps_in(folder) == [10, 200]
  checkpoint.keep_newest(folder, 5)
  assert checkpoint.steps_in(folder) == [10, 200]
  checkpoint.keep_newest(folder, 0)
  assert checkpoint.steps_in(folder) == []
  assert checkpoint.steps_in(str(tmp_path / 'none')) == []


def test_folders_with_odd_names_are_searched(tmp_path):
  folder = tmp_path / 'lr[0.1]*'
  checkpoint.save(str(folder / 'model.ckpt-3'), {'global_step': np.int64(3)})
  assert checkpoint.steps_in(str(folder)) == [3]


def test_every_way_to_name_a_checkpoint(tmp_path):
  path = str(tmp_path / 'model.ckpt-3')
  checkpoint.save(path, {'global_step': np.int64(3)})
  for name in (str(tmp_path), path, path + '.index', path + '.meta',
               path + '.data-00000-of-00001'):
    assert checkpoint.resolve(name) == path
  (tmp_path / 'empty').mkdir()
  assert 'no model.ckpt-* in the folder' in _fails(
      InputError, checkpoint.resolve, str(tmp_path / 'empty'))
  assert 'no checkpoint at' in _fails(
      InputError, checkpoint.resolve, str(tmp_path / 'model.ckpt-4'))


def _assign(rng, drop=(), extra=(), **settings):
  """Assigns the weights of `_tensors` to zeros; returns those by name."""
  tensors = _tensors(rng)
  variables = {name: tf.Variable(tf.zeros(tensors[name].shape))
               for name in ('net/conv1/weights', HEAD)}
  for name in drop:
    del tensors[name]
  tensors.update(extra)
  checkpoint.assign_weights(variables, tensors, 'here', **settings)
  return {name: variable.numpy() for name, variable in variables.items()}


def test_weights_are_copied_and_counted(rng, capsys):
  weights = _assign(np.random.default_rng(5))
  expected = _tensors(np.random.default_rng(5))
  for name, value in weights.items():
    np.testing.assert_array_equal(value, expected[name])
  assert capsys.readouterr().out == (
      'restored 2 variables of 2 from here\n'
      'not restored: momentum slots (1), global_step (1), memory banks (1)\n')


def test_another_architecture_is_one_line(rng):
  assert f'lacks 1 variables of this network, first {HEAD}:' in _fails(
      InputError, _assign, rng, drop=[HEAD])
  assert 'has besides 1 variables of this network, first net/conv2' in _fails(
      InputError, _assign, rng, extra={'net/conv2/weights': np.ones(1)})
  message = _fails(InputError, _assign, rng, extra={HEAD: np.ones(5)})
  assert f'first {HEAD} ((5,) there, (4,) here)' in message


def test_skipped_parts_may_be_missing_left_over_or_misshapen(rng, capsys):
  assert not _assign(rng, drop=[HEAD], skip='fc1_c')[HEAD].any()
  assert not _assign(rng, extra={HEAD: np.ones(5)}, skip='x,fc1_c')[HEAD].any()
  _assign(rng, extra={'net/conv2/weights': np.ones(1)}, skip='conv2')
  assert '1 variables named in --skip keep their' in capsys.readouterr().err


def test_the_head_can_be_left_as_initialised(rng):
  weights = _assign(rng, extra={HEAD: np.ones(5)}, skip_head=True)
  assert not weights[HEAD].any() and weights['net/conv1/weights'].any()
