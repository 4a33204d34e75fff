"""Ctrl-C and SIGTERM let a training finish its step and save it."""

import contextlib
import signal
import time

from segsort import agreement


class Signals(contextlib.AbstractContextManager):
  """Lets a step end before SIGTERM or SIGINT ends the run, on all workers."""

  def __init__(self, strategy):
    self._received = 0
    self._agree = agreement.make_agreement(strategy)

  def __enter__(self):
    self._before = {
        number: signal.signal(number, self._receive)
        for number in (signal.SIGTERM, signal.SIGINT)}
    return self

  def __exit__(self, *unused):
    for number, handler in self._before.items():
      signal.signal(number, handler)

  def _receive(self, number, unused_frame):
    # Asked again, and not by something that forwards one signal twice: the
    # step hangs, so leave without saving.
    if self._received and time.time() - self._since > 5:
      raise SystemExit(128 + number)
    self._received, self._since = number, time.time()

  def agree(self):
    """Returns bool: a signal came, to this process or to another worker."""
    return self._agree(bool(self._received))

  def leave(self, folder, step):
    """Exits with 128 + signal, as shells count; SIGTERM from elsewhere.

    Args:
      folder: of the checkpoint.
      step: that it was saved after.
    """
    number = self._received or signal.SIGTERM
    print(f'stopped by {signal.Signals(number).name} after step {step}, which '
          f'is saved in {folder}; the same command, without '
          '--overwrite, goes on from there')
    raise SystemExit(128 + number)
