"""A run's state: into checkpoints and out of them, resumed or begun anew."""

import os

import numpy as np
import pytest
import small_runs
import tensorflow as tf

import network
from segsort import checkpoint
from segsort import files
from segsort import run_record
from segsort import train_state
from segsort.errors import InputError


def test_a_state_goes_through_a_checkpoint_unchanged(state, tiny_dataset):
  run, config, _ = state
  path = checkpoint.checkpoint_path(config.snapshot_dir, 3)
  run.step.assign(3)
  run.bank.enqueue(tf.ones([2, 8]), tf.constant([1, 0]))
  for slot in run.optimizer.slots.values():
    slot.assign(tf.random.stateless_normal(slot.shape, [0, 1]))
  checkpoint.save(path, run.tensors())
  other = train_state.TrainState(config)
  other.assign(checkpoint.load(path), path)
  for name, tensor in run.tensors().items():
    np.testing.assert_array_equal(other.tensors()[name], tensor)
  for settings, message in (
      ({'head': 'deeplab'}, 'this run differ in '),
      ({'embedding_dim': 9}, 'this run as ')):
    changed = train_state.TrainState(small_runs.train_config(
        tiny_dataset, 'unused', **settings))
    with pytest.raises(InputError, match=message):
      changed.assign(checkpoint.load(path), path)


def test_overwriting_fails_before_it_removes_anything(state, tiny_dataset):
  run, config, _ = state
  checkpoint.save(checkpoint.checkpoint_path(config.snapshot_dir, 3),
                  run.tensors())
  for restore_from, message in (('typo', 'no checkpoint at'),
                                (config.snapshot_dir, None)):
    again = small_runs.train_config(
        tiny_dataset, config.snapshot_dir, overwrite=True,
        restore_from=restore_from)
    if message:
      with pytest.raises(InputError, match=message):
        train_state.start_or_resume(run, again)
      assert checkpoint.steps_in(config.snapshot_dir) == [3]
    else:
      assert not train_state.start_or_resume(run, again)
      assert checkpoint.steps_in(config.snapshot_dir) == []


def test_nothing_but_damaged_checkpoints_starts_anew_and_says_so(
    state, capsys):
  run, config, _ = state
  os.makedirs(config.snapshot_dir)
  for step in (1, 4):
    files.write_text(f'{config.snapshot_dir}/model.ckpt-{step}.index', '')
  assert not train_state.start_or_resume(run, config)
  told = capsys.readouterr()
  assert told.err.count('trying the one before') == 2
  assert 'training from scratch' in told.out and int(run.step) == 0


def test_stage_two_starts_from_the_weights_of_stage_one(
    state, tiny_dataset, tmp_path):
  run, config, _ = state
  path = checkpoint.checkpoint_path(config.snapshot_dir, 9)
  checkpoint.save(path, {**run.tensors(), checkpoint.STEP: np.int64(9)})
  for skip_head in (False, True):
    settings = small_runs.train_config(
        tiny_dataset, tmp_path / 'stage2', restore_from=config.snapshot_dir,
        random_seed=5, not_restore_classifier=skip_head)
    second = train_state.TrainState(settings)
    assert not train_state.start_or_resume(second, settings)
    assert int(second.step) == 0 and second.bank.fill_fraction() == 0
    for name, variable in run.variables.items():
      if name.endswith('/weights'):
        same = np.array_equal(second.variables[name], variable)
        assert same != (skip_head and network.is_head(name)), name


@pytest.mark.parametrize('changed', [
    {'batch_size': 1}, {'random_seed': 2}, {'input_size': (16, 32)},
    {'num_banks': 1}])
def test_going_on_with_other_settings_names_them(
    state, tiny_dataset, changed):
  run, config, _ = state
  run_record.write_run(config.snapshot_dir, config)
  checkpoint.save(checkpoint.checkpoint_path(config.snapshot_dir, 3),
                  run.tensors())
  train_state.start_or_resume(run, config)
  other = small_runs.train_config(
      tiny_dataset, config.snapshot_dir, **changed)
  with pytest.raises(InputError, match=f'was trained with --{[*changed][0]}'):
    train_state.start_or_resume(run, other)
