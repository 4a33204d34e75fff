"""Runs that train the head alone, with features kept or computed."""

import os

import numpy as np
import pytest
import small_runs

from segsort.checkpoints import checkpoint
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import InputError
from segsort.runs import files
from segsort.training import softmax_training
from segsort.training import training
from segsort.training import training_settings


@pytest.fixture(scope='module', name='where')
def _where(tmp_path_factory):
  """Two pictures of two classes, one smaller than a crop."""
  folder = tmp_path_factory.mktemp('data')
  rng = np.random.default_rng(0)
  for name, size in (('a', (40, 56)), ('b', (24, 48))):
    image = rng.integers(0, 90, (*size, 3), np.uint8)
    mask = np.zeros(size, np.uint8)
    mask[8:20, 10:30] = 1
    image[mask == 1] += 120
    files.write_png(str(folder / f'{name}.png'), image)
    files.write_png(str(folder / f'{name}_mask.png'), mask)
  (folder / 'list.txt').write_text('a.png a_mask.png\nb.png b_mask.png')
  return str(folder), str(folder / 'list.txt')


def _tensors(folder, step):
  return checkpoint.load(checkpoint.checkpoint_path(str(folder), step))


def _config(where, folder, **settings):
  settings = {
      'cache_features': str(folder.parent / 'features'), 'random_scale': False,
      'freeze_backbone': True, 'num_steps': 2, 'save_pred_every': 1, **settings}
  return small_runs.train_config(where, folder, **settings)


@pytest.mark.parametrize('settings', (
    {}, {'cache_features': '', 'random_scale': True},
    {'iter_size': 2, 'num_banks': 1}))
def test_the_backbone_stays_and_a_run_goes_on(where, tmp_path, settings):
  training.train(_config(where, tmp_path / 'whole', **settings))
  training.train(_config(where, tmp_path / 'start', **settings, num_steps=0))
  start, first, whole = (
      _tensors(tmp_path / 'start', 0), _tensors(tmp_path / 'whole', 1),
      _tensors(tmp_path / 'whole', 2))
  backbone = [name for name in start if name.startswith('resnet_small/')
              and '/block5/' not in name]
  assert backbone and not any('/Momentum' in name for name in backbone)
  for name in backbone:
    np.testing.assert_array_equal(whole[name], start[name])
  moved = [name for name in start if np.any(whole[name] != start[name])]
  assert 'resnet_small/block5/fc1_voc12/weights' in moved
  for name in os.listdir(tmp_path / 'whole'):
    if name.startswith('model.ckpt-2'):
      os.remove(tmp_path / 'whole' / name)
  training.train(_config(where, tmp_path / 'whole', **settings))
  resumed = _tensors(tmp_path / 'whole', 2)
  for name, value in whole.items():
    np.testing.assert_allclose(resumed[name], value, rtol=1e-4, atol=1e-6)
  assert np.any(first['resnet_small/block5/fc1_voc12/weights']
                != whole['resnet_small/block5/fc1_voc12/weights'])


class _Columns:
  """Features of one channel that tell their column in the whole image."""

  stride = 8

  def crop(self, unused_index, unused_mirror, offset):
    """Returns f32[4, 4, 1]."""
    assert not any(np.asarray(offset) % 8)
    columns = np.float32(np.arange(4) + offset[1] // 8)
    return np.tile(columns[None, :, None], (4, 1, 1))


def test_features_lie_under_the_pixels_of_their_crop(where, tmp_path):
  config = _config(where, tmp_path / 'run', num_steps=20, random_mirror=False)
  examples = [_first(where)]
  seen = set()
  for batch in input_pipeline.supervised_batches(
      examples, config, features=_Columns()):
    columns = batch['features'].numpy()[:, 0, :, 0]
    # Locations are column / width: the crop's cells start at their first pixel.
    pixels = batch['locations'].numpy()[:, 0, ::8, 1] * 56
    np.testing.assert_allclose(pixels, 8 * columns, atol=1e-4)
    seen |= set(columns[:, 0])
  assert len(seen) > 1


def _first(where):
  """The first picture of the list."""
  return image_list.read_list(where[1], where[0], ('image', 'mask'))[0]


@pytest.mark.slow
@pytest.mark.parametrize('train,config_class', (
    (softmax_training.train_softmax, softmax_training.TrainSoftmaxConfig),
    (training.train_unsupervised, training_settings.TrainUnsupConfig)))
def test_other_losses_learn_from_kept_features(
    where, tmp_path, train, config_class):
  if config_class is training_settings.TrainUnsupConfig:
    where = where[0], str(tmp_path / 'list.txt')
    (tmp_path / 'list.txt').write_text('a.png - a_mask.png\nb.png - b_mask.png')
  config = _config(where, tmp_path / 'run', config_class=config_class)
  train(config)
  first, last = (_tensors(tmp_path / 'run', step) for step in (1, 2))
  name = 'resnet_small/block5/fc1_voc12/weights'
  assert np.any(first[name] != last[name])


@pytest.mark.parametrize('changed,flags', (
    ({'freeze_backbone': False}, 'give --freeze_backbone as well'),
    ({'random_scale': True, 'random_color': True},
     'give --no-random_scale --no-random_color as well')))
def test_features_that_change_are_not_kept(where, tmp_path, changed, flags):
  with pytest.raises(InputError, match=flags):
    _config(where, tmp_path / 'run', **changed).check()
