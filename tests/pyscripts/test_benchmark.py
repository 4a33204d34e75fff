"""The benchmark's table, its file, and what it refuses."""

import json
import types

import commands
import tensorflow as tf

from segsort.benchmark import loss_suite
from segsort.benchmark import measure


def test_table_and_file_have_the_rows_and_the_machine(tmp_path, monkeypatch):
  seconds = []  # a clock that the work moves: machines are busy
  monkeypatch.setattr(measure, 'time', types.SimpleNamespace(
      perf_counter=lambda: sum(seconds), process_time=lambda: sum(seconds)))
  monkeypatch.setattr(loss_suite, 'comparisons', lambda: [
      measure.Comparison(name='a row', ours=lambda: seconds.append(.5),
                         twin=lambda: seconds.append(2), aim=2.)])
  path = tmp_path / 'figures.json'
  out = commands.succeed('benchmark', suites='loss', repeats=2, save_json=path)
  row, = json.loads(path.read_text())['rows']
  assert row['suite'] == 'loss' and row['name'] == 'a row' and row['met']
  assert row['repeats'] == 2 and row['wall_ratio'] == 4
  assert json.loads(path.read_text())['tensorflow'] in out
  line, = (line for line in out.splitlines() if line.startswith('a row'))
  assert f"{row['wall_ratio']:.2f}" in line and line.endswith('yes')


def test_unknown_suites_and_places_are_refused(tmp_path):
  assert "--suites has 'loos'; there are loss, train, data" in commands.fail(
      'benchmark', suites='loos')
  assert '--suites is empty' in commands.fail('benchmark', suites='')
  (tmp_path / 'file').write_text('')
  assert 'cannot write' in commands.fail(
      'benchmark', suites='loss', save_json=tmp_path / 'file/figures.json')


def test_a_gpu_that_is_not_there_and_a_full_folder_are_told(tmp_path):
  if not tf.config.list_physical_devices('GPU'):
    assert 'TensorFlow sees no GPU' in commands.fail('benchmark', device='gpu')
  (tmp_path / 'mine').write_text('')
  assert 'holds files; name a new folder' in commands.fail(
      'benchmark', export_stablehlo=tmp_path)
