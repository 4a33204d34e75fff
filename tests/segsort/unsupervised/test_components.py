"""Components of features: as numpy's SVD has them, and as other stages do."""

import commands
import keras
import numpy as np
import pytest
import tensorflow as tf

import network
from network import components as components_lib
from segsort.checkpoints import checkpoint
from segsort.data import image_list
from segsort.data import preprocessing
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs.settings import Size
from segsort.unsupervised import components


def _config(where, folder, **settings):
  return components.FitConfig(**{
      'data_dir': where[0], 'data_list': where[1], 'num_classes': 2,
      'snapshot_dir': str(folder), 'backbone': 'resnet_small',
      'embedding_dim': 6, 'input_size': Size((32, 32)), **settings})


@pytest.fixture(name='trained', scope='module')
def _trained(tmp_path_factory):
  """A backbone's checkpoint, with batch statistics that mean something."""
  keras.utils.set_random_seed(3)
  model = network.build_embedding_model('resnet_small', 'pspnet', 8)
  for variable in model.variables:
    if 'moving_variance' in variable.path:
      variable.assign(.1 * tf.ones_like(variable))
  path = str(tmp_path_factory.mktemp('backbone') / 'model.ckpt-5')
  checkpoint.save(path, network.named_variables(model))
  return path


def _features(model, config):
  """The features of all windows, as numpy stacks them: f64[P, C]."""
  head, = (layer for layer in model.layers
           if layer.name.endswith(components_lib.LAYER))
  backbone = keras.Model(model.input, head.input)
  found = []
  for example in image_list.read_list(config.data_list, config.data_dir):
    image = preprocessing.subtract_mean(reading.read_image(example.image))
    height, width = image.shape[:2]
    tops = {0, max(height - 32, 0)}
    lefts = {0, max(width - 32, 0)}
    for top in tops:
      for left in lefts:
        window = image[top:top + 32, left:left + 32]
        padded = np.zeros((1, 32, 32, 3), np.float32)
        padded[0, :window.shape[0], :window.shape[1]] = window
        found.append(backbone(padded)[
            0, :-(-(height - top) // 8), :-(-(width - left) // 8)].numpy())
  return np.concatenate([
      part.reshape(-1, part.shape[-1]) for part in found]).astype(np.float64)


@pytest.mark.parametrize('whiten,kept_in', ((False, ''), (True, 'features')))
def test_components_are_those_of_a_singular_value_decomposition(
    tiny_dataset, tmp_path, trained, whiten, kept_in):
  config = _config(
      tiny_dataset, tmp_path, restore_from=trained, whiten=whiten,
      cache_features=kept_in and str(tmp_path / kept_in))
  model = components.build_model(config)
  kept = components.fit_head(
      model, image_list.read_list(config.data_list, config.data_dir), config)
  features = _features(model, config)
  centred = features - features.mean(0)
  _, values, vectors = np.linalg.svd(centred, full_matrices=False)
  assert kept == pytest.approx((values[:6]**2).sum() / (values**2).sum())
  head, = (layer for layer in model.layers
           if layer.name.endswith(components_lib.LAYER))
  kernel = head.kernel.numpy()[0, 0]
  cosines = np.abs((kernel / np.linalg.norm(kernel, axis=0)
                    * vectors[:6].T).sum(0))
  np.testing.assert_allclose(cosines, 1, rtol=1e-4)
  projected = features @ kernel + head.bias.numpy()
  assert np.abs(projected.mean(0)).max() < 1e-5 * np.abs(projected).max()
  if whiten:
    np.testing.assert_allclose(projected.var(0), np.ones(6), rtol=1e-3)


def test_a_sign_is_that_of_the_largest_entry(rng):
  data = rng.normal(size=(50, 4)) * [4, 3, 2, 1]
  covariance = np.cov(data.T, bias=True)
  vectors, variances = components.principal_components(covariance, 3)
  assert (np.diff(variances) < 0).all()
  for vector in vectors.T:
    assert vector[np.abs(vector).argmax()] > 0
  np.testing.assert_allclose(
      covariance @ vectors, vectors * variances, atol=1e-10)


def test_other_stages_take_the_network(tiny_dataset, tmp_path, trained):
  where = {'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1]}
  run = tmp_path / 'run'
  told = commands.succeed(
      'fit_embedding', **where, snapshot_dir=run, backbone='resnet_small',
      restore_from=trained, embedding_dim=6, num_classes=2,
      input_size='32,32', num_clusters=3)
  assert '6 components keep ' in told
  told = commands.fail(
      'fit_embedding', **where, snapshot_dir=run, num_classes=2)
  assert 'has a network; name another --snapshot_dir' in told
  for script, flags in (
      ('extract_prototypes', {'save_dir': tmp_path / 'train'}),
      ('inference', {'prototype_dir': tmp_path / 'train',
                     'save_dir': tmp_path / 'labels'})):
    commands.succeed(script, **where, restore_from=run, input_size='32,32',
                     **flags)
  assert reading.read_mask(
      str(tmp_path / 'labels/gray/im0.png')).shape == (40, 56)
  # And it is a start for training, with the same head or another.
  commands.succeed(
      'train_segsort', '--not_restore_classifier', **where,
      snapshot_dir=tmp_path / 'trained', restore_from=run, num_classes=2,
      backbone='resnet_small', embedding_dim=8, batch_size=2,
      input_size='32,32', num_steps=1, num_clusters=3)


def test_more_components_than_channels(tiny_dataset, tmp_path, trained):
  with pytest.raises(InputError, match='--embedding_dim is 999, but there are'):
    components.fit(_config(
        tiny_dataset, tmp_path / 'run', restore_from=trained,
        embedding_dim=999))
  assert checkpoint.steps_in(str(tmp_path / 'run')) == []
