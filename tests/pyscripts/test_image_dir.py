"""inference.py on a folder of pictures: results, names, and what goes wrong."""

import json
import os

import commands
import keras
import numpy as np
import PIL.Image
import pytest

import network
from segsort.checkpoints import checkpoint
from segsort.data import reading
from segsort.inference import prototype_set
from segsort.runs import files

pytestmark = [
    pytest.mark.usefixtures('deep_network'), pytest.mark.slow]


@pytest.fixture(scope='module', name='snapshot')
def _snapshot(tmp_path_factory):
  """A checkpoint of an untrained network, and prototypes of two classes."""
  folder = tmp_path_factory.mktemp('snapshot')
  keras.utils.set_random_seed(0)
  model = network.build_embedding_model('resnet_small', 'pspnet', 8)
  checkpoint.save(str(folder / 'model.ckpt-1'),
                  network.named_variables(model))
  prototype_set.save(
      str(folder / 'prototypes'), np.concatenate([np.eye(8), -np.eye(8)]),
      [0] * 8 + [1] * 8)
  return folder


@pytest.fixture(name='photos')
def _photos(tmp_path, rng):
  """A folder of pictures of several kinds, two of them of one stem."""
  folder = tmp_path / 'photos'
  (folder / 'sub').mkdir(parents=True)
  image = np.kron(rng.integers(0, 256, (5, 8, 3), np.uint8),
                  np.ones((8, 8, 1), np.uint8))
  picture = PIL.Image.fromarray(image)
  picture.save(folder / 'a.jpg')
  picture.transpose(PIL.Image.Transpose.ROTATE_90).save(folder / 'a.png')
  picture.convert('L').save(folder / 'sub/grey.webp')
  picture.resize((150, 4)).save(folder / 'sub/wide.bmp')
  PIL.Image.new('RGBA', (1, 1)).save(folder / 'one.png')
  return folder


@pytest.fixture(name='flags')
def _flags(snapshot, photos, tmp_path):
  return {**commands.SMALL_NETWORK, 'restore_from': snapshot,
          'prototype_dir': snapshot, 'image_dir': photos, 'num_classes': 2,
          'k_in_nearest_neighbors': 3, 'input_size': '32,40',
          'save_dir': tmp_path / 'r'}


SIZES = {'a.jpg': (40, 64), 'a.png': (64, 40), 'sub/grey': (40, 64),
         'sub/wide': (4, 150), 'one': (1, 1)}


@pytest.mark.parametrize('switches', ((), ('--scale_aug', '--flip_aug')))
def test_all_pictures_are_labelled_without_a_list(flags, tmp_path, switches):
  out = commands.succeed('inference', *switches, **flags)
  assert '5 images labelled' in out
  for name, size in SIZES.items():
    labels = reading.read_mask(str(tmp_path / f'r/gray/{name}.png'))
    assert labels.shape == size and labels.max() < 2
    for kind in ('color', 'overlay'):
      assert reading.read_image(
          str(tmp_path / f'r/{kind}/{name}.png')).shape == (*size, 3)
  legend = json.loads((tmp_path / 'r/legend.json').read_text())
  assert [entry['name'] for entry in legend] == ['background', 'aeroplane']


def test_a_folder_gives_the_labels_of_a_list(flags, photos, tmp_path):
  commands.succeed('inference', **flags)
  (tmp_path / 'list.txt').write_text('a.jpg\nsub/wide.bmp\n')
  del flags['image_dir']
  commands.succeed('inference', **{
      **flags, 'data_list': tmp_path / 'list.txt', 'data_dir': photos,
      'save_dir': tmp_path / 'listed'})
  for listed, found in (('a', 'a.jpg'), ('wide', 'sub/wide')):
    np.testing.assert_array_equal(
        reading.read_mask(str(tmp_path / f'listed/gray/{listed}.png')),
        reading.read_mask(str(tmp_path / f'r/gray/{found}.png')))
  assert sorted(os.listdir(tmp_path / 'listed')) == [
      'color', 'config.json', 'gray', 'inputs.jsonl']


def test_folded_batch_normalisation_keeps_the_labels(flags, tmp_path):
  commands.succeed('inference', **flags)
  commands.succeed('inference', '--fold_batch_norm', **{
      **flags, 'save_dir': tmp_path / 'folded'})
  labels, folded = (np.concatenate([
      reading.read_mask(str(tmp_path / f'{folder}/gray/{name}.png')).ravel()
      for name in SIZES]) for folder in ('r', 'folded'))
  assert .2 < labels.mean() < .8  # all of one class would be equal anyway
  # A pixel between two clusters may go either way; an error moves segments.
  assert (labels == folded).mean() > .99


def test_results_within_the_folder_are_no_pictures_of_it(flags, photos):
  flags['save_dir'] = photos / 'results'
  for _ in range(2):
    assert '5 images labelled' in commands.succeed('inference', **flags)


def test_pictures_that_cannot_be_read_are_named_and_the_others_done(
    flags, photos, tmp_path):
  (photos / 'b.jpg').write_bytes((photos / 'a.jpg').read_bytes()[:300])
  (photos / 'sub/c.png').write_text('text')
  status, out, err = commands.run('inference', **flags)
  assert status == 2 and '5 images labelled' in out
  lines = err.splitlines()
  assert lines[-1] == (
      f'error: 2 of 7 pictures in {photos} cannot be read, named above; the '
      f'others are in {tmp_path}/r')
  for line, path in zip(lines[-3:-1], (photos / 'b.jpg', photos / 'sub/c.png')):
    assert line.startswith(
        f'not labelled: cannot decode the picture {path}: ')
  assert len(list((tmp_path / 'r/gray').rglob('*.png'))) == 5


def test_only_unreadable_pictures(flags, photos):
  for path in photos.rglob('*.*'):
    path.write_text('text')
  status, _, err = commands.run('inference', **flags)
  assert status == 2 and err.splitlines()[-1] == (
      f'error: 5 of 5 pictures in {photos} cannot be read, named above; '
      'nothing was labelled')


def test_folders_that_are_missing_or_empty(flags, tmp_path):
  assert 'there is no folder /nowhere; check --image_dir' in commands.fail(
      'inference', **{**flags, 'image_dir': '/nowhere'})
  (tmp_path / 'empty').mkdir()
  assert f'no pictures in {tmp_path}/empty' in commands.fail(
      'inference', **{**flags, 'image_dir': tmp_path / 'empty'})


def test_either_a_folder_or_a_list(flags):
  assert 'label either a folder or a list' in commands.fail(
      'inference', **flags, data_dir='/data')
  assert 'label either a folder or a list' in commands.fail(
      'inference', **flags, data_list='list.txt')
  assert 'would be taken for pictures next time' in commands.fail(
      'inference', **{**flags, 'save_dir': flags['image_dir']})
  assert 'which knows lists only' in commands.fail(
      'inference', '--tf1_compat', **flags)
  del flags['image_dir']
  assert 'required: --data_list, --data_dir; or give --image_dir' in (
      commands.fail('inference', **flags))
  assert 'required: --data_dir; or' in commands.fail(
      'inference', **flags, data_list='list.txt')


def test_a_full_disk_ends_in_one_line_and_leaves_no_half_file(
    flags, tmp_path, monkeypatch):
  whole = files.write_png
  full = []

  def write(path, pixels):
    if 'sub' in path:
      monkeypatch.setattr(os, 'replace', fill)
    whole(path, pixels)

  def fill(*unused_paths):
    full.append(1)
    raise OSError(28, 'No space left on device')
  monkeypatch.setattr(files, 'write_png', write)
  line = commands.fail('inference', **flags)
  assert 'No space left on device; free the disk' in line and full
  written = sorted(path.name for path in (tmp_path / 'r/gray').rglob('*'))
  assert written == ['a.jpg.png', 'a.png.png', 'one.png']
  assert not list(tmp_path.rglob('*.partial'))
