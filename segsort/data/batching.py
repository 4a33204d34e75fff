"""Batches of a dataset, waited for so that nobody is left in the dark."""

import contextlib
import queue
import re
import threading
import time

import tensorflow as tf

from segsort.errors import InputError, warn
from segsort.runs import files

SILENCE = 120.  # seconds without a batch that are told of


class Batches:
  """An iterator of a dataset that ends with its `with` block.

  Left to the interpreter's exit, reading threads in Python code can hang it.
  """

  def __init__(self, dataset):
    """Takes the tf.data.Dataset."""
    self._dataset = dataset

  def __enter__(self):
    self._iterator = iter(self._dataset)
    return self

  def __exit__(self, *unused):
    self._iterator = None  # cancels and joins the threads

  def take(self, count, on_wait=lambda: None):
    """Returns the next `count` elements.

    They are waited for in a thread: within TensorFlow, Python would not see
    signals, and a file on a dead disk may never come.

    Args:
      count: of elements.
      on_wait: called every second that none comes.

    Raises:
      InputError: an example that cannot be read.
    """
    outcome = queue.SimpleQueue()
    threading.Thread(
        target=self._take, args=(count, outcome), daemon=True).start()
    warn_at, since = SILENCE, time.monotonic()
    while True:
      with contextlib.suppress(queue.Empty):
        elements, error = outcome.get(timeout=1)
        break
      on_wait()
      waited = time.monotonic() - since
      if waited > warn_at:
        warn(f'no batch for {waited:.0f} seconds; files that are being read: '
             f'{", ".join(files.being_read()) or "none"}')
        warn_at *= 2
    if isinstance(error, tf.errors.OpError):
      raise as_input_error(error) from None
    if error:
      raise error
    return elements

  def _take(self, count, outcome):
    """Puts `count` elements, or what went wrong, into a queue."""
    try:
      outcome.put(([next(self._iterator) for _ in range(count)], None))
    except BaseException as error:
      outcome.put((None, error))


def as_input_error(error):
  """Returns the InputError that a tf.data error wraps, or the error itself.

  Args:
    error: a tf.errors.OpError raised by an iterator.
  """
  found = re.search(r'InputError: (.*)', str(error))
  return InputError(found.group(1)) if found else error
