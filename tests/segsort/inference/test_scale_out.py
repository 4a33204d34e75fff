"""Killed shards and several devices, in processes of their own: same bytes."""

import os
import subprocess
import sys
import time

import commands
import pytest

import network
from segsort.checkpoints import checkpoint
from segsort.inference import extraction
from segsort.inference import inference
from segsort.inference import inference_settings
from segsort.inference import prototype_set
from segsort.runs import files
from segsort.runs import settings as settings_lib

pytestmark = [
    pytest.mark.usefixtures('deep_network'), pytest.mark.processes]


@pytest.fixture(name='settings')
def _settings(tiny_dataset, tmp_path):
  """Flags of extraction and inference with an untrained network."""
  model = network.build_embedding_model('resnet_small', 'pspnet', 8)
  checkpoint.save(str(tmp_path / 'model.ckpt-1'),
                  network.named_variables(model))
  return {'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1],
          'restore_from': f'{tmp_path}/model.ckpt-1', 'num_classes': 2,
          'backbone': 'resnet_small', 'embedding_dim': 8, 'num_clusters': 3,
          'kmeans_iterations': 3}


def _config(config_class, settings, **more):
  return config_class(
      input_size=settings_lib.Size((32, 32)), **settings, **more)


def _start(script, settings, **more):
  flags = {'input_size': '32,32', **settings, **more}
  return subprocess.Popen(
      [sys.executable, f'{commands.ROOT}/pyscripts/{script}.py', *(
          f'--{name}={value}' for name, value in flags.items())],
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _ends_well(process):
  told, _ = process.communicate(timeout=300)
  assert process.returncode == 0, told
  return told


def _same_sets(one, other):
  for name in (*prototype_set.ARRAYS, prototype_set.IMAGES):
    assert (files.read_bytes(f'{one}/prototypes/{name}')
            == files.read_bytes(f'{other}/prototypes/{name}')), name


def test_a_shard_killed_and_started_again(settings, tmp_path):
  with open(settings['data_list'], encoding='utf-8') as file:
    lines = file.read()
  settings['data_list'] = str(tmp_path / 'long.txt')
  files.write_text(settings['data_list'], '\n'.join([lines] * 9))
  one, two = str(tmp_path / 'one'), str(tmp_path / 'two')
  shard = _start('extract_prototypes', settings, save_dir=two, num_shards=2,
                 shard_index=1)
  done = (f'{two}/prototypes/shard-00001-of-00002/'
          f'{prototype_set.IMAGES}.partial')
  deadline = time.time() + 300
  while not os.path.exists(done) or os.path.getsize(done) < 99:
    assert shard.poll() is None and time.time() < deadline
    time.sleep(.005)
  shard.kill()
  shard.communicate()
  before = files.read_bytes(done).count(b'\n')
  assert before < 18  # it was killed on its way
  extraction.extract_prototypes(
      _config(inference_settings.ExtractConfig, settings, save_dir=one))
  extraction.extract_prototypes(_config(
      inference_settings.ExtractConfig, settings, save_dir=two, num_shards=2))
  told = _ends_well(_start(
      'extract_prototypes', settings, save_dir=two, num_shards=2,
      shard_index=1))
  assert f'prototypes of 36 images: {two}/prototypes' in told
  _same_sets(one, two)


def test_several_devices_give_the_files_of_one(settings, tmp_path):
  devices = {'strategy': 'mirrored', 'logical_devices': 2}
  one, two = str(tmp_path / 'one'), str(tmp_path / 'two')
  extraction.extract_prototypes(
      _config(inference_settings.ExtractConfig, settings, save_dir=one))
  settings['prototype_dir'] = one
  inference.infer(_config(inference_settings.InferenceConfig, settings,
                          save_dir=one))
  labelling = _start('inference', settings, save_dir=two, **devices)
  del settings['prototype_dir']
  _ends_well(_start('extract_prototypes', settings, save_dir=two, **devices))
  _ends_well(labelling)
  _same_sets(one, two)
  for kind in ('gray', 'color'):
    assert len(os.listdir(f'{two}/{kind}')) == 4
    for name in os.listdir(f'{two}/{kind}'):
      assert (files.read_bytes(f'{two}/{kind}/{name}')
              == files.read_bytes(f'{one}/{kind}/{name}'))
