"""Runs: learning, exact resumption, damaged checkpoints, wrong numbers."""

import os
import re
import shutil
import sys

import closeness
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from network.segsort import memory_bank
from segsort.checkpoints import checkpoint
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import folder_lock
from segsort.training import accumulation
from segsort.training import train_state
from segsort.training import train_step
from segsort.training import training
from segsort.training import training_settings


def _copy(source, target, steps):
  """Copies the checkpoints of some steps to another run's folder."""
  target.mkdir()
  for step in steps:
    for path in source.glob(f'model.ckpt-{step}.*'):
      shutil.copy(path, target)


def _assert_equal_runs(ours, theirs, step):
  ours, theirs = (checkpoint.load(str(folder / f'model.ckpt-{step}'))
                  for folder in (ours, theirs))
  assert ours.keys() == theirs.keys()
  for name, value in ours.items():
    assert value.tobytes() == theirs[name].tobytes(), name


@pytest.mark.slow
def test_two_steps_and_two_after_a_resume_are_four(
    tiny_dataset, tmp_path, capsys):
  """Bit for bit on CPUs, without any switch for determinism."""
  def train(folder, **settings):
    training.train(small_runs.train_config(
        tiny_dataset, tmp_path / folder, save_pred_every=2, max_to_keep=9,
        **settings))
    return capsys.readouterr()

  _check_lines(train('whole').err, 0)
  assert checkpoint.steps_in(str(tmp_path / 'whole')) == [2, 4]
  _copy(tmp_path / 'whole', tmp_path / 'cut', [2])
  told = train('cut')
  assert f'resumed from {tmp_path}/cut/model.ckpt-2' in told.out
  _check_lines(told.err, 2)
  _assert_equal_runs(tmp_path / 'cut', tmp_path / 'whole', 4)
  # Again, from a newest checkpoint that lost its end: the one before counts,
  # and is not pushed out by the damaged one.
  damaged = tmp_path / 'cut/model.ckpt-4.data-00000-of-00001'
  os.truncate(damaged, damaged.stat().st_size // 2)
  told = train('cut')
  assert 'warning: cannot read the checkpoint' in told.err
  assert 'trying the one before' in told.err
  _assert_equal_runs(tmp_path / 'cut', tmp_path / 'whole', 4)
  _check_finished_run(tmp_path / 'whole', train)


def _check_lines(err, first):
  """No terminal: the steps, the last one's loss and the images a second."""
  assert '\r' not in err
  lines = [line for line in err.splitlines() if line.startswith('training: ')]
  assert lines[0].startswith(f'training: {first}/4 [00:00<?, ')
  assert re.fullmatch(
      r'training: 4/4 \[\d\d:\d\d<00:00, .*, loss=\d+\.\d{4}, '
      r'images/s=\d+\.\d\d\]', lines[-1]), lines


def _check_finished_run(folder, train):
  """A finished run stays as it is; --overwrite trains it anew."""
  before = {path: path.read_bytes() for path in folder.iterdir()}
  assert 'is finished (step 4 of 4); --overwrite' in train('whole').out
  assert before == {path: path.read_bytes() for path in folder.iterdir()}
  train('whole', overwrite=True, random_seed=2, num_steps=1)
  assert checkpoint.steps_in(str(folder)) == [1]


def _batch(state):
  _, config, examples = state
  return next(iter(input_pipeline.supervised_batches(examples, config)))


def _loss(run, config, batch):
  embeddings = run.model(batch['image'], training=True)
  return train_step.supervised_loss(embeddings, batch, run, config)


def test_banks_take_part_in_the_loss_with_what_they_hold(state):
  run, config, _ = state
  batch = _batch(state)
  empty, results = _loss(run, config, batch)
  assert float(empty) == pytest.approx(
      float(_loss(run, config, batch)[0]), rel=1e-5)
  prototypes = results['prototypes']
  run.bank.enqueue(prototypes, tf.zeros([len(prototypes)], tf.int32))
  as_background = _loss(run, config, batch)[0]
  run.bank.enqueue(-prototypes, tf.ones([len(prototypes)], tf.int32))
  losses = empty, as_background, _loss(run, config, batch)[0]
  assert len({round(float(loss), 4) for loss in losses}) == 3


@pytest.mark.slow
def test_two_parts_have_the_gradient_of_one_batch(state):
  run, config, _ = state
  one = _batch(state)
  parts = one, {name: tensor[:, ::-1] if name != 'index' else tensor
                for name, tensor in one.items()}
  whole = {name: tf.concat([part[name] for part in parts], 0) for name in one}

  def of_one_batch():
    with tf.GradientTape() as tape:
      embeddings = tf.concat(
          [run.model(part['image'], training=True) for part in parts], 0)
      loss, _ = train_step.supervised_loss(embeddings, whole, run, config)
    return loss, tape.gradient(loss, run.optimizer.variables)

  loss, expected = of_one_batch()
  gradients, loss_of_parts, _ = accumulation.make_gradients(
      run, config, train_step.supervised_loss, tf.function)(list(parts))
  closeness.assert_close(loss_of_parts, loss)
  rng = np.random.default_rng(0)
  for variable in run.optimizer.variables:
    variable.assign(closeness.perturbed(variable, rng))
  floor = closeness.NoiseFloor(
      dict(enumerate(expected)), dict(enumerate(of_one_batch()[1])))
  # The least error worth finding, statistics or segments of one part alone:
  # percents.
  bound = floor.bound(range(len(expected)), detects=1e-3)
  for ours, theirs in zip(gradients, expected):
    closeness.assert_close(ours, theirs, bound)


@pytest.mark.slow
def test_parts_equal_one_batch_with_frozen_batch_norm(tiny_dataset, tmp_path):
  """Two batches of 1 an update, against one of 2: three updates."""
  for name, settings in (('whole', {'batch_size': 2}),
                         ('parts', {'batch_size': 1, 'iter_size': 2})):
    training.train(small_runs.train_config(
        tiny_dataset, tmp_path / name, num_steps=3, freeze_batch_norm=True,
        learning_rate=1e-4, **settings))
  whole, parts = (checkpoint.load(str(tmp_path / name / 'model.ckpt-3'))
                  for name in ('whole', 'parts'))
  assert whole.keys() == parts.keys()
  start = train_state.TrainState(small_runs.train_config(
      tiny_dataset, tmp_path)).tensors()
  for name, value in whole.items():
    closeness.assert_close(parts[name], value, what=name)
    if 'BatchNorm' in name:
      np.testing.assert_array_equal(value, start[name], err_msg=name)


@pytest.mark.slow
def test_a_resumed_log_has_each_step_once_and_its_bar_the_last(
    tiny_dataset, tmp_path, capsys, monkeypatch):
  monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
  run = tmp_path / 'run'
  settings = {'update_tb_every': 1, 'save_pred_every': 2, 'max_to_keep': 9}
  training.train(small_runs.train_config(tiny_dataset, run, **settings))
  for path in run.glob('model.ckpt-4.*'):
    path.unlink()
  with open(run / 'log.jsonl', 'a', encoding='utf-8') as file:
    file.write('{"step": 5, "segs')  # torn by a kill
  before = small_runs.logged_lines(run)
  events, = run.glob('events.*')  # torn within its last record
  os.truncate(events, events.stat().st_size - 9)
  training.train(small_runs.train_config(tiny_dataset, run, **settings))
  assert small_runs.logged(run, 'step') == [1, 2, 3, 4]
  assert _event_steps(run) == [1, 2, 3, 4]
  assert small_runs.logged_lines(run)[:2] == before[:2]
  loss, speed = (small_runs.logged(run, name)[-1]
                 for name in ('segsort_loss', 'images_per_second'))
  bar = capsys.readouterr().err.rstrip().rpartition('\r')[2]
  assert bar.startswith('training: 100%|') and '| 4/4 [' in bar
  assert bar.endswith(f', loss={loss:.4f}, images/s={speed:.2f}]')


def _event_steps(run):
  """The steps of the losses in all events files, as TensorBoard orders them."""
  steps = []
  for path in sorted(run.glob('events.*')):
    for record in tf.data.TFRecordDataset(str(path)):
      event = tf.compat.v1.Event.FromString(record.numpy())
      steps += [event.step for value in event.summary.value
                if value.tag == 'segsort_loss']
  return steps


def test_training_learns_fills_its_bank_and_keeps_its_pictures(
    tiny_dataset, tmp_path):
  run = tmp_path / 'run'
  training.train(small_runs.train_config(
      tiny_dataset, run, batch_size=4, num_steps=40, learning_rate=.1,
      update_tb_every=8, save_pred_every=15, random_scale=False))
  losses = small_runs.logged(run)
  assert len(losses) == 5 and losses[-1] < .6 * losses[0], losses
  fill = small_runs.logged(run, 'bank_fill')
  assert len(fill) == 5 and 0 < min(fill) and max(fill) <= 1
  assert checkpoint.steps_in(str(run)) == [30, 40]
  tensors = checkpoint.load(str(run / 'model.ckpt-40'))
  stored = tensors['memory_bank/labels'] != memory_bank.EMPTY
  assert stored.any(-1).all() and tensors['global_step'] == 40
  np.testing.assert_allclose(np.linalg.norm(
      tensors['memory_bank/prototypes'][stored], axis=-1), 1, rtol=1e-5)
  _check_events(run)


def _check_events(run):
  events, = run.glob('events.out.tfevents.*')
  tags = {}
  for record in tf.data.TFRecordDataset(str(events)):
    event = tf.compat.v1.Event.FromString(record.numpy())
    for value in event.summary.value:
      tags.setdefault(value.tag, []).append(value.tensor)
  assert len(tags['segsort_loss']) == 5
  pictures = [tensors[-1] for tensors in tags.values()
              if len(tensors[-1].string_val) > 2]
  assert len(pictures) == 4  # input, labels, segments, embedding
  for picture in pictures:
    assert tf.io.decode_png(picture.string_val[2]).shape == (32, 32, 3)


def test_a_loss_that_is_no_number_stops_with_step_and_images(
    tiny_dataset, tmp_path):
  config = small_runs.train_config(
      tiny_dataset, tmp_path / 'run', learning_rate=1e30)
  with pytest.raises(InputError, match=(
      r'^step \d: .*nan.*not finite, on images im\d, im\d; .*learning_rate')
  ) as raised:
    training.train(config)
  assert '\n' not in str(raised.value)
  assert checkpoint.steps_in(config.snapshot_dir) == []


def test_a_second_training_in_a_folder_is_refused(tiny_dataset, tmp_path):
  config = small_runs.train_config(tiny_dataset, tmp_path / 'run')
  with folder_lock.alone(config.snapshot_dir):
    with pytest.raises(InputError, match=(
        'another process .* is at work in .*run; .* --snapshot_dir')):
      training.train(config)
  assert not os.listdir(config.snapshot_dir)


def test_a_wrong_mask_stops_the_run_with_its_line(tiny_dataset, tmp_path):
  files.write_png(f'{tiny_dataset[0]}/segcls/im2.png',
                  np.full((33, 47), 9, np.uint8))
  with pytest.raises(InputError, match=r'^.*list.txt:3: the mask .* label 9'):
    training.train(small_runs.train_config(
        tiny_dataset, tmp_path / 'run', batch_size=4))


def test_unsupervised_training_needs_no_labels(tiny_dataset, tmp_path):
  shutil.rmtree(f'{tiny_dataset[0]}/segcls')
  run = tmp_path / 'run'
  training.train_unsupervised(small_runs.train_config(
      tiny_dataset, run, training_settings.TrainUnsupConfig, update_tb_every=1))
  assert np.isfinite(small_runs.logged(run)).all()
  assert small_runs.logged(run, 'bank_fill') == [0] * 4
  assert checkpoint.steps_in(str(run)) == [4]


def test_groups_take_the_bank_and_leave_out_what_is_in_none(
    tiny_dataset, tmp_path):
  """Another loss than that of regions; the bank holds groups, never 255."""
  for i in range(4):
    path = f'{tiny_dataset[0]}/hed/im{i}.png'
    regions = reading.read_mask(path) % 3
    regions[:9] = 255
    files.write_png(path, regions.astype(np.uint8))
  losses = []
  for grouped in (False, True):
    run = tmp_path / f'run{grouped}'
    training.train_unsupervised(small_runs.train_config(
        tiny_dataset, run, training_settings.TrainUnsupConfig,
        update_tb_every=1, grouped=grouped, num_banks=1))
    losses.append(small_runs.logged(run))
  labels = checkpoint.load(
      checkpoint.checkpoint_path(str(run), 4))['memory_bank/labels']
  assert set(np.unique(labels)) <= {-1, 0, 1, 2} and labels.max() >= 0
  assert abs(losses[0][0] - losses[1][0]) > 1e-3


def test_a_run_of_regions_does_not_go_on_with_groups(tiny_dataset, tmp_path):
  def settings(**more):
    return small_runs.train_config(
        tiny_dataset, tmp_path, training_settings.TrainUnsupConfig, **more)
  training.train_unsupervised(settings())
  with pytest.raises(InputError, match='--grouped False, not True'):
    training.train_unsupervised(settings(grouped=True, num_steps=6))


def test_no_step_saves_the_network_as_it_starts(tiny_dataset, tmp_path, capsys):
  runs = [small_runs.train_config(
      tiny_dataset, tmp_path / name, training_settings.TrainUnsupConfig,
      num_steps=0)
          for name in 'ab']
  tensors = []
  for config in runs:
    config.check()
    training.train_unsupervised(config)
    assert checkpoint.steps_in(config.snapshot_dir) == [0]
    tensors.append(checkpoint.load(
        checkpoint.checkpoint_path(config.snapshot_dir, 0)))
  for name, value in tensors[0].items():
    np.testing.assert_array_equal(value, tensors[1][name])
  assert 'trained 0 steps' in capsys.readouterr().out
  training.train_unsupervised(runs[0])
  assert 'is finished (step 0 of 0)' in capsys.readouterr().out


def test_masks_of_one_class_are_told_before_training(
    tiny_dataset, tmp_path, capsys):
  for i in range(4):
    path = f'{tiny_dataset[0]}/segcls/im{i}.png'
    objects = reading.read_labels(path) > 0
    files.write_png(path, np.where(objects, 255, 0).astype(np.uint8))
  training.train(small_runs.train_config(
      tiny_dataset, tmp_path / 'run', num_steps=0))
  assert '4 masks hold one class only, background, beside ' in (
      capsys.readouterr().err)
