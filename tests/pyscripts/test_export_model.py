"""export_model.py: labels of inference.py, where this project is not."""

import json
import os
import shutil
import subprocess
import sys

import closeness
import commands
import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import network
from segsort.checkpoints import checkpoint
from segsort.data import reading
from segsort.inference import inference_settings
from segsort.inference import prototype_set
from segsort.runs import files
from segsort.runs import run_record

pytestmark = pytest.mark.slow

# What someone else runs: nothing of this project is to be found.
ELSEWHERE = '''
import importlib, os, sys
import numpy as np
import tensorflow as tf

class Absent:  # also where the project is installed

  def find_spec(self, name, path=None, target=None):
    if name.split('.')[0] in ('segsort', 'network'):
      raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
for name in ('segsort', 'network'):
  try:
    importlib.import_module(name)
  except ModuleNotFoundError:
    continue
  sys.exit(name + ' is there')
model = tf.saved_model.load(sys.argv[1])
label, embed = (model.signatures[name] for name in ('serving_default', 'embed'))
arrays = {}
for name in sys.argv[3:]:
  image = tf.constant(open(name, 'rb').read())
  stem = os.path.basename(name)
  for key, value in {**label(image), **embed(image)}.items():
    arrays[f'{stem}/{key}'] = value.numpy()
arrays['legend'] = open(model.legend.asset_path.numpy()).read()
np.savez(sys.argv[2], **arrays)
'''
# Smaller than the window, the window, larger than the window
SIZES = {'small.jpg': (20, 40), 'whole.png': (32, 40), 'large.png': (40, 64),
         'palette.bmp': (20, 30)}


@pytest.fixture(scope='module', name='flags')
def _flags(tmp_path_factory):
  """Flags of an untrained network and prototypes of three classes."""
  folder = tmp_path_factory.mktemp('snapshot')
  keras.utils.set_random_seed(1)
  model = network.build_embedding_model('resnet_small', 'pspnet', 8)
  checkpoint.save(str(folder / 'model.ckpt-1'),
                  network.named_variables(model))
  rng = np.random.default_rng(3)
  features = rng.normal(size=(60, 8))
  prototype_set.save(
      str(folder / 'prototypes'),
      features / np.linalg.norm(features, axis=1, keepdims=True),
      np.arange(60) % 3)
  return {**commands.SMALL_NETWORK, 'restore_from': folder,
          'prototype_dir': folder, 'num_classes': 3, 'dataset': 'demo',
          'k_in_nearest_neighbors': 5, 'input_size': '32,40',
          'color_weight': .5, 'vote_balance': .5, 'vote_concentration': 2.}


@pytest.fixture(scope='module', name='photos')
def _photos(tmp_path_factory):
  """Pictures and a list of them."""
  folder = tmp_path_factory.mktemp('photos')
  rng = np.random.default_rng(4)
  for name, size in SIZES.items():
    blocks = rng.integers(0, 256, (9, 9, 3), np.uint8)
    picture = PIL.Image.fromarray(blocks).resize(size[::-1])
    if name.startswith('palette'):
      picture = picture.quantize(50)
    picture.save(folder / name)
  (folder / 'list.txt').write_text(''.join(f'{name}\n' for name in SIZES))
  return folder


@pytest.fixture(scope='module', name='exported')
def _exported(flags, tmp_path_factory):
  folder = tmp_path_factory.mktemp('export') / 'model'
  out = commands.succeed('export_model', **flags, save_dir=folder)
  assert f'MB with 60 prototypes: {folder}' in out
  return folder


def _inferred(flags, photos, folder, **more):
  commands.succeed('inference', **{
      **flags, **more, 'data_list': photos / 'list.txt', 'data_dir': photos,
      'save_dir': folder})
  return {name: reading.read_mask(
      f'{folder}/gray/{os.path.splitext(name)[0]}.png') for name in SIZES}


def _off_by_rounding(snapshot, folder):
  """Writes a checkpoint, its weights off by rounding errors."""
  rng = np.random.default_rng(0)
  weights = checkpoint.load(str(snapshot / 'model.ckpt-1'))
  checkpoint.save(str(folder / 'off/model.ckpt-1'), {
      name: closeness.perturbed(weight, rng)
      for name, weight in weights.items()})
  return folder / 'off'


def test_labels_are_those_of_inference_where_this_project_is_not(
    flags, photos, exported, tmp_path):
  environment = {name: value for name, value in os.environ.items()
                 if name != 'PYTHONPATH'}
  done = subprocess.run(
      [sys.executable, '-c', ELSEWHERE, exported, tmp_path / 'found.npz',
       *(photos / name for name in SIZES)], cwd=tmp_path, env=environment,
      capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr
  found = np.load(tmp_path / 'found.npz')
  labels = _inferred(flags, photos, tmp_path / 'r')
  for name, size in SIZES.items():
    assert found[f'{name}/labels'].shape == size
    assert found[f'{name}/embeddings'].shape == (*size, 8)
    assert len(np.unique(found[f'{name}/labels'])) > 1
  # No label hangs on rounding: not on that of weights either.
  off = _inferred({**flags, 'restore_from': _off_by_rounding(
      flags['restore_from'], tmp_path)}, photos, tmp_path / 'o')
  for name in ('small.jpg', 'whole.png', 'palette.bmp'):
    np.testing.assert_array_equal(found[f'{name}/labels'], labels[name])
    np.testing.assert_array_equal(off[name], labels[name])
  # Seen whole: as by a window of its size, to rounding.
  labels = _inferred(flags, photos, tmp_path / 'l', input_size='40,64')
  same = found['large.png/labels'] == labels['large.png']
  assert same.mean() >= .99
  assert [one['name'] for one in json.loads(str(found['legend']))] == [
      'background', 'striped-box', 'checked-hexagon']


def test_what_is_told_of_segments_belongs_together(exported, flags, photos):
  model = tf.saved_model.load(str(exported))
  image = tf.constant(files.read_bytes(str(photos / 'whole.png')))
  found = {name: value.numpy() for name, value in
           model.signatures['serving_default'](image).items()}
  assert found['neighbours'].shape == found['similarities'].shape == (9, 5)
  np.testing.assert_array_equal(
      found['segment_labels'][found['segments']], found['labels'])
  features, classes = prototype_set.load(str(flags['prototype_dir']), 8, 3)
  np.testing.assert_array_equal(
      found['neighbour_labels'], classes[found['neighbours']])
  raw = model.signatures['embed'](image)['embeddings'].numpy()
  unit = raw / np.linalg.norm(raw, axis=-1, keepdims=True)
  for segment in np.unique(found['segments']):
    mean = unit[found['segments'] == segment].sum(0)
    cosines = features @ (mean / np.linalg.norm(mean))
    closeness.assert_close(
        found['similarities'][segment], np.sort(cosines)[:-6:-1])
    closeness.assert_close(
        cosines[found['neighbours'][segment]], np.sort(cosines)[:-6:-1])


def test_a_folded_network_embeds_alike(exported, flags, photos, tmp_path):
  commands.succeed('export_model', '--fold_batch_norm', **flags,
                   save_dir=tmp_path / 'f')
  image = tf.constant(files.read_bytes(str(photos / 'whole.png')))
  plain, folded = (
      tf.saved_model.load(str(folder)).signatures['embed'](image)['embeddings']
      for folder in (exported, tmp_path / 'f'))
  closeness.assert_close(folded, plain)
  assert (np.asarray(folded) != np.asarray(plain)).any()


def test_what_is_there_is_replaced_only_if_told_so(
    flags, exported, tmp_path):
  folder = tmp_path / 'model'
  folder.mkdir()
  (folder / 'notes.txt').write_text('mine')
  flags = {**flags, 'save_dir': folder}
  for switches in ((), ('--overwrite',)):
    assert 'is there and is no SavedModel; name another' in commands.fail(
        'export_model', *switches, **flags)
  shutil.rmtree(folder)
  shutil.copytree(exported, folder)
  assert 'give --overwrite to replace it' in commands.fail(
      'export_model', **flags)
  before = (folder / 'variables/variables.index').stat().st_mtime_ns
  commands.succeed('export_model', '--overwrite', **flags)
  assert (folder / 'variables/variables.index').stat().st_mtime_ns > before
  assert os.listdir(tmp_path) == ['model']


def test_a_folder_that_tensorflow_cannot_load_from_is_refused(
    flags, tmp_path):
  told = commands.fail('export_model', **{
      **flags, 'save_dir': tmp_path / 'out[1]'})
  assert 'name a --save_dir without * ? [ \\ ] in its path' in told
  assert not (tmp_path / 'out[1]').exists()


def test_an_interrupted_export_leaves_what_was_there(
    flags, exported, tmp_path, monkeypatch):
  folder = tmp_path / 'model'
  shutil.copytree(exported, folder)
  before = (folder / 'saved_model.pb').read_bytes()

  def fill(*unused, **also_unused):
    raise tf.errors.ResourceExhaustedError(
        None, None, '{{function_node Save}} No space left\non it')
  monkeypatch.setattr(tf.saved_model, 'save', fill)
  line = commands.fail('export_model', '--overwrite', **flags, save_dir=folder)
  assert f'cannot write {folder}: No space left; free the disk' in line
  monkeypatch.setattr(tf.saved_model, 'save', _write_half)
  line = commands.fail('export_model', **flags, save_dir=tmp_path / 'other')
  assert 'cannot write' in line
  assert (folder / 'saved_model.pb').read_bytes() == before
  assert os.listdir(tmp_path) == ['model']


def _write_half(unused_model, folder, **unused):
  os.makedirs(folder)
  files.write_text(f'{folder}/variables', 'half')
  raise OSError(28, 'No space left on device')


def test_prototypes_of_another_network_are_refused(flags, tmp_path):
  folder, prototypes = str(tmp_path / 'p'), flags['prototype_dir']
  features, labels = prototype_set.load(str(prototypes), 8, 3)
  prototype_set.save(folder, features[:, :5], labels)
  flags = {**flags, 'prototype_dir': folder, 'save_dir': tmp_path / 'm'}
  assert 'have 5 dimensions, the network embeds in 8' in commands.fail(
      'export_model', **flags)
  prototype_set.save(folder, features, labels)
  extraction = inference_settings.ExtractConfig(
      data_list='', data_dir='', restore_from='older', save_dir='r')
  run = run_record.describe_run(extraction, restore_from='of another')
  files.write_json(f'{folder}/config.json', run)
  line = commands.fail('export_model', **flags)
  assert 'were extracted with another checkpoint than --restore_from' in line
  run['inputs']['restore_from'] = checkpoint.digest(
      str(flags['restore_from']))
  files.write_json(f'{folder}/config.json', run)
  commands.succeed('export_model', **flags)


def test_bytes_that_are_no_picture_are_an_error_of_the_model(exported):
  model = tf.saved_model.load(str(exported))
  with pytest.raises(tf.errors.InvalidArgumentError):
    model.signatures['serving_default'](tf.constant(b'no picture'))


def test_a_batch_is_labelled_picture_by_picture(exported, photos):
  label, label_batch = (
      tf.saved_model.load(str(exported)).signatures[name]
      for name in ('serving_default', 'label_batch'))
  images = [files.read_bytes(str(photos / name)) for name in SIZES]
  batch = label_batch(tf.constant(images))
  assert batch['sizes'].numpy().tolist() == [*map(list, SIZES.values())]
  assert batch['labels'].shape == (len(SIZES), 40, 64)
  for i, (image, (height, width)) in enumerate(zip(images, SIZES.values())):
    for name, one in label(tf.constant(image)).items():
      found = batch[name][i].numpy()
      if name in ('labels', 'segments'):
        outside = np.ones((40, 64), bool)
        outside[:height, :width] = False
        assert (found[outside] == (255 if name == 'labels' else -1)).all()
        found = found[:height, :width]
      closeness.assert_close(found, one)
