"""The softmax baseline: its loss, its training and its labels."""

import dataclasses
import types
import weakref

import closeness
import embedding_twins
import numpy as np
import pytest
import small_runs
import tensorflow as tf
from PIL import Image

from network import layers
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import export
from segsort.inference import inference
from segsort.inference import inference_flags
from segsort.inference import inference_settings
from segsort.inference import softmax_labeller
from segsort.runs import cli
from segsort.runs import settings
from segsort.training import softmax_training

pytestmark = pytest.mark.slow


def _config(where, folder, **given):
  """Small, without the settings that softmax has no flags for."""
  config = small_runs.train_config(where, folder)
  names = ('num_classes', 'backbone', 'data_dir', 'data_list', 'snapshot_dir',
           'batch_size', 'input_size', 'num_steps', 'learning_rate',
           'batch_norm_decay')
  return softmax_training.TrainSoftmaxConfig(**{
      **{name: getattr(config, name) for name in names}, **given})


def _inference_flags(where, run, folder, **given):
  return small_runs.restored_config(
      inference_flags.InferenceFlags, where, run, folder, embedding_dim=2,
      method='softmax', **given)


@pytest.fixture(name='run')
def _run(tiny_dataset, tmp_path):
  """A trained network: (data set, folder)."""
  softmax_training.train_softmax(_config(tiny_dataset, tmp_path / 'run'))
  return tiny_dataset, tmp_path / 'run'


def test_the_loss_is_the_mean_cross_entropy_of_labelled_pixels():
  rng = np.random.default_rng(0)
  logits = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
  labels = rng.integers(0, 5, (2, 24, 32))
  labels[:, ::8, ::8][rng.random((2, 3, 4)) < .3] = input_pipeline.IGNORED
  loss, results = softmax_training.softmax_loss(
      tf.constant(logits), {'labels': tf.constant(labels, tf.int32)}, None,
      None)
  expected = []
  for place in np.ndindex(2, 3, 4):
    label = labels[place[0], place[1] * 8, place[2] * 8]
    if label != input_pipeline.IGNORED:
      odds = np.exp(logits[place].astype(np.float64))
      expected.append(-np.log(odds[label] / odds.sum()))
  assert 0 < len(expected) < 24
  assert float(loss) == pytest.approx(np.mean(expected), rel=1e-5)
  np.testing.assert_array_equal(
      results['segment_labels'], logits.argmax(-1))


def test_the_loss_of_ignored_pixels_alone_is_zero():
  labels = tf.fill([1, 8, 8], input_pipeline.IGNORED)
  loss, _ = softmax_training.softmax_loss(
      tf.zeros([1, 1, 1, 3]), {'labels': labels}, None, None)
  assert float(loss) == 0


def test_training_lowers_the_loss_and_is_named_for_later_stages(
    tiny_dataset, tmp_path):
  config = _config(
      tiny_dataset, tmp_path / 'run', num_steps=60, update_tb_every=20,
      learning_rate=.05)
  softmax_training.train_softmax(config)
  losses = small_runs.logged(tmp_path / 'run', 'softmax_loss')
  assert losses[-1] < .8 * losses[0]
  recorded = settings.read_run(str(tmp_path / 'run'))
  assert recorded['method'] == 'softmax'
  assert recorded['embedding_dim'] == recorded['num_classes'] == 2


def test_two_parts_have_the_loss_of_one_batch(tiny_dataset, tmp_path):
  for name, given in (('one', {}), ('parts', {
      'batch_size': 1, 'iter_size': 2})):
    softmax_training.train_softmax(_config(
        tiny_dataset, tmp_path / name, num_steps=1, freeze_batch_norm=True,
        update_tb_every=1, **given))
  one, parts = (small_runs.logged(tmp_path / name, 'softmax_loss')
                for name in ('one', 'parts'))
  assert one == pytest.approx(parts, rel=1e-5)


def test_labels_are_those_of_the_largest_probability(run, tmp_path):
  dataset, folder = run
  config = _inference_flags(dataset, folder, tmp_path / 'labels')
  inference.infer(config)
  labeller = _labeller(config)
  for example in inference.find_examples(config):
    probabilities = labeller.probabilities(reading.read_image(example.image))
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    with Image.open(tmp_path / f'labels/gray/{example.name}.png') as png:
      np.testing.assert_array_equal(np.array(png), probabilities.argmax(-1))


def _labeller(config):
  """The labeller that inference makes."""
  embedder = embedding.Embedder(
      embedding.restore_model(config), config.input_size, config.window_strides)
  return softmax_labeller.SoftmaxLabeller(embedder, config)


def test_scales_and_mirrors_are_averaged(run, tmp_path):
  dataset, folder = run
  rng = np.random.default_rng(1)
  image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
  mirrored = _labeller(_inference_flags(
      dataset, folder, tmp_path / 'a', flip_aug=True))
  plain = _labeller(_inference_flags(dataset, folder, tmp_path / 'b'))
  expected = (plain.probabilities(image)
              + plain.probabilities(image[:, ::-1])[:, ::-1]) / 2
  closeness.assert_close(mirrored.probabilities(image), expected)
  scaled = _labeller(_inference_flags(
      dataset, folder, tmp_path / 'c', scale_aug=True))
  np.testing.assert_allclose(
      scaled.probabilities(image[:21, :30]).sum(-1), 1, rtol=1e-5)


def test_views_are_summed_as_they_come():
  """Memory never has two of them: of photographs one has gigabytes."""
  embedder = embedding.Embedder(
      embedding_twins.eighth_pixels, (32, 32), (20, 20))
  labeller = softmax_labeller.SoftmaxLabeller(embedder, types.SimpleNamespace(
      classes=4, vote_balance=0, scale_aug=True, flip_aug=True))
  image = np.random.default_rng(2).integers(0, 256, (21, 30, 3), np.uint8)
  view_of, alive, views = labeller._view, [], []

  def view(*arguments):
    assert all(reference() is None for reference in alive)
    found = view_of(*arguments)
    alive.append(weakref.ref(found))
    resized = layers.resize_bilinear(
        (found[:, ::-1] if arguments[-1] else found)[None], (21, 30))
    views.append(resized[0].numpy())
    return found

  labeller._view = view
  found = labeller.probabilities(image)
  assert len(views) == 12
  closeness.assert_close(found, np.mean(views, axis=0))


def test_the_methods_are_not_mixed_up(run, tmp_path):
  dataset, folder = run
  config = _inference_flags(dataset, folder, tmp_path / 'labels')
  config.check()
  for given, message in (
      ({'method': 'segsort', 'prototype_dir': 'a'},
       'inference.py --method softmax'),
      ({'prototype_dir': 'a'}, 'without --prototype_dir'),
      ({'method': 'segsort', 'restore_from': str(tmp_path)},
       'required: --prototype_dir'),
      ({'restore_from': str(tmp_path)}, 'inference.py --method segsort')):
    with pytest.raises(InputError, match=message):
      dataclasses.replace(config, **given).check()


def test_a_classifier_has_no_prototypes(run, tmp_path):
  dataset, folder = run
  config = small_runs.restored_config(
      inference_settings.ExtractConfig, dataset, folder,
      tmp_path / 'prototypes')
  with pytest.raises(InputError, match='is not a run for --method segsort'):
    config.check()
  dataclasses.replace(config, restore_from='elsewhere').check()
  with pytest.raises(InputError, match='is not a run for --method segsort'):
    export.ExportConfig(restore_from=str(folder), prototype_dir='p',
                        save_dir='s').check()


def test_cluster_settings_have_no_flags(capsys):
  with pytest.raises(SystemExit):
    cli.parse(softmax_training.TrainSoftmaxConfig, ['--help'])
  shown = capsys.readouterr().out
  assert '--num_steps' in shown and '--freeze_batch_norm' in shown
  for name in ('num_clusters', 'num_banks', 'concentration', 'embedding_dim'):
    assert f'--{name}' not in shown


def test_frequent_classes_are_weighed_down(run, tmp_path):
  """By their shares in the masks of training, to the given power."""
  dataset, folder = run
  config = _inference_flags(
      dataset, folder, tmp_path / 'labels', vote_balance=.5)
  masks = np.concatenate([
      reading.read_mask(f'{dataset[0]}/segcls/im{i}.png').ravel()
      for i in range(4)])
  shares = np.bincount(masks[masks != 255], minlength=2) / (masks != 255).sum()
  closeness.assert_close(softmax_labeller.class_frequencies(config), shares)
  image = reading.read_image(f'{dataset[0]}/JPEGImages/im0.png')
  labeller = _labeller(config)
  np.testing.assert_array_equal(
      labeller.predict(image),
      (labeller.probabilities(image) / shares ** .5).argmax(-1))
