"""What inputs held when results were made of them: sizes and checksums.

FOLDER/inputs.jsonl has a line for each result: {"name", "content": [[bytes,
checksum] of each input file], "stamp": what the file system said of them,
"written": the time}. A shard has its own, inputs-00001-of-00004.jsonl. The
last line of a name counts, of several files' the newest. Results without a
line, of earlier versions, pass for those of the inputs there are.

Content alone counts: copies, archives and other machines have times of their
own. A stamp only saves reading files that nobody has touched since.
"""

import contextlib
import glob
import hashlib
import json
import os
import time

from segsort.runs import files


def content(*paths):
  """Returns [[bytes, checksum]] of files; None where one cannot be read."""
  found = []
  for path in paths:
    checksum, size = hashlib.blake2b(digest_size=16), 0
    try:
      with open(path, 'rb') as file:
        while part := file.read(2**22):
          checksum.update(part)
          size += len(part)
    except OSError:
      return None
    found.append([size, checksum.hexdigest()])
  return found


def stamp(*paths):
  """Returns [[bytes, changed, status changed, inode]] of files, or None.

  No program can set back when a file's status changed, as `os.utime` does with
  the time of its content.
  """
  with contextlib.suppress(OSError):
    return [[status.st_size, status.st_mtime_ns, status.st_ctime_ns,
             status.st_ino] for status in map(os.stat, paths)]
  return None


def record_path(folder, config=None):
  """Where the lines of a run are kept, or those of a `sharding.ShardSettings`.
  """
  part = ''
  if config and config.num_shards > 1:
    part = f'-{config.shard_index:05d}-of-{config.num_shards:05d}'
  return os.path.join(folder, f'inputs{part}.jsonl')


def record_paths(folder):
  """The files of all shards that are there."""
  return glob.glob(os.path.join(glob.escape(folder), 'inputs*.jsonl'))


def append(path, name, inputs, before):
  """Adds a line, before the result is written: a kill leaves no result.

  Args:
    path: of `record_path`.
    name: of the result.
    inputs: paths of what it is made of.
    before: their `stamp` before they were read.
  """
  line = {'name': name, 'content': content(*inputs), 'stamp': before,
          'written': time.time_ns()}
  if stamp(*inputs) != before:  # another content than the one that was used
    line['content'] = None
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


def changed(folder, inputs):
  """Names whose inputs do not hold what their results were made of.

  Inputs that cannot be read, as on a disk that is not there now, have not
  changed.

  Args:
    folder: of the results.
    inputs: dict from names to the paths of their inputs.

  Returns:
    A set of names.
  """
  return compare(folder, inputs)[1]


def compare(folder, inputs):
  """As `changed`, but returns two sets: the names on record, those changed."""
  newest = _newest_lines(folder)
  recorded = inputs.keys() & newest.keys()
  return recorded, {
      name for name in recorded if _differs(newest[name], inputs[name])}


def _differs(line, paths):
  now = stamp(*paths)
  if now is None or now == line['stamp'] and line['content']:
    return False
  return content(*paths) not in (None, line['content'])


def _newest_lines(folder):
  """Returns {name: its newest line} of all shards."""
  newest = {}
  for path in record_paths(folder):
    for name, line in _last_lines(path).items():
      if line['written'] >= newest.get(name, line)['written']:
        newest[name] = line
  return newest


def _last_lines(path):
  """Returns {name: its last line} of a file; clocks may have been set back."""
  last = {}
  with open(path, encoding='utf-8') as file:
    for text in file:
      with contextlib.suppress(ValueError, KeyError, TypeError):
        line = json.loads(text)
        line['content'], line['stamp'], line['written']  # not all had them
        last[line['name']] = line
  return last
