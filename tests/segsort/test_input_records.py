"""Records of inputs: what changed, torn lines, several shards, full disks."""

import os
import types

import pytest

from segsort import files
from segsort import input_records
from segsort.errors import InputError


def _shard(index, count):
  return types.SimpleNamespace(num_shards=count, shard_index=index)


def test_states_tell_sizes_and_times_apart(tmp_path):
  path, other = str(tmp_path / 'a'), str(tmp_path / 'b')
  (tmp_path / 'a').write_bytes(b'12')
  (tmp_path / 'b').write_bytes(b'123')
  os.utime(path, ns=(5, 7))
  os.utime(other, ns=(5, 9))
  assert input_records.state(path) == [[2, 7]]
  assert input_records.state(path, other) == [[2, 7], [3, 9]]
  assert input_records.state(path, f'{path}x') is None


def test_the_newest_line_of_any_shard_counts(tmp_path, monkeypatch):
  folder, clock = str(tmp_path), iter(range(9))
  monkeypatch.setattr(input_records.time, 'time_ns', lambda: next(clock))
  paths = [input_records.record_path(folder, _shard(*part))
           for part in ((0, 1), (1, 4))]
  assert [os.path.basename(path) for path in paths] == [
      'inputs.jsonl', 'inputs-00001-of-00004.jsonl']
  input_records.append(paths[0], 'a', [[1, 1]])
  input_records.append(paths[1], 'a', [[2, 2]])
  input_records.append(paths[0], 'b', [[3, 3]])
  assert sorted(input_records.record_paths(folder)) == sorted(paths)
  assert input_records.changed(
      folder, {'a': [[2, 2]], 'b': [[3, 3]], 'c': [[4, 4]]}) == set()
  assert input_records.changed(
      folder, {'a': [[1, 1]], 'b': [[3, 4]], 'c': None}) == {'a', 'b'}
  assert not input_records.changed(str(tmp_path / 'none'), {'a': None})


def test_a_torn_line_costs_itself_only(tmp_path):
  path = str(tmp_path / 'inputs.jsonl')
  input_records.append(path, 'a', [[1, 1]])
  input_records.append(path, 'b', [[2, 2]])
  os.truncate(path, os.path.getsize(path) - 5)
  input_records.append(path, 'c', [[3, 3]])
  states = dict.fromkeys('abc', [[0, 0]])
  assert input_records.changed(str(tmp_path), states) == {'a', 'c'}
  with open(path, 'a', encoding='utf-8') as file:
    file.write('[]\n{}\n{"name": "b", "written": 1}\n')
  assert input_records.changed(str(tmp_path), states) == {'a', 'c'}


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
  def fill(*unused):
    raise OSError(28, 'No space left on device')
  path = str(tmp_path / 'inputs.jsonl')
  files.write_text(path, '')
  monkeypatch.setattr(input_records.json, 'dumps', fill)
  with pytest.raises(InputError, match='cannot write .*: No space left'):
    input_records.append(path, 'a', None)
