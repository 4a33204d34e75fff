"""What a user can get wrong: status 2 and one line that says how to mend it."""

import os
import shutil
import sys

import commands
import numpy as np
import PIL.Image
import pytest

import network
from segsort.checkpoints import checkpoint
from segsort.data import reading
from segsort.inference import prototype_set
from segsort.runs import files


@pytest.fixture(scope='module', name='snapshot')
def _snapshot(tmp_path_factory):
  """A checkpoint of an untrained network, and one prototype of it."""
  folder = tmp_path_factory.mktemp('snapshot')
  model = network.build_embedding_model('resnet_small', 'pspnet', 8)
  checkpoint.save(str(folder / 'model.ckpt-1'),
                  network.named_variables(model))
  prototype_set.save(str(folder / 'prototypes'), np.eye(1, 8), [1])
  return folder


@pytest.fixture(name='run')
def _run(tiny_dataset, tmp_path, snapshot):
  """Runs a command with good flags but for some, which must fail."""
  data = {'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1],
          'num_classes': 2, 'input_size': 32, **commands.SMALL_NETWORK}
  restored = {**data, 'restore_from': snapshot, 'save_dir': tmp_path / 'r'}
  good = {
      'train_segsort': {**data, 'snapshot_dir': tmp_path / 'run',
                        'num_steps': 2, 'batch_size': 4},
      'extract_prototypes': restored,
      'inference': {**restored, 'prototype_dir': snapshot}}
  good['train_segsort_unsup'] = good['train_segsort']

  def run(script, **bad):
    flags = {**good[script], **bad}
    return commands.fail(script, **{
        name: value for name, value in flags.items() if value is not None})
  run.good = good
  return run


STAGES = ('train_segsort', 'train_segsort_unsup', 'extract_prototypes',
          'inference')
WITH_MASKS = 'train_segsort', 'extract_prototypes'


@pytest.mark.parametrize('script', STAGES)
def test_lists_that_are_wrong_name_file_and_line(run, tiny_dataset, script):
  data_dir, data_list = tiny_dataset
  with open(data_list, 'a', encoding='utf-8') as file:
    file.write('\n/JPEGImages/im0.png a b c')
  assert f'{data_list}:5: 4 columns, expected' in run(script)
  with open(data_list, 'w', encoding='utf-8') as file:
    file.write('\n \n')
  assert f'the list {data_list} is empty' in run(script)
  assert f'cannot read the list {data_dir}/none.txt' in run(
      script, data_list=f'{data_dir}/none.txt')
  assert 'required: --data_list' in run(script, data_list=None)


@pytest.mark.parametrize('script', STAGES)
def test_a_missing_image_or_data_folder(run, tiny_dataset, script):
  data_dir, data_list = tiny_dataset
  assert f'{data_list}:1: no image at /nowhere/JPEGImages/im0.png' in run(
      script, data_dir='/nowhere')
  os.remove(f'{data_dir}/JPEGImages/im2.png')
  assert f'{data_list}:3: no image at {data_dir}/JPEGImages/im2.png' in run(
      script)


@pytest.mark.parametrize('script, folder, what', (
    ('train_segsort', 'segcls', 'mask'),
    ('extract_prototypes', 'segcls', 'mask'),
    ('train_segsort_unsup', 'hed', 'oversegmentation')))
def test_a_missing_mask(run, tiny_dataset, script, folder, what):
  data_dir, data_list = tiny_dataset
  os.remove(f'{data_dir}/{folder}/im1.png')
  assert f'{data_list}:2: no {what} at {data_dir}/{folder}/im1.png' in run(
      script)


def test_one_column_is_too_few_where_masks_are_needed(run, tiny_dataset):
  with open(tiny_dataset[1], 'w', encoding='utf-8') as file:
    file.write('/JPEGImages/im0.png')
  for script in WITH_MASKS:
    assert ':1: 1 columns, expected 2 or 3' in run(script)


@pytest.mark.parametrize('script', STAGES)
@pytest.mark.parametrize('file_format', ('JPEG', 'PNG'))
def test_a_corrupt_image(run, tiny_dataset, script, file_format):
  path = f'{tiny_dataset[0]}/JPEGImages/im3.png'
  noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
  PIL.Image.fromarray(noise).save(path, file_format)
  os.truncate(path, os.path.getsize(path) // 2)
  assert f'cannot decode the image {path}' in run(script)


@pytest.mark.parametrize('script', WITH_MASKS)
def test_masks_that_do_not_fit(run, tiny_dataset, script):
  path = f'{tiny_dataset[0]}/segcls/im0.png'
  where = f'{tiny_dataset[1]}:1: the mask {path}'
  files.write_png(path, np.full((40, 56), 2, np.uint8))
  assert f'{where} holds the label 2, but there are 2 classes' in run(script)
  files.write_png(path, np.zeros((56, 40), np.uint8))
  assert f'{where} is 56x40 (height x width), its image 40x56' in run(script)
  files.write_png(path, np.zeros((40, 56, 3), np.uint8))
  assert f'the mask {path} is a colour picture' in run(script)
  with open(path, 'wb') as file:
    file.write(b'\x89PNG')
  assert f'cannot decode the mask {path}' in run(script)


def test_an_oversegmentation_of_another_size(run, tiny_dataset):
  files.write_png(f'{tiny_dataset[0]}/hed/im0.png', np.zeros((9, 9), np.uint8))
  assert 'im0.png is 9x9 (height x width)' in run('train_segsort_unsup')


@pytest.mark.parametrize('script', STAGES)
@pytest.mark.parametrize('flag, value, message', (
    ('backbone', 'vgg16', "--backbone: invalid choice: 'vgg16'"),
    ('head', 'fcn', "--head: invalid choice: 'fcn'"),
    ('dataset', 'coco', "--dataset: invalid choice: 'coco'"),
    ('input_size', 'big', "'big' is not a size"),
    ('input_size', '0,32', '--input_size is 0'),
    ('num_clusters', '-5', '--num_clusters is -5; it must be above 0'),
    ('kmeans_iterations', '-1', 'it must be 0 or more'),
    ('embedding_dim', '0', '--embedding_dim is 0')))
def test_flags_that_no_stage_takes(run, script, flag, value, message):
  assert message in run(script, **{flag: value})


@pytest.mark.parametrize('script', STAGES)
def test_a_checkpoint_of_another_architecture(
    run, script, snapshot, tmp_path):
  given = {'restore_from': snapshot}
  assert 'another architecture?' in run(script, **given, head='deeplab')
  if script == 'inference':  # it looks at the prototypes first
    given['prototype_dir'] = tmp_path
    prototype_set.save(str(tmp_path), np.eye(1, 4), [1])
  assert '(8,) there, (4,) here' in run(script, **given, embedding_dim=4)


@pytest.mark.parametrize('script', STAGES)
def test_a_checkpoint_that_is_missing_or_damaged(
    run, script, snapshot, tmp_path):
  assert 'no checkpoint at /nowhere/model.ckpt-1' in run(
      script, restore_from='/nowhere/model.ckpt-1')
  (tmp_path / 'empty').mkdir()
  assert f'no model.ckpt-* in the folder {tmp_path}/empty' in run(
      script, restore_from=tmp_path / 'empty')
  shutil.copytree(snapshot, tmp_path / 'copy')
  os.truncate(tmp_path / 'copy/model.ckpt-1.data-00000-of-00001', 1000)
  assert f'cannot read the checkpoint {tmp_path}/copy/model.ckpt-1' in run(
      script, restore_from=tmp_path / 'copy')


@pytest.mark.parametrize('script', STAGES)
def test_no_permission_to_write(run, script, tmp_path):
  # Below a regular file, for permissions do not bind the superuser.
  (tmp_path / 'file').write_text('')
  flag = 'snapshot_dir' if script.startswith('train') else 'save_dir'
  assert f'cannot write {tmp_path}/file/run' in run(
      script, **{flag: tmp_path / 'file/run'})


def test_prototypes_that_do_not_fit(run, tmp_path):
  assert 'cannot read the prototypes /nowhere/prototype_features.npy' in run(
      'inference', prototype_dir='/nowhere')
  prototype_set.save(str(tmp_path / 'p'), np.eye(4), [0, 1, 1, 1])
  assert 'have 4 dimensions, the network embeds in 8' in run(
      'inference', prototype_dir=tmp_path / 'p')
  prototype_set.save(str(tmp_path / 'p'), np.eye(4, 8), [0, 1, 1, 2])
  assert 'labels 0 to 2, but there are 2 classes' in run(
      'inference', prototype_dir=tmp_path / 'p')
  prototype_set.save(str(tmp_path / 'p'), np.eye(4, 8), [0, 1, 1])
  assert '(4, 8) features and (3,) labels in' in run(
      'inference', prototype_dir=tmp_path / 'p')
  prototype_set.save(str(tmp_path / 'p'), np.full((4, 8), np.nan), [0] * 4)
  assert 'holds 4 rows that are not finite, the first 0 of 4' in run(
      'inference', prototype_dir=tmp_path / 'p')


@pytest.mark.parametrize('script', ('extract_prototypes', 'inference'))
def test_shards_and_devices_out_of_range(run, script):
  assert '--shard_index is 4; it must be 0 to 3' in run(
      script, num_shards=4, shard_index=4)
  assert '--num_shards is 5, but' in run(script, num_shards=5)
  assert "--strategy: invalid choice: 'multi_worker'" in run(
      script, strategy='multi_worker')
  assert '--num_gpu is 99, but TensorFlow sees' in run(
      script, strategy='mirrored', num_gpu=99)


@pytest.mark.parametrize('script', ('extract_prototypes', 'inference'))
def test_results_of_other_settings(run, script):
  commands.succeed(script, **run.good[script])
  assert 'has results of --num_clusters 3, not 2; name another' in run(
      script, num_clusters=2)


def test_shards_that_cannot_be_merged(run, tmp_path):
  assert 'no shards in /nowhere;' in commands.fail(
      'merge_prototypes', save_dir='/nowhere')
  commands.succeed(
      'extract_prototypes', **run.good['extract_prototypes'], num_shards=2)
  assert '1 of 2 shards have not finished, the first' in commands.fail(
      'merge_prototypes', save_dir=tmp_path / 'r')


def test_faiss_that_is_not_installed(run, monkeypatch):
  monkeypatch.setitem(sys.modules, 'faiss', None)
  assert 'run `pip install faiss-cpu`, or leave' in run(
      'inference', retrieval='faiss')


def test_k_larger_than_the_prototype_set_is_a_warning(run, tmp_path):
  status, _, err = commands.run('inference', **run.good['inference'])
  assert status == 0 and 'there are only 1 prototypes: all of them vote' in err
  # The only prototype is of class 1; images are larger than the window.
  for i, size in enumerate([(40, 56), (56, 40), (33, 47), (48, 48)]):
    labels = reading.read_mask(str(tmp_path / f'r/gray/im{i}.png'))
    np.testing.assert_array_equal(labels, np.ones(size))


def test_windows_larger_than_the_images_are_no_error(run):
  flags = {**run.good['inference'], 'input_size': '64,72'}
  status, out, err = commands.run('inference', **flags)
  assert status == 0 and '4 images labelled' in out, err


def test_strides_that_leave_pixels_out(run):
  for script in ('extract_prototypes', 'inference'):
    assert '--strides has 33, above the 32 of --input_size' in run(
        script, strides='33,20')
