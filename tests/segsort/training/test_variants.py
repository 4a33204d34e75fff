"""Precisions and compilation change how a step is computed, not what."""

from unittest import mock

import closeness
import keras
import numpy as np
import pytest
import replica_runs
import small_runs
import tensorflow as tf

import network
from segsort.data import batching
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import InputError
from segsort.training import distribution
from segsort.training import optimizer
from segsort.training import train_state
from segsort.training import train_step
from segsort.training import training
from segsort.training import training_settings

pytestmark = pytest.mark.slow


@pytest.fixture
def tiny_network(monkeypatch):
  """A network that compiles in a second; gives back the precision."""
  monkeypatch.setattr(
      network, 'build_embedding_model', replica_runs.tiny_model)
  yield
  keras.mixed_precision.set_global_policy('float32')


def two_losses(where, **settings):
  """The losses of two steps from the same weights and batches."""
  settings = small_runs.train_config(where, 'unused', **settings)
  training.set_numerics(settings, distribution.make_strategy(settings))
  state = train_state.TrainState(settings)
  step = train_step.make_train_step(
      state, settings, train_step.supervised_loss)
  examples = image_list.read_list(*where[::-1], ('image', 'mask'))
  losses = []
  with batching.Batches(
      input_pipeline.supervised_batches(examples, settings)) as batches:
    for _ in range(2):
      metrics, _ = step(batches.take(1))
      losses.append(float(metrics['segsort_loss']))
  assert step.experimental_get_tracing_count() == 1
  return losses


def test_compiled_steps_agree_with_plain_ones(tiny_dataset, tiny_network):
  closeness.assert_close(two_losses(tiny_dataset, jit_compile=True),
                         two_losses(tiny_dataset))


@pytest.mark.half_precision
def test_half_precision_agrees_with_float32(tiny_dataset, tiny_network):
  plain = two_losses(tiny_dataset)
  # It moves pixels between clusters, so that only the first loss is close: to
  # some rounding errors of 2^-9, and of 2^-12.
  for precision, tolerance in (('bfloat16', .02), ('float16', .005)):
    half = two_losses(tiny_dataset, mixed_precision=precision)
    closeness.assert_close(half[0], plain[0], tolerance)
    assert half[0] != plain[0]


@pytest.mark.parametrize('settings, message', [
    ({'jit_compile': True, 'deterministic': True,
      'mixed_precision': 'bfloat16'}, 'do not go together'),
    ({'batch_size': 3, 'strategy': 'mirrored', 'logical_devices': 2},
     'cannot be shared|comes too late')])
def test_what_cannot_be_combined_is_refused_first(
    tiny_dataset, tmp_path, tiny_network, settings, message):
  # What would stay for the rest of the process is not set before.
  with mock.patch.object(tf.config.experimental, 'enable_op_determinism') as on:
    with pytest.raises(InputError, match=message):
      training.train(small_runs.train_config(
          tiny_dataset, tmp_path / 'run', **settings))
  on.assert_not_called()
  assert keras.config.dtype_policy().name == 'float32'


def test_room_for_too_few_segments_stops_the_run(
    tiny_dataset, tmp_path, tiny_network):
  with pytest.raises(InputError, match='segments in the images .* room for 2'):
    training.train(small_runs.train_config(
        tiny_dataset, tmp_path / 'run', jit_compile=True, max_segments=1))


def test_compiled_training_without_labels_counts_its_room_too(
    tiny_dataset, tmp_path, tiny_network):
  losses = []
  for name, settings in (('plain', {}), ('compiled', {'jit_compile': True})):
    training.train_unsupervised(small_runs.train_config(
        tiny_dataset, tmp_path / name, training_settings.TrainUnsupConfig,
        update_tb_every=1, learning_rate=1e-4, **settings))
    losses.append(small_runs.logged(tmp_path / name))
  closeness.assert_close(*losses)
  with pytest.raises(InputError, match='segments in the images .* room for 2'):
    training.train_unsupervised(small_runs.train_config(
        tiny_dataset, tmp_path / 'none', training_settings.TrainUnsupConfig,
        jit_compile=True, max_segments=1))


def test_a_run_goes_on_after_an_overflow(
    tiny_dataset, tmp_path, tiny_network, monkeypatch, capsys):
  start = optimizer.LossScale.__init__

  def too_large(self, mixed_precision):
    start(self, mixed_precision)
    self.value.assign(2.**100)

  monkeypatch.setattr(optimizer.LossScale, '__init__', too_large)
  training.train(small_runs.train_config(
      tiny_dataset, tmp_path / 'run', mixed_precision='float16'))
  assert 'step 0: float16 overflow, update skipped' in capsys.readouterr().err
  assert small_runs.logged(tmp_path / 'run', 'skipped_updates') == [1.]


def test_loss_scale_halves_and_leaves_the_weights():
  variable = tf.Variable([1., 2.], name='w')
  scale = optimizer.LossScale('float16')
  momentum = optimizer.Momentum({'a/weights': variable}, .9)
  assert scale.apply(momentum, [tf.constant([1., np.inf])], .1) == 0
  assert variable.numpy().tolist() == [1, 2] and float(scale.value) == 2**14
  assert momentum.slots['a/weights'].numpy().tolist() == [0, 0]
  for _ in range(scale.GROW_AFTER):
    scale.apply(momentum, [tf.constant([0., 0.])], .1)
  assert float(scale.value) == 2**15
