"""Work that is divided among processes."""

import collections
import concurrent.futures
import multiprocessing
import os
import threading

from segsort.errors import InputError

AHEAD = 2  # items beyond one a process


def in_processes(function, items, num_workers):
  """Yields function(item) in order, computed in processes of their own.

  Args:
    function: of a module, or a partial of one.
    items: list, or an iterator, whose own work this process does meanwhile, a
      few items ahead.
    num_workers: 1 works in this process.

  Raises:
    InputError: a process was ended, as for lack of memory.
  """
  if hasattr(items, '__len__'):
    num_workers = min(num_workers, len(items))
  if num_workers <= 1:
    yield from map(function, items)
    return
  # Spawned, for TensorFlow's threads do not survive a fork.
  with concurrent.futures.ProcessPoolExecutor(
      num_workers, initializer=_end_with_parent,
      mp_context=multiprocessing.get_context('spawn')) as pool:
    try:
      yield from _map_ahead(pool, function, items, num_workers + AHEAD)
    except concurrent.futures.process.BrokenProcessPool as error:
      raise InputError(
          'a process was ended from outside, perhaps for lack of memory; take '
          'a smaller --num_workers') from error


def _map_ahead(pool, function, items, most):
  """Yields results in order, with at most `most` items under way."""
  waiting = collections.deque()
  try:
    for item in items:
      waiting.append(pool.submit(function, item))
      if len(waiting) == most:
        yield waiting.popleft().result()
    while waiting:
      yield waiting.popleft().result()
  finally:
    for future in waiting:
      future.cancel()


def _end_with_parent():
  """Ends this process with its parent, if that is killed.

  Each process holds both ends of the queue that it waits at, so that none would
  ever see it closed.
  """
  def watch():
    multiprocessing.parent_process().join()
    os._exit(1)

  threading.Thread(target=watch, daemon=True).start()
