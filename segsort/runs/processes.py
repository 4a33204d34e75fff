"""Work that is divided among processes."""

import concurrent.futures
import multiprocessing
import os
import threading

from segsort.errors import InputError


def in_processes(function, items, num_workers):
  """Yields function(item) in order, computed in processes of their own.

  Args:
    function: of a module, or a partial of one.
    items: list.
    num_workers: 1 works in this process.

  Raises:
    InputError: a process was ended, as for lack of memory.
  """
  if num_workers == 1 or len(items) < 2:
    yield from map(function, items)
    return
  # Spawned, for TensorFlow's threads do not survive a fork.
  with concurrent.futures.ProcessPoolExecutor(
      min(num_workers, len(items)), initializer=_end_with_parent,
      mp_context=multiprocessing.get_context('spawn')) as pool:
    try:
      yield from pool.map(function, items)
    except concurrent.futures.process.BrokenProcessPool as error:
      raise InputError(
          'a process was ended from outside, perhaps for lack of memory; take '
          'a smaller --num_workers') from error


def _end_with_parent():
  """Ends this process with its parent, if that is killed.

  Each process holds both ends of the queue that it waits at, so that none would
  ever see it closed.
  """
  def watch():
    multiprocessing.parent_process().join()
    os._exit(1)

  threading.Thread(target=watch, daemon=True).start()
