"""What a run writes down of itself."""

import dataclasses
import json
import sys

import small_runs

from segsort import run_record


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
