"""Reading ahead and writing behind, while the main thread computes."""

import collections
import concurrent.futures


def read_ahead(read, items):
  """Reads the next item in a thread while the caller works on this one.

  Args:
    read: a function of an item.
    items: a sequence.

  Yields:
    (item, outcome), in order. `outcome()` returns what `read` returned, or
    raises what it raised.
  """
  with concurrent.futures.ThreadPoolExecutor(1, 'read_ahead') as thread:
    coming = collections.deque()
    try:
      for item in items:
        coming.append((item, thread.submit(read, item)))
        if len(coming) > 1:
          item, future = coming.popleft()
          yield item, future.result
      while coming:
        item, future = coming.popleft()
        yield item, future.result
    finally:
      for _, future in coming:  # not asked for: the caller stopped early
        future.cancel()


class Writer:
  """A thread that writes results in order.

  A context manager: on leaving, all that was handed over gets written, after
  an error of the main thread as well, so that nothing computed is lost.
  """

  def __init__(self, depth=2):
    """Starts the thread; `depth` results may wait for it."""
    self._thread = concurrent.futures.ThreadPoolExecutor(1, 'writer')
    self._waiting = collections.deque()
    self._depth = depth

  def submit(self, write, *arguments):
    """Has the thread call write(*arguments); waits where too many wait.

    Raises:
      What an earlier call raised, an InputError for a full disk.
    """
    while len(self._waiting) >= self._depth or (
        self._waiting and self._waiting[0].done()):
      self._waiting.popleft().result()
    self._waiting.append(self._thread.submit(write, *arguments))

  def __enter__(self):
    return self

  def __exit__(self, kind, unused_error, unused_traceback):
    self._thread.shutdown(wait=True)
    if kind is None:  # else the first error is the one to tell
      for future in self._waiting:
        future.result()
