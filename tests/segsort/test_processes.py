"""Work that is divided among processes, one of which may be killed."""

import concurrent.futures

import pytest

from segsort import processes
from segsort.errors import InputError


def test_results_are_in_order_with_any_number_of_processes():
  for num_workers in (1, 2):
    assert list(processes.in_processes(
        len, ['aaa', '', 'a', 'aa'], num_workers)) == [3, 0, 1, 2]


class _BrokenPool:
  """Stands for a pool of which a process was killed."""

  def __init__(self, *unused, **unused_too):
    pass

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    pass

  def map(self, function, items):
    raise concurrent.futures.process.BrokenProcessPool


def test_a_killed_process_is_one_line(monkeypatch):
  monkeypatch.setattr(
      concurrent.futures, 'ProcessPoolExecutor', _BrokenPool)
  with pytest.raises(InputError, match='a smaller --num_workers'):
    list(processes.in_processes(len, ['a', 'b'], 2))
