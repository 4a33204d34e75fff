"""A run's state: into checkpoints and out of them, resumed or begun anew."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
import small_runs
import tensorflow as tf

import network
from segsort.checkpoints import checkpoint
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import run_record
from segsort.training import run_inputs
from segsort.training import train_state
from segsort.training import training_settings


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


def test_nothing_but_damaged_checkpoints_stops_and_removes_none(
    state, capsys):
  run, config, _ = state
  os.makedirs(config.snapshot_dir)
  for step in (1, 4):
    files.write_text(f'{config.snapshot_dir}/model.ckpt-{step}.index', '')
  with pytest.raises(InputError, match=(
      'none of the checkpoints in .* can be read; .* --overwrite')):
    train_state.start_or_resume(run, config)
  assert capsys.readouterr().err.count('cannot read the checkpoint') == 2
  assert checkpoint.steps_in(config.snapshot_dir) == [1, 4]


def test_a_run_by_another_path_goes_on_with_the_same_content(
    state, tiny_dataset, tmp_path, monkeypatch, capsys):
  run, config, _ = state
  checkpoint.save(f'{tmp_path}/pretrained/model.ckpt-7', run.tensors())
  (tmp_path / 'classes.json').write_text('{"classes": [{"name": "a"}, '
                                         '{"name": "b"}]}')
  config = dataclasses.replace(
      config, restore_from=f'{tmp_path}/pretrained',
      dataset=f'{tmp_path}/classes.json')
  run_record.write_run(
      config.snapshot_dir, config, **run_inputs.inputs_of(config))
  checkpoint.save(checkpoint.checkpoint_path(config.snapshot_dir, 3),
                  run.tensors())
  monkeypatch.chdir(tmp_path)
  shutil.copytree('pretrained', 'elsewhere')
  shutil.copy(config.data_list, 'other.txt')
  moved = dataclasses.replace(
      config, data_list='other.txt', data_dir='.', snapshot_dir='run',
      restore_from='elsewhere/model.ckpt-7', dataset='classes.json')
  train_state.start_or_resume(run, moved)
  assert 'resumed from run/model.ckpt-3' in capsys.readouterr().out

  lines = (tmp_path / 'other.txt').read_text().splitlines()
  for path, text in (
      ('other.txt', '\n'.join(lines[::-1])),
      ('classes.json', '{"classes": [{"name": "a"}, {"name": "c"}]}'),
      ('elsewhere/model.ckpt-7.index', 'of other weights')):
    before = files.read_bytes(path)
    files.write_text(path, text)
    with pytest.raises(InputError, match=(
        'run was trained with another content of --[a-z_]+ '
        f'{path.removesuffix(".index")} than it has now')):
      train_state.start_or_resume(run, moved)
    files.write_bytes(path, before)

  # What a run has started from may go; its digest stays on record.
  shutil.rmtree('elsewhere')
  train_state.start_or_resume(run, moved)
  assert run_inputs.inputs_of(moved) == run_inputs.inputs_of(config)


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


def test_what_steps_that_are_done_were_not_made_with_is_told(
    state, capsys):
  run, config, _ = state
  checkpoint.save(checkpoint.checkpoint_path(config.snapshot_dir, 3),
                  run.tensors())
  train_state.start_or_resume(run, config)
  assert 'but no config.json that tells what of' in capsys.readouterr().err
  run_record.write_run(config.snapshot_dir, config)
  train_state.start_or_resume(run, config)
  assert not capsys.readouterr().err
  for num_steps, finished in ((2, True), (9, False)):
    other = dataclasses.replace(
        config, num_steps=num_steps, learning_rate=.5)
    assert train_state.start_or_resume(run, other) == finished
    told = capsys.readouterr().err
    for name, was, now in (('num_steps', 4, num_steps),
                           ('learning_rate', .01, .5)):
      assert f'was trained with --{name} {was}, which is now {now}:' in told


def test_a_run_of_another_kind_is_not_gone_on_with(
    state, tiny_dataset):
  run, config, _ = state
  run_record.write_run(config.snapshot_dir, config)
  checkpoint.save(checkpoint.checkpoint_path(config.snapshot_dir, 3),
                  run.tensors())
  unsup = small_runs.train_config(
      tiny_dataset, config.snapshot_dir, training_settings.TrainUnsupConfig,
      num_banks=config.num_banks)
  with pytest.raises(InputError, match='TrainConfig, not TrainUnsupConfig'):
    train_state.start_or_resume(run, unsup)


def test_a_run_that_started_from_its_own_folder_goes_on(
    state, tmp_path):
  run, config, _ = state
  checkpoint.save(f'{tmp_path}/first/model.ckpt-7', run.tensors())
  path = checkpoint.checkpoint_path(config.snapshot_dir, 3)
  before = dataclasses.replace(config, restore_from=f'{tmp_path}/first')
  again = dataclasses.replace(config, restore_from=config.snapshot_dir)
  run_record.write_run(
      config.snapshot_dir, before, **run_inputs.inputs_of(before))
  checkpoint.save(path, run.tensors())
  train_state.start_or_resume(run, dataclasses.replace(again, overwrite=True))
  for step in (1, 2):  # interrupted twice
    run_record.write_run(
        config.snapshot_dir, again, **run_inputs.inputs_of(again))
    run.step.assign(step)
    checkpoint.save(checkpoint.checkpoint_path(config.snapshot_dir, step),
                    run.tensors())
    assert not train_state.start_or_resume(run, again)
