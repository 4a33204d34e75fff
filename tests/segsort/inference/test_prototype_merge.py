"""Shards of a prototype set: merged they are the set of one process."""

import dataclasses
import os
import shutil

import embedding_twins
import pytest
import small_runs

from network.segsort import retrieval
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import inference_settings
from segsort.inference import prototype_merge
from segsort.inference import prototype_set
from segsort.runs import files


@pytest.fixture(name='config')
def _config(tiny_dataset, tmp_path, monkeypatch):
  monkeypatch.setattr(
      embedding, 'restore_model', lambda _: embedding_twins.eighth_pixels)
  return small_runs.restored_config(
      inference_settings.ExtractConfig, tiny_dataset, '', tmp_path / 'shards',
      embedding_dim=4)


def _extract(config, indices, shards=3, **settings):
  for index in indices:
    extraction.extract_prototypes(dataclasses.replace(
        config, num_shards=shards, shard_index=index, **settings))


def _shard(config, index, shards=3):
  return f'{config.save_dir}/prototypes/shard-{index:05d}-of-{shards:05d}'


def _set(folder):
  """The bytes of a set's four files."""
  return [open(f'{folder}/{name}', 'rb').read()
          for name in (*prototype_set.ARRAYS, prototype_set.IMAGES)]


def _merge(config):
  prototype_merge.merge_prototypes(
      prototype_merge.MergeConfig(save_dir=config.save_dir))


def _fails(config):
  with pytest.raises(InputError) as raised:
    _merge(config)
  assert '\n' not in str(raised.value)
  return str(raised.value)


@pytest.mark.parametrize('shards', (2, 3, 4))
@pytest.mark.parametrize('chunk', (5, 2**16))
def test_the_last_shard_merges_them_to_the_set_of_one_process(
    config, tmp_path, monkeypatch, capsys, shards, chunk):
  monkeypatch.setattr(retrieval, 'CHUNK', chunk)  # arrays in several parts
  one = dataclasses.replace(config, save_dir=str(tmp_path / 'one'))
  extraction.extract_prototypes(one)
  _extract(config, range(shards - 1, 0, -1), shards)
  assert '1 of ' in capsys.readouterr().out
  assert not prototype_set.is_finished(f'{config.save_dir}/prototypes')
  with pytest.raises(InputError, match='there are only shards: finish them'):
    prototype_set.load(config.save_dir, 4, 2)
  _extract(config, [0], shards)
  whole = _set(f'{tmp_path}/one/prototypes')
  assert _set(f'{config.save_dir}/prototypes') == whole
  # By hand as well, and however often.
  os.remove(f'{config.save_dir}/prototypes/{prototype_set.FEATURES}')
  _merge(config)
  _merge(config)
  assert _set(f'{config.save_dir}/prototypes') == whole


def test_merged_shards_may_go_and_are_not_made_again(config, capsys):
  _extract(config, range(3))
  for index in range(3):
    shutil.rmtree(_shard(config, index))
  _extract(config, [1])
  extraction.extract_prototypes(config)
  assert capsys.readouterr().out.count('all prototypes are there') == 2


def test_a_merged_set_of_a_changed_image_is_made_anew(config, capsys):
  _extract(config, range(3))
  path = f'{config.data_dir}/JPEGImages/im3.png'
  files.write_png(path, reading.read_image(path)[:, ::-1].copy())
  _extract(config, range(3))
  assert capsys.readouterr().err.count('as JPEGImages/im3.png: starting') == 1
  one = dataclasses.replace(config, save_dir=config.save_dir + '1')
  extraction.extract_prototypes(one)
  assert _set(f'{config.save_dir}/prototypes') == _set(
      f'{one.save_dir}/prototypes')


def test_a_shard_made_anew_takes_the_merged_set_away(config):
  _extract(config, range(3))
  before = _set(f'{config.save_dir}/prototypes')
  os.remove(f'{config.data_dir}/segcls/im3.png')  # of the last shard
  shutil.copy(f'{config.data_dir}/segcls/im0.png',
              f'{config.data_dir}/segcls/im3.png')
  with pytest.raises(InputError):  # of another size
    _extract(config, [2], overwrite=True)
  assert not prototype_set.is_finished(f'{config.save_dir}/prototypes')
  assert _fails(config).startswith('1 of 3 shards have not finished')
  os.remove(f'{config.data_dir}/segcls/im3.png')
  shutil.copytree(_shard(config, 0), _shard(config, 2), dirs_exist_ok=True)
  _merge(config)
  assert _set(f'{config.save_dir}/prototypes') != before


def test_shards_of_machines_with_the_data_elsewhere(config, tmp_path):
  _extract(config, [0, 2])
  shutil.copytree(f'{config.data_dir}/JPEGImages', tmp_path / 'd/JPEGImages')
  shutil.copytree(f'{config.data_dir}/segcls', tmp_path / 'd/segcls')
  _extract(config, [1], data_dir=str(tmp_path / 'd'))
  segments, paths = prototype_set.load_segments(config.save_dir)
  assert paths == [f'JPEGImages/im{i}.png' for i in range(4)]
  assert set(segments['image']) == set(range(4))


def test_no_machine_clears_what_another_extracted(config, tmp_path, capsys):
  """Its copy of the data has other times, and later another picture."""
  _extract(config, [0])
  kept = _set(_shard(config, 0))
  there = tmp_path / 'd'
  shutil.copytree(config.data_dir, there)
  for path in there.rglob('*.png'):
    os.utime(path, ns=(1, 1))
  _extract(config, [1], data_dir=str(there))
  path = f'{there}/JPEGImages/im0.png'
  files.write_png(path, reading.read_image(path)[:, ::-1].copy())
  _extract(config, [2], data_dir=str(there))
  assert _set(_shard(config, 0)) == kept
  told = capsys.readouterr()
  assert (f'warning: 1 images or masks changed since the prototypes in '
          f'{_shard(config, 0)} were extracted, as JPEGImages/im0.png: run '
          'extract_prototypes.py with its --shard_index again') in told.err
  assert not prototype_set.is_finished(f'{config.save_dir}/prototypes')
  _extract(config, [0], data_dir=str(there))
  assert _set(_shard(config, 0)) != kept
  assert prototype_set.is_finished(f'{config.save_dir}/prototypes')


def test_a_merged_set_stays_until_its_shards_are_there_again(config, capsys):
  _extract(config, range(2), 2)
  whole = _set(f'{config.save_dir}/prototypes')
  for index in range(2):
    shutil.rmtree(_shard(config, index, 2))
  path = f'{config.data_dir}/JPEGImages/im0.png'
  files.write_png(path, reading.read_image(path)[:, ::-1].copy())
  _extract(config, [0], 2)
  assert _set(f'{config.save_dir}/prototypes') == whole
  assert '1 of 2 shards have not finished' in capsys.readouterr().out
  _extract(config, [1], 2)
  assert _set(f'{config.save_dir}/prototypes') != whole


def test_a_missing_shard_is_named(config):
  _extract(config, [0, 2])
  message = _fails(config)
  assert message.startswith('1 of 3 shards have not finished, the first '
                            f'{_shard(config, 1)}; run extract')


def test_no_shards_at_all(config, tmp_path):
  assert _fails(config).startswith(f'no shards in {config.save_dir};')
  extraction.extract_prototypes(config)
  assert _fails(config).startswith(f'no shards in {config.save_dir}/prototypes')


def test_shards_of_two_numbers_of_shards(config):
  _extract(config, [0], 3)
  with pytest.raises(InputError, match='of --num_shards 3 and 2; remove'):
    _extract(config, [0], 2)
  assert not os.path.exists(_shard(config, 0, 2))
  os.mkdir(_shard(config, 0, 2))
  assert 'has shards of --num_shards 3 and 2; remove those' in _fails(config)


def test_shards_made_with_other_settings_name_the_setting(config):
  _extract(config, [0, 2])
  _extract(config, [1], kmeans_iterations=2, save_dir=f'{config.data_dir}/b')
  shutil.copytree(f'{config.data_dir}/b/prototypes', config.save_dir +
                  '/prototypes', dirs_exist_ok=True)
  assert (f'{_shard(config, 0)} is of --kmeans_iterations 3, not 2 as '
          f'{_shard(config, 1)}; extract one') in _fails(config)
  os.remove(f'{_shard(config, 1)}/config.json')
  assert f'{_shard(config, 1)} has no config.json of an' in _fails(config)
