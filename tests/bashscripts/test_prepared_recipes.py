"""Cityscapes and COCO-Stuff, from the archives' folders to a score."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from segsort.data import reading


pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
SOURCES = {'cityscapes': 'CITYSCAPES_SOURCE', 'coco_stuff': 'COCO_SOURCE'}
FOLDERS = {'cityscapes': 'Cityscapes', 'coco_stuff': 'CocoStuff'}
STEPS = ['train_segsort.py', 'extract_prototypes.py', 'inference.py',
         'inference.py', 'eval_miou.py', 'eval_miou.py']


@pytest.mark.parametrize('dataset', SOURCES)
def test_one_stage_from_imagenet_weights(project, dataset):
  result = project.run(f'{dataset}/train_segsort.sh')
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  assert [name for name, _ in calls] == STEPS
  data = f'{project.root}/dataset/{dataset}/data/{FOLDERS[dataset]}'
  train = calls[0][1]
  assert train['data_dir'] == data and train['dataset'] == dataset
  assert train['restore_from'].endswith('trained/resnet_v1_101.ckpt')
  assert 'not_restore_classifier' in train
  assert calls[4][1]['gt_dir'] == f'{data}/segcls/' + (
      'val' if dataset == 'cityscapes' else 'val2017')


def test_cityscapes_has_the_settings_that_the_author_gave(project):
  project.run('cityscapes/train_segsort.sh')
  train, extract, single, multi = (flags for _, flags in project.calls()[:4])
  assert {name: train[name] for name in (
      'batch_size', 'input_size', 'weight_decay', 'num_steps', 'learning_rate',
      'num_clusters', 'kmeans_iterations')} == {
          'batch_size': '8', 'input_size': '720,720', 'weight_decay': '5e-4',
          'num_steps': '150000', 'learning_rate': '3e-3', 'num_clusters': '8',
          'kmeans_iterations': '15'}
  for flags in (extract, single, multi):
    assert flags['num_clusters'] == '16' and flags['input_size'] == '720,720'
    assert flags['kmeans_iterations'] == '15'


@pytest.mark.parametrize('dataset', SOURCES)
def test_prepared_where_lists_are_absent(project, dataset):
  (project.root / f'dataset/{dataset}/train.txt').unlink()
  result = project.run(
      f'{dataset}/train_segsort.sh', **{SOURCES[dataset]: 'raw'})
  (name, flags), = project.calls()  # the stand-in wrote nothing
  assert name == f'prepare_{dataset}.py' and flags == {
      'source_dir': 'raw', 'list_dir': f'{project.root}/dataset/{dataset}',
      'data_dir': f'{project.root}/dataset/{dataset}/data/{FOLDERS[dataset]}'}
  assert result.returncode == 2 and 'the list is missing' in result.stderr
  assert f'prepare_{dataset}.py --source_dir' in result.stderr
  assert f'{SOURCES[dataset]}=' in result.stderr


def _write(path, pixels):
  path.parent.mkdir(parents=True, exist_ok=True)
  PIL.Image.fromarray(pixels).save(path)


def _write_cityscapes(folder):
  """Two pictures a split, the lower half of which is road, the upper sky."""
  rng = np.random.default_rng(0)
  for split in ('train', 'val'):
    for number in range(2):
      labels = np.full((36, 48), 23, np.uint8)
      labels[18:], labels[:, :4] = 7, 0
      image = rng.integers(0, 60, (36, 48, 3), np.uint8)
      image[labels == 23] += 150
      name = f'ulm/ulm_{number:06d}_000019'
      _write(folder / f'leftImg8bit/{split}/{name}_leftImg8bit.png', image)
      _write(folder / f'gtFine/{split}/{name}_gtFine_labelIds.png', labels)


def _write_coco_stuff(folder):
  rng = np.random.default_rng(0)
  for split in ('train2017', 'val2017'):
    for number in range(2):
      labels = np.full((36, 48), 156, np.uint8)  # sky-other
      labels[18:], labels[:, :4] = 148, 255  # road
      image = rng.integers(0, 60, (36, 48, 3), np.uint8)
      image[labels == 156] += 150
      _write(folder / f'images/{split}/{number:012d}.jpg', image)
      _write(folder / f'annotations/{split}/{number:012d}.png', labels)


def _source(tmp_path, dataset, **settings):
  """Sources the script with the real commands; returns what it printed."""
  done = subprocess.run(
      ['bash', '-c', f"source '{ROOT}/bashscripts/{dataset}/train_segsort.sh'"],
      cwd=tmp_path, capture_output=True, text=True, check=False, env={
          **os.environ, 'PYTHON': sys.executable, SOURCES[dataset]: 'raw',
          'DATAROOT': 'data', 'LIST_DIR': 'lists', 'SNAPSHOT_DIR': 'run',
          'BACKBONE': 'resnet_small', 'RESTORE_FROM': '', 'NUM_STEPS': '2',
          'BATCH_SIZE': '2', 'INPUT_SIZE': '32,32', 'NUM_CLUSTERS': '3',
          'INFERENCE_NUM_CLUSTERS': '3', 'KMEANS_ITERATIONS': '3',
          'INFERENCE_INPUT_SIZE': '36,48', 'IS_INFERENCE_MSC_1': '0',
          **settings})
  assert done.returncode == 0, done.stderr
  return done.stdout


def test_cityscapes_from_archives_to_scores(tmp_path):
  _write_cityscapes(tmp_path / 'raw')
  printed = _source(tmp_path, 'cityscapes')
  assert re.findall(r'^stage 1 (\w+) took', printed, re.M) == [
      'train', 'extract_prototypes', 'inference', 'benchmark']
  for name in ('road', 'sky'):
    assert re.search(rf'^class {name} +: \d+, IOU: \d', printed, re.M)
  assert re.search(r'^mean IOU: \d', printed, re.M)
  gray = sorted((tmp_path / 'run/stage1/results/val/gray').iterdir())
  assert len(gray) == 2 and reading.read_mask(str(gray[0])).shape == (36, 48)


def test_coco_stuff_from_archives_to_a_checkpoint(tmp_path):
  _write_coco_stuff(tmp_path / 'raw')
  printed = _source(tmp_path, 'coco_stuff', IS_PROTOTYPE_1='0',
                    IS_INFERENCE_1='0', IS_BENCHMARK_1='0')
  assert re.findall(r'^stage 1 (\w+) took', printed, re.M) == ['train']
  assert (tmp_path / 'run/stage1/model.ckpt-2.index').is_file()
  mask = reading.read_mask(str(
      tmp_path / 'data/CocoStuff/segcls/val2017/000000000000.png'))
  assert np.unique(mask).tolist() == [137, 145, 255]  # road, sky-other
