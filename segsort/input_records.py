"""What inputs were when results were made of them: sizes and times of change.

FOLDER/inputs.jsonl has a line for each result: {"name", "state": [[bytes, time
of change] of each input file], "written": the time}. A shard has a file of its
own, inputs-00001-of-00004.jsonl. The newest line of a name counts. Results
without a line, of earlier versions, pass for those of the inputs there are.
"""

import contextlib
import glob
import json
import os
import time

from segsort import files


def state(*paths):
  """Returns [[bytes, nanoseconds]] of files; None where one is not there."""
  with contextlib.suppress(OSError):
    return [[status.st_size, status.st_mtime_ns]
            for status in map(os.stat, paths)]
  return None


def record_path(folder, config):
  """Where a `sharding.ShardSettings` keeps its own lines."""
  part = ''
  if config.num_shards > 1:
    part = f'-{config.shard_index:05d}-of-{config.num_shards:05d}'
  return os.path.join(folder, f'inputs{part}.jsonl')


def record_paths(folder):
  """The files of all shards that are there."""
  return glob.glob(os.path.join(glob.escape(folder), 'inputs*.jsonl'))


def append(path, name, inputs):
  """Adds a line, before the result is written: a kill leaves no result.

  Args:
    path: of `record_path`.
    name: of the result.
    inputs: their `state` when they were read, or just before.
  """
  line = {'name': name, 'state': inputs, 'written': time.time_ns()}
  with files.writing(path), open(path, 'a', encoding='utf-8') as file:
    # On a line of its own, even where a full disk cut the last one off.
    file.write(f'\n{json.dumps(line)}\n' if _is_torn(path) else
               f'{json.dumps(line)}\n')


def _is_torn(path):
  """Whether a file ends within a line."""
  with open(path, 'rb') as file:
    if not file.seek(0, os.SEEK_END):
      return False
    file.seek(-1, os.SEEK_END)
    return file.read() != b'\n'


def changed(folder, states):
  """Names whose inputs are not what their results were made of.

  Args:
    folder: of the results.
    states: dict from names to `state` of their inputs as they are.

  Returns:
    A set of names.
  """
  newest = {}
  for path in record_paths(folder):
    with open(path, encoding='utf-8') as file:
      for line in file:
        with contextlib.suppress(ValueError, KeyError, TypeError):
          found = json.loads(line)
          written, _ = newest.get(found['name'], (0, None))
          if found['written'] >= written:
            newest[found['name']] = found['written'], found['state']
  return {name for name, inputs in states.items()
          if name in newest and newest[name][1] != inputs}
