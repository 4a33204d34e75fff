"""Locks of folders: one run each, none left behind, where there are none."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from segsort.errors import InputError
from segsort.runs import folder_lock

HOLD = '''
import sys, time
from segsort.runs import folder_lock
with folder_lock.alone(sys.argv[1]):
  print('held', flush=True)
  time.sleep(600)
'''


def test_a_second_run_is_refused_and_told_of_the_first(tmp_path):
  folder = str(tmp_path / 'new/run')
  with folder_lock.alone(folder):
    with pytest.raises(InputError) as raised:
      with folder_lock.alone(folder, instead='stay away'):
        pass
    assert f'({os.getpid()} on ' in str(raised.value)
    assert str(raised.value).endswith(f'at work in {folder}; wait for it, or '
                                      'stay away')
    with folder_lock.alone(folder, 'other part'), folder_lock.waiting(folder):
      pass
  assert not os.listdir(folder)
  with folder_lock.alone(folder):
    pass


def test_errors_inside_are_their_own(tmp_path):
  with pytest.raises(BlockingIOError):
    with folder_lock.alone(str(tmp_path)):
      raise BlockingIOError
  with folder_lock.alone(str(tmp_path)):
    pass


def test_a_killed_process_leaves_no_lock(tmp_path):
  holder = subprocess.Popen([sys.executable, '-c', HOLD, str(tmp_path)],
                            stdout=subprocess.PIPE)
  try:
    assert holder.stdout.readline() == b'held\n'
    with pytest.raises(InputError, match=f'process .{holder.pid} on '):
      with folder_lock.alone(str(tmp_path)):
        pass
  finally:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
  with folder_lock.alone(str(tmp_path)):
    pass


def test_a_lock_whose_file_went_meanwhile_is_taken_anew(tmp_path, monkeypatch):
  """The one before removed it between our opening and locking it."""
  lock, flock = tmp_path / '.run.lock', folder_lock.fcntl.flock
  removed = []

  def late(handle, operation):
    if not removed:
      removed.append(lock.unlink())
    flock(handle, operation)
  monkeypatch.setattr(folder_lock.fcntl, 'flock', late)
  with folder_lock.alone(str(tmp_path)):
    assert removed and lock.exists()
    with pytest.raises(InputError):
      with folder_lock.alone(str(tmp_path)):
        pass


def test_where_nothing_can_be_locked_runs_go_on_and_say_so(
    tmp_path, monkeypatch, capsys):
  def fail(*unused):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
  monkeypatch.setattr(folder_lock.fcntl, 'flock', fail)
  with folder_lock.alone(str(tmp_path)), folder_lock.waiting(str(tmp_path)):
    pass
  assert capsys.readouterr().err.count(
      '(No locks available): two runs at once in this folder would not be '
      'noticed') == 2


def test_a_folder_that_cannot_be_written_to(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(InputError, match='cannot write .*file'):
    with folder_lock.alone(str(tmp_path / 'file')):
      pass


def test_what_is_finished_can_be_looked_at_where_nothing_may_be_written(
    tmp_path, monkeypatch):
  def refuse(*unused):
    raise OSError(errno.EROFS, 'Read-only file system')
  monkeypatch.setattr(os, 'open', refuse)
  with pytest.raises(InputError, match='cannot write .*Read-only'):
    with folder_lock.alone(str(tmp_path)):
      pass
  monkeypatch.setattr(os, 'access', lambda *_: False)
  with folder_lock.alone(str(tmp_path)), folder_lock.waiting(str(tmp_path)):
    pass
  assert not os.listdir(tmp_path)
