"""Every command answers, and a whole path from training to scores runs."""

import json
import os
import subprocess
import sys

import commands
import numpy as np
import pytest

import network
from segsort.checkpoints import checkpoint
from segsort.data import reading
from segsort.evaluation.confusion_matrix import ConfusionMatrix

pytestmark = [
    pytest.mark.usefixtures('deep_network'), pytest.mark.slow]

SCRIPTS = sorted(
    name.removesuffix('.py')
    for name in os.listdir(os.path.join(commands.ROOT, 'pyscripts'))
    if name.endswith('.py') and not name.startswith('_'))


def test_there_are_commands_for_every_stage():
  assert set(SCRIPTS) >= {
      'train_segsort', 'train_segsort_unsup', 'extract_prototypes',
      'inference', 'eval_miou', 'make_demo_dataset', 'prepare_voc12',
      'prepare_camvid'}


@pytest.mark.parametrize('script', SCRIPTS)
def test_help_is_answered_and_a_wrong_flag_refused(script, monkeypatch):
  monkeypatch.chdir(commands.ROOT)
  out = commands.succeed(script, '--help')
  assert out.startswith(f'usage: {script}.py') and '--' in out
  assert commands.fail(script, '--no_such_flag').endswith(
      '; --help explains the flags')


def test_a_command_runs_from_the_root_without_installation():
  environment = {name: value for name, value in os.environ.items()
                 if name not in ('PYTHONPATH', 'TF_CPP_MIN_LOG_LEVEL')}
  done = subprocess.run(
      [sys.executable, 'pyscripts/inference.py', '--help'],
      cwd=commands.ROOT, env=environment, capture_output=True, text=True,
      check=False)
  assert done.returncode == 0 and done.stderr == ''
  assert 'usage: inference.py' in done.stdout
  for stage in ('restore_from', 'prototype_dir', 'scale_aug', 'flip_aug'):
    assert f'--{stage}' in done.stdout


def _scores(predicted, data_dir):
  """Mean IoU in per cent over the four pictures of the tiny data set."""
  matrix = ConfusionMatrix(2)
  for i in range(4):
    labels = reading.read_mask(f'{data_dir}/segcls/im{i}.png')
    guesses = reading.read_mask(f'{predicted}/im{i}.png')
    assert guesses.shape == labels.shape  # portrait and landscape alike
    assert reading.read_image(
        f'{predicted}/../color/im{i}.png').shape == (*labels.shape, 3)
    matrix.update(labels, guesses)
  return matrix.iou().mean() * 100


@pytest.mark.parametrize('script, head', (
    ('train_segsort', 'pspnet'), ('train_segsort_unsup', 'deeplab')))
def test_training_to_scores(tiny_dataset, tmp_path, script, head):
  data = {'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1]}
  run = tmp_path / 'snapshots/run'
  network = {**commands.SMALL_NETWORK, 'head': head}
  out = commands.succeed(
      script, '--no-random_scale', **data, **network, snapshot_dir=run,
      num_classes=2, batch_size=2, input_size='32,40', num_steps=2,
      learning_rate='1e-3', batch_norm_decay=.9, update_tb_every=1)
  assert f'trained 2 steps: {run}/model.ckpt-2' in out
  assert checkpoint.steps_in(str(run)) == [2]
  settings = json.loads((run / 'config.json').read_text())['settings']
  assert settings['input_size'] == [32, 40] and settings['head'] == head
  assert not settings['random_scale'] and list(run.glob('events.out.*'))

  # From here on the architecture comes from config.json.
  restored = {**data, 'restore_from': run, 'input_size': '32,40'}
  out = commands.succeed(
      'extract_prototypes', **restored, save_dir=run / 'results/train')
  features = np.load(
      run / 'results/train/prototypes/prototype_features.npy')
  assert f'{len(features)} prototypes of 4 images' in out
  assert features.shape[1] == 8 and features.dtype == np.float32
  for folder, switches in (('val', []), ('msc', ['--scale_aug', '--flip_aug'])):
    results = run / 'results' / folder
    out = commands.succeed(
        'inference', *switches, **restored, save_dir=results,
        prototype_dir=run / 'results/train/prototypes',
        k_in_nearest_neighbors=3)
    assert '4 images labelled' in out
    out = commands.succeed(
        'eval_miou', pred_dir=results / 'gray', num_classes=2,
        gt_dir=f'{tiny_dataset[0]}/segcls')
    expected = _scores(results / 'gray', tiny_dataset[0])
    assert f'mean IOU: {expected:.4f}%' in out


def test_a_second_stage_trains_on_with_accumulated_gradients(
    tiny_dataset, tmp_path):
  """Continues given weights, two batches of one image an update."""
  model = network.build_embedding_model('resnet_small', 'pspnet', 8)
  first = network.named_variables(model)
  checkpoint.save(str(tmp_path / 'one/model.ckpt-7'), first)
  out = commands.succeed(
      'train_segsort', **commands.SMALL_NETWORK, data_dir=tiny_dataset[0],
      data_list=tiny_dataset[1], num_classes=2, batch_size=1, iter_size=2,
      input_size=32, num_steps=1, learning_rate='1e-5', num_banks=0,
      snapshot_dir=tmp_path / 'two', restore_from=tmp_path / 'one')
  assert f'variables of 127 from {tmp_path}/one/model.ckpt-7' in out
  second = checkpoint.load(str(tmp_path / 'two/model.ckpt-1'))
  assert second['global_step'] == 1 and second['memory_bank/labels'].size == 0
  for name in ('conv1/weights', 'block5/fc1_voc12/weights'):
    name = f'resnet_small/{name}'
    assert 0 < abs(second[name] - first[name].numpy()).max() < 1e-2
