"""The softmax baseline with affinity losses, as a run."""

import closeness
import keras
import numpy as np
import pytest
import replica_runs
import small_runs
import tensorflow as tf

import network
from network import affinity
from segsort.checkpoints import checkpoint
from segsort.data import input_pipeline
from segsort.errors import InputError
from segsort.training import distribution
from segsort.training import softmax_training
from segsort.training import train_state
from segsort.training import train_step
from segsort.training import training

pytestmark = pytest.mark.slow
KINDS = 'affinity', 'adaptive'


def _config(where, folder, **given):
  return softmax_training.TrainSoftmaxConfig(**{
      'num_classes': 2, 'backbone': 'resnet_small', 'data_dir': where[0],
      'data_list': where[1], 'snapshot_dir': str(folder), 'batch_size': 2,
      'input_size': small_runs.settings_lib.Size((32, 32)), 'num_steps': 4,
      'learning_rate': .01, 'batch_norm_decay': .9, **given})


@pytest.fixture(name='small_network')
def _small_network(monkeypatch):
  """One that compiles in a second; gives back the precision."""
  monkeypatch.setattr(
      network, 'build_embedding_model', replica_runs.tiny_model)
  yield
  keras.mixed_precision.set_global_policy('float32')


@pytest.mark.parametrize('kind', KINDS)
def test_the_loss_is_that_of_its_parts_and_decays(
    kind, tiny_dataset, tmp_path, small_network):
  config = _config(tiny_dataset, tmp_path, affinity=kind, num_classes=3)
  state = train_state.TrainState(config)
  rng = np.random.default_rng(3)
  logits = tf.constant(rng.normal(size=(2, 6, 7, 3)), tf.float32)
  labels = np.repeat(np.repeat(rng.integers(0, 3, (2, 6, 7)), 8, 1), 8, 2)
  labels[0, :16] = input_pipeline.IGNORED
  batch = {'labels': tf.constant(labels, tf.int32)}
  plain, _ = softmax_training.softmax_loss(logits, batch, state, config)
  small = labels[:, ::8, ::8].astype(np.int32)
  means = affinity.affinity_means(
      tf.nn.softmax(logits), np.where(small == 255, -1, small),
      3 if kind == 'adaptive' else 1, lambda count: count)
  expected = np.sum(means)
  if kind == 'adaptive':
    expected /= 3  # weights of 0: each distance alike
  for step, decay in ((0, 1), (2, 10 ** -.5), (4, .1)):
    state.step.assign(step)
    loss, results = softmax_training.affinity_loss(
        logits, batch, state, config)
    closeness.assert_close(loss, plain + decay * expected)
    closeness.assert_close(results['part/cross_entropy'], plain)
    closeness.assert_close(
        results['part/edge_affinity'] + results['part/other_affinity'],
        expected)
    if kind == 'adaptive':
      closeness.assert_close(
          results['loss_weights_gradient'],
          decay * affinity.weigh(means, tf.zeros_like(means))[1])


@pytest.mark.parametrize('kind', KINDS)
def test_two_steps_and_two_after_a_resume_are_four(
    kind, tiny_dataset, tmp_path, small_network):
  def train(folder):
    softmax_training.train_softmax(_config(
        tiny_dataset, tmp_path / folder, affinity=kind, save_pred_every=2,
        max_to_keep=9, update_tb_every=2))

  train('whole')
  (tmp_path / 'cut').mkdir()
  for path in (tmp_path / 'whole').glob('model.ckpt-2.*'):
    (tmp_path / 'cut' / path.name).write_bytes(path.read_bytes())
  train('cut')
  whole, cut = (checkpoint.load(str(tmp_path / folder / 'model.ckpt-4'))
                for folder in ('whole', 'cut'))
  assert whole.keys() == cut.keys()
  for name, value in whole.items():
    assert value.tobytes() == cut[name].tobytes(), name
  learnt = {name for name in whole if name.startswith('loss_weights/')}
  if kind == 'affinity':
    assert not learnt
    return
  assert learnt == {'loss_weights/value', 'loss_weights/slot'}
  assert whole['loss_weights/value'].shape == (2, 2, 3)
  assert whole['loss_weights/value'].any()
  loss, *parts = (np.array(small_runs.logged(tmp_path / 'whole', name))
                  for name in ('softmax_loss', 'cross_entropy',
                               'edge_affinity', 'other_affinity'))
  assert (parts[0] < loss).all() and (loss < sum(parts)).all()


def _first_step(where, folder, **given):
  """Metrics and the weights of the loss after one step."""
  config = _config(where, folder, num_steps=1, update_tb_every=1, **given)
  softmax_training.train_softmax(config)
  tensors = checkpoint.load(str(folder / 'model.ckpt-1'))
  return small_runs.logged(folder, 'softmax_loss'), tensors


def test_two_parts_learn_as_one_batch(tiny_dataset, tmp_path, small_network):
  (one_loss, one), (parts_loss, parts) = (
      _first_step(tiny_dataset, tmp_path / name, affinity='adaptive',
                  freeze_batch_norm=True, **given) for name, given in (
                      ('one', {}), ('parts', {
                          'batch_size': 1, 'iter_size': 2})))
  closeness.assert_close(parts_loss, one_loss)
  for name, value in one.items():
    if name.startswith('loss_weights/') or name.endswith('fc1_voc12/weights'):
      assert value.any()
      closeness.assert_close(parts[name], value, what=name)


def test_compiled_steps_agree_with_plain_ones(
    tiny_dataset, tmp_path, small_network):
  (plain, one), (compiled, other) = (
      _first_step(tiny_dataset, tmp_path / str(compiled), affinity='adaptive',
                  jit_compile=compiled) for compiled in (False, True))
  closeness.assert_close(compiled, plain)
  closeness.assert_close(
      other['loss_weights/value'], one['loss_weights/value'])


@pytest.mark.half_precision
@pytest.mark.parametrize('precision, tolerance', [
    ('bfloat16', .02), ('float16', .005)])  # rounding errors of 2^-9, 2^-12
def test_half_precision_agrees_with_float32(
    tiny_dataset, tmp_path, small_network, precision, tolerance):
  plain, one = _first_step(
      tiny_dataset, tmp_path / 'plain', affinity='adaptive')
  half, other = _first_step(
      tiny_dataset, tmp_path / 'half', affinity='adaptive',
      mixed_precision=precision)
  closeness.assert_close(half, plain, tolerance)
  # The loss is scaled, but not what its weights follow.
  closeness.assert_close(other['loss_weights/value'],
                         one['loss_weights/value'], 10 * tolerance)


def test_an_overflow_leaves_the_weights_of_the_loss(
    tiny_dataset, tmp_path, small_network):
  config = _config(tiny_dataset, tmp_path, affinity='adaptive',
                   mixed_precision='float16')
  training.set_numerics(config, distribution.make_strategy(config))
  state = train_state.TrainState(config)
  metrics = train_step.update(
      state, config,
      [tf.fill(variable.shape, np.inf)
       for variable in state.optimizer.variables], tf.constant(1.),
      {'loss_weights_gradient': tf.ones_like(state.loss_weights.value)})
  assert float(metrics['skipped_updates']) == 1
  for variable in state.loss_weights.variables.values():
    assert not variable.numpy().any()


def test_a_run_does_not_go_on_with_another_loss(
    tiny_dataset, tmp_path, small_network):
  softmax_training.train_softmax(_config(tiny_dataset, tmp_path, num_steps=1))
  with pytest.raises(InputError, match='--affinity none, not adaptive'):
    softmax_training.train_softmax(
        _config(tiny_dataset, tmp_path, affinity='adaptive'))


def test_weights_of_the_loss_are_not_the_networks(
    tiny_dataset, tmp_path, small_network, capsys):
  """A second stage starts from the network, with weights of its own."""
  _first_step(tiny_dataset, tmp_path / 'first', affinity='adaptive')
  capsys.readouterr()
  _first_step(tiny_dataset, tmp_path / 'second', affinity='affinity',
              restore_from=str(tmp_path / 'first'))
  assert 'weights of the loss' in capsys.readouterr().out
