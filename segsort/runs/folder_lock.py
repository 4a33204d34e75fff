"""One process at a time in a folder, be it for a moment or for a whole run.

A lock is a file .NAME.lock that the system unlocks when its process ends, in
whatever way, so that none is ever left behind locked. The file goes with the
lock where the process can still remove it. Where a process may not write, it
needs no lock: it can look at what is finished, and nothing else.
"""

import contextlib
import fcntl
import os
import socket

from segsort.errors import InputError, warn
from segsort.runs import files


@contextlib.contextmanager
def waiting(folder):
  """Makes a folder, and keeps other processes waiting for it."""
  path = _place(folder, 'turn')
  with _held(path, _lock(path, fcntl.LOCK_EX)):
    yield


@contextlib.contextmanager
def alone(folder, what='', instead='name another folder'):
  """Makes a folder, and has other processes refused until it is left.

  Args:
    folder: of results.
    what: the part of them that this process makes, as of one shard.
    instead: what others can do, for their message.

  Raises:
    InputError: another process is at work there.
  """
  path = _place(folder, f'run-{what}' if what else 'run')
  try:
    handle = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    raise InputError(
        f'another process{_owner(path)} is at work in {folder}; wait for it, '
        f'or {instead}') from None
  with _held(path, handle):
    yield


def shard_part(config):
  """What `alone` calls the part of a `sharding.ShardSettings`."""
  if config.num_shards == 1:
    return ''
  return f'{config.shard_index:05d}-of-{config.num_shards:05d}'


def _place(folder, name):
  """Makes the folder; returns the path of a lock in it."""
  with files.writing(folder):
    os.makedirs(folder, exist_ok=True)
  return os.path.join(folder, f'.{name}.lock')


@contextlib.contextmanager
def _held(path, handle):
  if handle is None:
    yield
    return
  try:
    yield
  finally:
    # Removed while still locked: afterwards it may be the next one's.
    with contextlib.suppress(OSError):
      os.remove(path)
    os.close(handle)


def _lock(path, operation):
  """Opens and locks a file; returns its descriptor.

  Returns None in a folder that this process may not write to.

  Raises:
    BlockingIOError: another process has it, and `operation` does not wait.
    InputError: the disk is full, or the file is another user's.
  """
  while True:
    with files.writing(path):
      try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
      except OSError:
        # Another's lock may be closed to us in a folder that is open.
        if os.access(os.path.dirname(path), os.W_OK):
          raise
        return None
    try:
      fcntl.flock(handle, operation)
    except BlockingIOError:
      os.close(handle)
      raise
    except OSError as error:
      warn(f'cannot lock {path} ({error.strerror}): two runs at once in this '
           'folder would not be noticed')
      return handle
    # Whoever had the lock may have removed the file meanwhile.
    if _is_at(path, handle):
      with contextlib.suppress(OSError):  # a full disk: only a name less
        os.truncate(handle, 0)
        os.write(handle, f'{os.getpid()} on {socket.gethostname()}'.encode())
      return handle
    os.close(handle)


def _is_at(path, handle):
  """Whether an open file is the one at a path."""
  try:
    return os.path.samestat(os.stat(path), os.fstat(handle))
  except OSError:
    return False


def _owner(path):
  """Says which process has a lock, if its file tells."""
  try:
    with open(path, encoding='utf-8') as file:
      text = file.read(200)
    return f' ({text})' if text else ''
  except OSError:
    return ''
