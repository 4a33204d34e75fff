"""What a run writes down of itself."""

import dataclasses
import json
import shutil
import subprocess
import sys

import needs
import pytest
import small_runs

from segsort.runs import run_record


def test_a_run_writes_down_what_it_was(tmp_path, monkeypatch):
  monkeypatch.setattr(sys, 'argv', ['train.py', '--data_dir', 'a b'])
  run = small_runs.train_config(('d', 'l'), tmp_path)
  run_record.write_run(str(tmp_path), run)
  written = json.loads((tmp_path / 'config.json').read_text())
  assert written['stage'] == 'TrainConfig'
  assert written['command'].endswith("train.py --data_dir 'a b'")
  assert written['settings']['input_size'] == [32, 32]
  assert written['settings'].keys() == {
      field.name for field in dataclasses.fields(run)}
  assert written['git_commit'] is None or len(written['git_commit']) == 40


def test_a_repository_around_the_project_is_not_its_own(tmp_path, monkeypatch):
  if not shutil.which('git'):
    pytest.skip(f'{needs.PREFIX}git')
  def git(*words):
    subprocess.run(['git', '-C', tmp_path, '-c', 'user.name=a', '-c',
                    'user.email=a@b', *words], check=True)
  git('init', '-q')
  git('commit', '-q', '--allow-empty', '-m', 'of another project')
  for inside, length in (('', 40), ('inside', None)):
    monkeypatch.setattr(run_record, '__file__', str(
        tmp_path / inside / 'segsort/runs/run_record.py'))
    (tmp_path / inside).mkdir(exist_ok=True)
    commit = run_record.git_commit()
    assert (commit and len(commit)) == length
