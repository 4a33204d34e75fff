"""Ctrl-C and SIGTERM let a training finish its step and save it.

Python runs handlers of signals between two of its own instructions only: not
while its main thread waits within TensorFlow. So a thread is told of signals as
well, by a pipe that the system writes to at once.
"""

import contextlib
import os
import signal
import sys
import threading
import time

# Seconds within which a second signal is the first one, forwarded.
SAME = 1.
# Seconds after a signal that a batch may still take to come.
PATIENCE = 5.


class Watch(contextlib.AbstractContextManager):
  """Ends this process at a second signal, whatever it hangs in.

  Only for signals with a handler in Python, as SIGINT has by itself. In any but
  the main thread, as of a notebook, it does nothing: Python lets no other set
  what signals do.

  Attributes:
    received: the first signal, or 0.
    since: `time.monotonic()` when it came.
  """

  def __init__(self):
    self.received, self.since = 0, 0.

  def __enter__(self):
    self._end = None
    if threading.current_thread() is not threading.main_thread():
      return self
    begin, self._end = os.pipe()
    os.set_blocking(self._end, False)
    self._before = signal.set_wakeup_fd(self._end, warn_on_full_buffer=False)
    self._thread = threading.Thread(
        target=self._watch, args=(begin,), name='signals', daemon=True)
    self._thread.start()
    return self

  def __exit__(self, *unused):
    if self._end is None:
      return
    signal.set_wakeup_fd(self._before)
    os.close(self._end)  # which ends the thread
    self._thread.join()

  def _watch(self, pipe):
    with open(pipe, 'rb', buffering=0) as numbers:
      while number := numbers.read(1):
        self._receive(number[0])

  def _receive(self, number):
    if number not in (signal.SIGINT, signal.SIGTERM):
      return
    now = time.monotonic()
    if not self.received:
      self.received, self.since = number, now
    elif now - self.since > SAME:
      end_at_once(number, f'second {signal.Signals(number).name}: ended '
                  'without waiting for what hangs')


def end_at_once(number, message):
  """Ends the process with 128 + a signal, without joining any thread."""
  print(message, file=sys.stderr, flush=True)
  with contextlib.suppress(OSError, ValueError):
    sys.stdout.flush()
  os._exit(128 + number)


class Signals(contextlib.AbstractContextManager):
  """Lets a step end before SIGTERM or SIGINT ends the run."""

  def __enter__(self):
    self._watch = Watch()
    self._watch.__enter__()
    main = threading.current_thread() is threading.main_thread()
    # The watch counts them; without a handler the system would end us.
    self._before = {
        number: signal.signal(number, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT) if main}
    return self

  def __exit__(self, *unused):
    for number, handler in self._before.items():
      signal.signal(number, handler)
    self._watch.__exit__(*unused)

  def came(self):
    """Returns bool: a signal came, to this process."""
    return bool(self._watch.received)

  def out_of_patience(self):
    """Whether a signal came, and since then no batch."""
    return self._watch.received and (
        time.monotonic() - self._watch.since > PATIENCE)

  def leave(self, folder, step, hanging=False):
    """Exits with 128 + signal, as shells count; SIGTERM from elsewhere.

    Args:
      folder: of the checkpoint.
      step: that it was saved after.
      hanging: whether a thread reads a file that never comes, which the
        interpreter would wait for.
    """
    number = self._watch.received or signal.SIGTERM
    message = (f'stopped by {signal.Signals(number).name} after step {step}, '
               f'which is saved in {folder}; the same command, without '
               '--overwrite, goes on from there')
    if hanging:
      end_at_once(number, message)
    print(message)
    raise SystemExit(128 + number)
