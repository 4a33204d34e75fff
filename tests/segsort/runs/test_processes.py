"""Work that is divided among processes, one of which may be killed."""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

import pytest

from segsort.errors import InputError
from segsort.runs import processes


def test_results_are_in_order_with_any_number_of_processes():
  for num_workers in (1, 2):
    assert list(processes.in_processes(
        len, ['aaa', '', 'a', 'aa'], num_workers)) == [3, 0, 1, 2]


def test_an_iterator_is_taken_a_few_items_ahead():
  """Else the contours of all images would be in memory."""
  taken = []

  def items():
    for count in range(40):
      taken.append(count)
      yield 'a' * count

  results = processes.in_processes(len, items(), 2)
  assert [next(results) for _ in range(3)] == [0, 1, 2]
  assert len(taken) <= 3 + 2 + processes.AHEAD
  assert list(results) == list(range(3, 40))


def note_and_sleep(path):
  """What the processes of the next test do."""
  pathlib.Path(path).write_text(str(os.getpid()))
  time.sleep(300)


def _wait_for(condition):
  deadline = time.time() + 120
  while not condition():
    assert time.time() < deadline
    time.sleep(.05)


def _is_alive(pid):
  try:
    os.kill(pid, 0)
  except ProcessLookupError:
    return False
  stat = pathlib.Path(f'/proc/{pid}/stat')
  return not stat.exists() or stat.read_text().rpartition(')')[2][1] != 'Z'


def test_processes_end_with_a_parent_that_is_killed(tmp_path):
  notes = [tmp_path / name for name in 'ab']
  parent = subprocess.Popen([
      sys.executable, '-c',
      f'import sys; sys.path[:0] = {[os.path.dirname(__file__), *sys.path]}\n'
      'import test_processes\n'
      'from segsort.runs import processes\n'
      'list(processes.in_processes(test_processes.note_and_sleep, '
      f'{[str(path) for path in notes]}, 2))'])
  _wait_for(lambda: all(
      path.exists() and path.read_text() for path in notes))
  pids = [int(path.read_text()) for path in notes]
  assert all(map(_is_alive, pids))
  parent.kill()
  parent.wait()
  _wait_for(lambda: not any(map(_is_alive, pids)))


class _BrokenPool:
  """Stands for a pool of which a process was killed."""

  def __init__(self, *unused, **unused_too):
    pass

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    pass

  def submit(self, function, item):
    raise concurrent.futures.process.BrokenProcessPool


def test_a_killed_process_is_one_line(monkeypatch):
  monkeypatch.setattr(
      concurrent.futures, 'ProcessPoolExecutor', _BrokenPool)
  with pytest.raises(InputError, match='a smaller --num_workers'):
    list(processes.in_processes(len, ['a', 'b'], 2))
