"""Segment sorting with a classifier of pixels beside it."""

import json
import shutil

import numpy as np
import pytest
import small_runs
import tensorflow as tf

from segsort.checkpoints import checkpoint
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import inference
from segsort.inference import inference_flags
from segsort.inference import inference_settings
from segsort.runs import settings as settings_lib
from segsort.training import joint_training
from segsort.training import softmax_training
from segsort.training import train_state
from segsort.training import train_step


def _config(where, folder, **settings):
  return small_runs.train_config(
      where, folder, joint_training.TrainConfig,
      **{'softmax_weight': .5, 'num_steps': 2, 'save_pred_every': 1,
         **settings})


@pytest.fixture(name='run')
def _run(tiny_dataset, tmp_path):
  """The folder of a run of two steps."""
  folder = tmp_path / 'run'
  joint_training.train_segsort(_config(tiny_dataset, folder))
  return folder


def test_the_loss_is_the_sum_of_both(tiny_dataset, tmp_path):
  config = _config(tiny_dataset, tmp_path, num_banks=0)
  state = train_state.TrainState(config)
  rng = np.random.default_rng(1)
  outputs = tf.constant(rng.normal(size=(2, 4, 4, 10)), tf.float32)
  labels = rng.integers(0, 2, (2, 32, 32))
  batch = {
      'labels': tf.constant(labels, tf.int32),
      'grid_labels': tf.constant(rng.integers(0, 9, (2, 32, 32)), tf.int32),
      'locations': tf.constant(rng.random((2, 32, 32, 2)), tf.float32)}
  with tf.GradientTape() as tape:
    tape.watch(outputs)
    loss, results = joint_training.joint_loss(outputs, batch, state, config)
  gradient = tape.gradient(loss, outputs).numpy()
  sorting, _ = train_step.supervised_loss(
      outputs[..., :8], batch, state, config)
  cross_entropy, _ = softmax_training.softmax_loss(
      outputs[..., 8:], batch, state, config)
  assert float(loss) == pytest.approx(
      float(sorting) + .5 * float(cross_entropy), rel=1e-6)
  assert float(results['part/cross_entropy']) == pytest.approx(
      float(cross_entropy))
  # Mean over 32 pixels of (probability - one) times the weight.
  probabilities = tf.nn.softmax(outputs[..., 8:]).numpy()
  expected = .5 / 32 * (probabilities - np.eye(2)[labels[:, ::8, ::8]])
  np.testing.assert_allclose(
      gradient[..., 8:], expected, rtol=1e-4, atol=1e-7)
  assert np.abs(gradient[..., :8]).max() > 0


def test_a_run_is_read_by_retrieval_and_by_its_classifier(
    tiny_dataset, run, tmp_path):
  flags = {
      'restore_from': str(run), 'data_dir': tiny_dataset[0],
      'data_list': tiny_dataset[1], 'input_size': settings_lib.Size((32, 32))}
  extraction.extract_prototypes(inference_settings.ExtractConfig(
      **inference_settings.ExtractConfig.complete(
          {**flags, 'save_dir': str(tmp_path / 'train')})))

  def labelled(method, **given):
    config = inference_flags.InferenceFlags(
        **inference_flags.InferenceFlags.complete({
            **flags, 'save_dir': str(tmp_path / method), **given,
            'method': method}))
    config.check()
    inference.infer(config)
    return config

  labelled('segsort', prototype_dir=str(tmp_path / 'train/prototypes'))
  config_of_both = labelled(
      'segsort', prototype_dir=str(tmp_path / 'train/prototypes'),
      save_dir=str(tmp_path / 'both'), classifier_weight=1.)
  config = labelled('softmax')
  weights = checkpoint.load(checkpoint.checkpoint_path(str(run), 2))
  assert weights['resnet_small/block5/fc1_voc12/weights'].shape[-1] == 10
  # What the head gives behind the embedding, by the whole network.
  plain = embedding.restore_model(config)
  whole = train_state.TrainState(_config(tiny_dataset, tmp_path / 'whole'))
  for name, variable in whole.variables.items():
    variable.assign(weights[name])
  example, *_ = inference.find_examples(config)
  image = reading.read_image(example.image)[None].astype(np.float32) - 100
  both = whole.model(image, training=False)
  np.testing.assert_allclose(
      plain(image, training=False), both[..., 8:], rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(
      embedding.restore_model(config_of_both)(image, training=False), both,
      rtol=1e-4, atol=1e-5)
  retrieval = embedding.restore_model(inference_settings.ExtractConfig(
      **inference_settings.ExtractConfig.complete(
          {**flags, 'save_dir': ''})))
  np.testing.assert_allclose(
      retrieval(image, training=False), both[..., :8], rtol=1e-4, atol=1e-5)


def test_a_run_goes_on_as_one(tiny_dataset, run, tmp_path):
  folder = shutil.copytree(run, tmp_path / 'stopped')
  for path in folder.glob('model.ckpt-2*'):
    path.unlink()
  joint_training.train_segsort(_config(tiny_dataset, folder))
  first, second = (checkpoint.load(checkpoint.checkpoint_path(str(one), 2))
                   for one in (run, folder))
  for name, value in first.items():
    np.testing.assert_allclose(second[name], value, rtol=1e-4, atol=1e-5)
  with pytest.raises(InputError, match='trained with --classifier 2, not 0'):
    joint_training.train_segsort(
        _config(tiny_dataset, folder, softmax_weight=0., num_steps=3))


def test_without_a_weight_there_is_no_classifier(tiny_dataset, tmp_path):
  config = _config(
      tiny_dataset, tmp_path / 'run', softmax_weight=0., num_steps=1)
  joint_training.train_segsort(config)
  recorded = json.loads((tmp_path / 'run/config.json').read_text())
  assert recorded['stage'] == 'TrainConfig'
  assert recorded['settings']['classifier'] == 0
  with pytest.raises(InputError, match='is not a run for --method softmax'):
    inference_flags.InferenceFlags(
        **inference_flags.InferenceFlags.complete({
            'restore_from': str(tmp_path / 'run'), 'method': 'softmax',
            'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1],
            'save_dir': str(tmp_path / 'labels')})).check()
