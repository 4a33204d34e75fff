"""Runs that train the head alone, with features kept or computed."""

import keras
import keras_runs
import numpy as np
import pytest
import small_runs

from segsort.checkpoints import checkpoint
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import InputError
from segsort.training import softmax_training
from segsort.training import train_state
from segsort.training import training
from segsort.training import training_settings


@pytest.fixture(scope='module', name='where')
def _where(tmp_path_factory):
  """Two pictures of two classes, one smaller than a crop."""
  return keras_runs.write_pictures(
      tmp_path_factory.mktemp('data'), (40, 56), (24, 48))


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
  start, whole = (
      _tensors(tmp_path / 'start', 0), _tensors(tmp_path / 'whole', 2))
  backbone = [name for name in start if name.startswith('resnet_small/')
              and '/block5/' not in name]
  assert backbone and not any('/Momentum' in name for name in backbone)
  for name in backbone:
    np.testing.assert_array_equal(whole[name], start[name])
  moved = [name for name in start if np.any(whole[name] != start[name])]
  assert 'resnet_small/block5/fc1_voc12/weights' in moved
  other = keras_runs.stopped(tmp_path / 'whole', tmp_path / 'other')
  training.train(_config(where, other, **settings))
  assert 'resnet_small/block5/fc1_voc12/weights' in keras_runs.moved_alike(
      tmp_path / 'whole', other)


class _Columns:
  """Features of one channel that tell their column in the whole image."""

  stride, crop_shape = 8, (4, 4, 1)

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
@pytest.mark.parametrize('settings', (
    {'mixed_precision': 'bfloat16'}, {'jit_compile': True}))
def test_variants_learn_from_kept_features(where, tmp_path, settings):
  try:
    training.train(_config(where, tmp_path / 'run', **settings))
  finally:
    keras.mixed_precision.set_global_policy('float32')
  kept = [np.load(path) for path in (tmp_path / 'features').rglob('*.npy')]
  assert len(kept) == 4 and all(one.dtype == np.float32 for one in kept)
  first, last = (_tensors(tmp_path / 'run', step) for step in (1, 2))
  name = 'resnet_small/block5/fc1_voc12/weights'
  assert np.any(first[name] != last[name])


def test_a_head_on_random_features_is_told(where, tmp_path, capsys):
  training.train(_config(where, tmp_path / 'start', num_steps=0))
  assert 'learns from the features of random weights' in (
      capsys.readouterr().err)
  training.train(_config(
      where, tmp_path / 'run', num_steps=0,
      restore_from=str(tmp_path / 'start')))
  assert 'random weights' not in capsys.readouterr().err


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


def _learns(where, folder, restore_from, **settings):
  """Which batch normalisations learn: those of the (backbone, head)."""
  state = train_state.TrainState(small_runs.train_config(
      where, folder, restore_from=restore_from, freeze_batch_norm=True,
      **settings))
  scales = {name: variable.trainable for name, variable in
            state.variables.items() if name.endswith('BatchNorm/gamma')}
  return tuple(
      {learns for name, learns in scales.items()
       if ('/block5/' in name) == of_head} for of_head in (False, True))


def test_only_batch_norm_that_was_restored_is_frozen(where, tmp_path):
  run = str(tmp_path / 'run')
  assert _learns(where, tmp_path, run, not_restore_classifier=True) == (
      {False}, {True})
  assert _learns(where, tmp_path, run) == ({False}, {False})
  assert _learns(where, tmp_path, '') == ({False}, {False})
  weights = tmp_path / 'backbone.weights.h5'
  weights.touch()
  assert _learns(where, tmp_path, str(weights)) == ({False}, {True})
