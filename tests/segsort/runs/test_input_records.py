"""Records of inputs: what changed, torn lines, several shards, full disks."""

import json
import os
import shutil
import types

import pytest

from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import input_records


def _shard(index, count):
  return types.SimpleNamespace(num_shards=count, shard_index=index)


@pytest.fixture(name='inputs')
def _inputs(tmp_path):
  """{name: [path]} of three files of two bytes each."""
  for name in 'abc':
    (tmp_path / name).write_bytes(f'{name}1'.encode())
  return {name: [str(tmp_path / name)] for name in 'abc'}


def _append(path, name, inputs):
  input_records.append(path, name, inputs[name],
                       input_records.stamp(*inputs[name]))


def _changed(tmp_path, inputs):
  return input_records.changed(str(tmp_path / 'r'), inputs)


@pytest.fixture(name='record')
def _record(tmp_path):
  (tmp_path / 'r').mkdir()
  return str(tmp_path / 'r/inputs.jsonl')


def _write_at_the_same_time(path, data):
  status = os.stat(path)
  with open(path, 'wb') as file:
    file.write(data)
  os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_content_counts_and_no_time(tmp_path, inputs, record):
  for name in 'abc':
    _append(record, name, inputs)
  os.utime(inputs['a'][0], ns=(5, 7))
  _write_at_the_same_time(inputs['b'][0], b'b2')
  shutil.copyfile(inputs['c'][0], tmp_path / 'd')
  os.replace(tmp_path / 'd', inputs['c'][0])
  assert _changed(tmp_path, inputs) == {'b'}
  _write_at_the_same_time(inputs['b'][0], b'b1')
  assert not _changed(tmp_path, inputs)


def test_files_that_nobody_touched_are_not_read(
    tmp_path, inputs, record, monkeypatch):
  for name in 'ab':
    _append(record, name, inputs)
  os.utime(inputs['b'][0], ns=(5, 7))
  read = []
  monkeypatch.setattr(
      input_records, 'content', lambda *paths: read.append(paths))
  _changed(tmp_path, inputs)
  assert read == [(inputs['b'][0],)]


def test_all_files_of_a_name_count(tmp_path, inputs, record):
  both = {'x': inputs['a'] + inputs['b']}
  _append(record, 'x', both)
  assert not _changed(tmp_path, both)
  files.write_text(both['x'][1], 'other')
  assert _changed(tmp_path, both) == {'x'}


def test_what_is_not_there_has_not_changed(tmp_path, inputs, record):
  """Its results outlive a disk that is away for a while."""
  for name in 'ab':
    _append(record, name, inputs)
  os.remove(inputs['a'][0])
  assert not _changed(tmp_path, inputs)
  assert not _changed(tmp_path / 'none', inputs)


def test_a_file_replaced_while_it_was_worked_on_has_changed(
    tmp_path, inputs, record):
  before = input_records.stamp(*inputs['a'])
  files.write_text(inputs['a'][0], 'a2')
  input_records.append(record, 'a', inputs['a'], before)
  assert _changed(tmp_path, inputs) == {'a'}


def test_names_without_a_line(tmp_path, inputs, record):
  _append(record, 'a', inputs)
  with open(record, 'a', encoding='utf-8') as file:  # of an earlier version
    file.write('{"name": "b", "state": [[2, 7]], "written": 1}\n')
  assert not _changed(tmp_path, inputs)
  assert input_records.compare(str(tmp_path / 'r'), inputs) == ({'a'}, set())


def test_the_newest_line_of_any_shard_counts(tmp_path, inputs, monkeypatch):
  clock = iter(range(9))
  monkeypatch.setattr(input_records.time, 'time_ns', lambda: next(clock))
  paths = [input_records.record_path(str(tmp_path), _shard(*part))
           for part in ((1, 4), (0, 1))]
  assert [os.path.basename(path) for path in paths] == [
      'inputs-00001-of-00004.jsonl', 'inputs.jsonl']
  _append(paths[0], 'a', inputs)
  files.write_text(inputs['a'][0], 'other')
  assert input_records.changed(str(tmp_path), inputs) == {'a'}
  _append(paths[1], 'a', inputs)
  assert sorted(input_records.record_paths(str(tmp_path))) == sorted(paths)
  assert not input_records.changed(str(tmp_path), inputs)


def test_a_torn_line_costs_itself_only(tmp_path, inputs, record):
  _append(record, 'a', inputs)
  _append(record, 'b', inputs)
  os.truncate(record, os.path.getsize(record) - 5)
  _append(record, 'c', inputs)
  with open(record, 'a', encoding='utf-8') as file:
    file.write('[]\n{}\n{"name": "b", "written": 1}\n')
  for name in 'abc':
    files.write_text(inputs[name][0], 'other')
  assert _changed(tmp_path, inputs) == {'a', 'c'}
  with open(record, encoding='utf-8') as file:
    assert json.loads(file.readline())['name'] == 'a'


def test_a_full_disk_is_one_line(inputs, record, monkeypatch):
  def fill(*unused):
    raise OSError(28, 'No space left on device')
  files.write_text(record, '')
  monkeypatch.setattr(input_records.json, 'dumps', fill)
  with pytest.raises(InputError, match='cannot write .*: No space left'):
    _append(record, 'a', inputs)


def test_a_clock_that_was_set_back_does_not_bring_old_lines_back(
    tmp_path, inputs, record, monkeypatch):
  _append(record, 'a', inputs)
  _write_at_the_same_time(inputs['a'][0], b'a2')
  monkeypatch.setattr(input_records.time, 'time_ns', lambda: 1)
  _append(record, 'a', inputs)
  assert not _changed(tmp_path, inputs)
  _write_at_the_same_time(inputs['a'][0], b'a1')
  assert _changed(tmp_path, inputs) == {'a'}
