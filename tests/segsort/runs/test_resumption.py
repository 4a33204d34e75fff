"""Runs go on from their own results, and from no one else's."""

import dataclasses
import io
import json
import os
import shutil

import embedding_twins
import PIL.Image
import pytest
import small_runs

from segsort.checkpoints import checkpoint
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import inference
from segsort.inference import inference_settings
from segsort.inference import prototype_set
from segsort.runs import files
from segsort.runs import folder_lock
from segsort.runs import run_record
from segsort.runs import settings as settings_lib


@pytest.fixture(name='config')
def _config(tiny_dataset, tmp_path, monkeypatch, rng):
  """Inference that notes how often it embeds an image."""
  monkeypatch.setattr(
      embedding, 'restore_model', lambda _: embedding_twins.eighth_pixels)
  features = embedding_twins.unit(rng.normal(size=(30, 4)))
  prototype_set.save(str(tmp_path / 'p'), features, rng.integers(0, 2, 30))
  (tmp_path / 'net.index').write_bytes(b'checksums of weights')
  return small_runs.restored_config(
      inference_settings.InferenceConfig, tiny_dataset, tmp_path / 'net',
      tmp_path / 'r', prototype_dir=str(tmp_path / 'p'), embedding_dim=4,
      k_in_nearest_neighbors=5)


@pytest.fixture(name='labelled')
def _labelled(monkeypatch):
  """Names of the images that are read, in order."""
  names = []
  original = reading.read_image

  def read_image(path):
    names.append(os.path.basename(path).removesuffix('.png'))
    return original(path)
  monkeypatch.setattr(reading, 'read_image', read_image)
  return names


def _results(config):
  return {f'{kind}/{name}': open(
      f'{config.save_dir}/{kind}/{name}', 'rb').read()
          for kind in ('gray', 'color')
          for name in sorted(os.listdir(f'{config.save_dir}/{kind}'))}


def _fails(config, **settings):
  with pytest.raises(InputError) as raised:
    inference.infer(dataclasses.replace(config, **settings))
  assert '\n' not in str(raised.value)
  return str(raised.value)


ALL = ['im0', 'im1', 'im2', 'im3']


def test_only_what_lacks_is_made_again(config, labelled, capsys):
  inference.infer(config)
  whole = _results(config)
  assert labelled == ALL and len(whole) == 8
  color = f'{config.save_dir}/color'
  os.remove(f'{config.save_dir}/gray/im0.png')
  os.truncate(f'{color}/im1.png', os.path.getsize(f'{color}/im1.png') - 1)
  os.truncate(f'{color}/im3.png', 0)
  for name in ('im0.png.77.partial', 'im2.png.78.partial'):
    with open(f'{color}/{name}', 'wb') as file:
      file.write(b'half of a picture')
  labelled.clear()
  inference.infer(config)
  assert labelled == ['im0', 'im1', 'im3']
  # What a killed process was writing goes with the image that it was of.
  os.remove(f'{color}/im2.png.78.partial')
  assert _results(config) == whole
  inference.infer(config)
  assert labelled == ['im0', 'im1', 'im3']
  assert capsys.readouterr().out.count('4 images labelled') == 3


def test_shards_in_any_order_give_the_files_of_one_process(
    config, labelled, tmp_path):
  inference.infer(dataclasses.replace(config, save_dir=str(tmp_path / 'one')))
  labelled.clear()
  for index in (2, 0, 1):
    inference.infer(dataclasses.replace(
        config, num_shards=3, shard_index=index))
  assert labelled == ['im2', 'im3', 'im0', 'im1']
  assert _results(config) == _results(
      dataclasses.replace(config, save_dir=str(tmp_path / 'one')))
  inference.infer(config)  # finds that the shards have done it all
  assert len(labelled) == 4


@pytest.mark.parametrize('settings, text', (
    ({'k_in_nearest_neighbors': 3}, '--k_in_nearest_neighbors 5, not 3'),
    ({'flip_aug': True}, '--flip_aug False, not True'),
    ({'flip_aug': True, 'k_in_nearest_neighbors': 3},
     '--flip_aug False, not True and of --k_in_nearest_neighbors 5, not 3'),
    ({'strides': settings_lib.Size((8, 9))}, '--strides 0,0, not 8,9')))
def test_results_of_other_settings_are_refused(
    config, labelled, settings, text):
  inference.infer(config)
  before = _results(config)
  message = _fails(config, **settings)
  assert message == (
      f'{config.save_dir} has results of {text}; name another --save_dir, or '
      'give --overwrite to start anew (a recipe: another RESULTS_NAME, or '
      'OVERWRITE_RESULTS=1)')
  assert _results(config) == before
  labelled.clear()
  inference.infer(dataclasses.replace(config, overwrite=True, **settings))
  assert labelled == ALL
  assert _fails(config)  # they are the results of the others now


def test_inputs_of_another_name_are_refused_renewed_ones_are_not(
    config, labelled, tmp_path, rng, capsys):
  inference.infer(config)
  other = str(tmp_path / 'q')
  prototype_set.save(other, rng.normal(size=(9, 4)), rng.integers(0, 2, 9))
  assert f'--prototype_dir {config.prototype_dir}, not {other}' in _fails(
      config, prototype_dir=other)
  assert '--restore_from' in _fails(config, restore_from=f'{tmp_path}/p')
  labelled.clear()
  (tmp_path / 'net.index').write_bytes(b'trained on')
  inference.infer(config)
  assert labelled == ALL
  prototype_set.save(
      config.prototype_dir, rng.normal(size=(9, 4)), rng.integers(0, 2, 9))
  inference.infer(config)
  assert labelled == ALL + ALL
  told = capsys.readouterr().err
  for name in ('restore_from', 'prototype_dir'):
    assert (f'has results of another content of --{name} '
            f'{getattr(config, name)}: starting anew') in told


def test_changed_images_are_made_again(config, labelled, capsys):
  paths = [f'{config.data_dir}/JPEGImages/im{i}.png' for i in range(4)]
  raw = io.BytesIO()
  PIL.Image.fromarray(reading.read_image(paths[3])).save(
      raw, 'PNG', compress_level=0)
  files.write_bytes(paths[3], raw.getvalue())
  for index in range(2):
    inference.infer(dataclasses.replace(
        config, num_shards=2, shard_index=index))
  kept = _results(config)
  files.write_png(paths[1], reading.read_image(paths[1])[::-1].copy())
  with open(paths[3], 'rb+') as file:  # of the same size and time
    status, pixels = os.stat(file.fileno()), reading.read_image(paths[3])
    raw = io.BytesIO()
    PIL.Image.fromarray(pixels[::-1]).save(raw, 'PNG', compress_level=0)
    file.write(raw.getvalue())
  os.utime(paths[3], ns=(status.st_atime_ns, status.st_mtime_ns))
  os.utime(paths[2], ns=(1, 1))  # of another time alone
  labelled.clear()
  inference.infer(config)
  assert labelled == ['im1', 'im3']
  assert (f'warning: 2 of 4 images changed since their results in '
          f'{config.save_dir} were made, as im1: made again'
          ) in capsys.readouterr().err
  for name in ('im1', 'im3'):
    assert _results(config)[f'gray/{name}.png'] != kept[f'gray/{name}.png']
  labelled.clear()
  inference.infer(config)
  assert not labelled and 'changed since' not in capsys.readouterr().err


def test_results_of_images_that_left_the_list_are_told_of(config, capsys):
  inference.infer(config)
  with open(config.data_list, encoding='utf-8') as file:
    lines = file.readlines()
  files.write_text(config.data_list, ''.join(lines[1:]))
  inference.infer(config)
  assert (f'warning: {config.save_dir}/gray has results of 1 images that are '
          'not in the list, as im0; they stay') in capsys.readouterr().err


def test_a_folder_that_does_not_tell_what_of_is_not_cleared(config, labelled):
  inference.infer(config)
  os.remove(f'{config.save_dir}/config.json')
  kept = _results(config)
  message = _fails(config)
  assert (f'{config.save_dir} has results ({config.save_dir}/' in message
          and 'no config.json that tells how they were made' in message)
  assert _results(config) == kept
  labelled.clear()
  inference.infer(dataclasses.replace(config, overwrite=True))
  assert labelled == ALL


def test_a_folder_moved_is_no_other_content(config, labelled, tmp_path):
  inference.infer(config)
  os.rename(config.prototype_dir, tmp_path / 'moved')
  labelled.clear()
  inference.infer(dataclasses.replace(
      config, prototype_dir=str(tmp_path / 'moved')))
  assert not labelled


def test_a_project_moved_goes_on(config, labelled, tmp_path, monkeypatch):
  """By another path to data, list and results, and with other times."""
  inference.infer(config)
  shutil.copytree(f'{config.data_dir}/JPEGImages',
                  tmp_path / 'moved/JPEGImages')
  os.rename(config.save_dir, tmp_path / 'moved/r')
  shutil.copy(config.data_list, tmp_path / 'moved/list.txt')
  monkeypatch.chdir(tmp_path / 'moved')
  labelled.clear()
  inference.infer(dataclasses.replace(
      config, data_dir='.', data_list='list.txt', save_dir='r'))
  assert not labelled


def test_results_outlive_a_disk_with_the_images(config, labelled):
  inference.infer(config)
  kept = _results(config)
  os.rename(f'{config.data_dir}/JPEGImages', f'{config.data_dir}/away')
  with pytest.raises(InputError):
    inference.infer(config)
  assert _results(config) == kept


def test_two_processes_do_not_label_into_one_folder(config, labelled):
  with folder_lock.alone(config.save_dir):
    assert f'({os.getpid()} on ' in _fails(config)
    inference.infer(dataclasses.replace(config, num_shards=2))
  assert labelled == ['im0', 'im1']
  inference.infer(config)


def test_a_shard_made_anew_leaves_the_others_alone(config, labelled):
  for index in range(2):
    inference.infer(dataclasses.replace(
        config, num_shards=2, shard_index=index))
  labelled.clear()
  inference.infer(dataclasses.replace(
      config, num_shards=2, shard_index=1, overwrite=True))
  assert labelled == ['im2', 'im3'] and len(_results(config)) == 8


def test_new_settings_for_a_shard_take_the_results_of_all_away(config):
  inference.infer(config)
  inference.infer(dataclasses.replace(
      config, num_shards=2, shard_index=1, overwrite=True, flip_aug=True))
  assert len(_results(config)) == 4


def test_results_of_another_command_are_refused(config):
  run_record.write_run(config.save_dir, small_runs.train_config(
      (config.data_dir, config.data_list), config.save_dir))
  assert 'has results of TrainConfig, not InferenceConfig; name' in _fails(
      config)


@pytest.mark.parametrize('text', ('', '{}', '[]', 'no json'))
def test_results_beside_a_damaged_record_stay(config, labelled, text):
  inference.infer(config)
  kept = _results(config)
  with open(f'{config.save_dir}/config.json', 'w', encoding='utf-8') as file:
    file.write(text)
  assert 'no config.json that tells how they were made' in _fails(config)
  assert _results(config) == kept and labelled == ALL
  inference.infer(dataclasses.replace(config, overwrite=True))
  assert labelled == ALL + ALL
  with open(f'{config.save_dir}/config.json', encoding='utf-8') as file:
    assert json.load(file)['inputs'].keys() == {
        'restore_from', 'prototype_dir'}


def test_prototypes_of_another_checkpoint_label_nothing(config, labelled):
  extraction = small_runs.restored_config(
      inference_settings.ExtractConfig, (config.data_dir, config.data_list),
      config.restore_from, config.prototype_dir)
  run_record.write_run(
      config.prototype_dir, extraction,
      restore_from=checkpoint.digest(config.restore_from))
  weights = files.read_bytes(f'{config.restore_from}.index')
  files.write_text(f'{config.restore_from}.index', 'of further steps')
  assert 'were extracted with another checkpoint' in _fails(config)
  assert not labelled
  files.write_bytes(f'{config.restore_from}.index', weights)
  # The same checkpoint, named by one of its files.
  inference.infer(dataclasses.replace(
      config, restore_from=f'{config.restore_from}.index'))
  assert labelled == ALL
