"""Progress of a loop: a bar in a terminal, a line now and then elsewhere."""

import sys

import tqdm

INTERVAL = 30.  # seconds between two lines
_LINE = ('{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, '
         '{rate_fmt}{postfix}]')


def track(iterable, desc, unit='it', total=None, initial=0):
  """Iterates, and tells the error stream how far it is.

  A file, as Slurm, nohup and CI make one of that stream, gets a line at the
  start, one every INTERVAL seconds and one at the end.

  Args:
    iterable: what to iterate over.
    desc: what is done.
    unit: of what is counted.
    total: how many there are with those done before; None: as many as
      `iterable` says that it has, if it does.
    initial: how many were done before.

  Returns:
    A `tqdm.tqdm`; its `set_postfix(..., refresh=False)` shows numbers beside
    the rate, from the next line or redrawing on.
  """
  if total is None and hasattr(iterable, '__len__'):
    total = len(iterable)
  return tqdm.tqdm(iterable, desc=desc, unit=unit, total=total, initial=initial,
                   **_settings(sys.stderr, total))


def _settings(stream, total):
  """What differs from a bar of tqdm, where `stream` is no terminal."""
  if stream is None:  # pythonw has no error stream
    return {'disable': True}
  if _is_terminal(stream):
    return {}
  return {
      'file': _Lines(stream), 'mininterval': INTERVAL,
      'miniters': 1,  # else tqdm guesses how many steps fill the interval
      'position': 0,  # lines have no place below another bar
      # Without a total, what remains would be 0 seconds; tqdm leaves it out.
      'bar_format': None if total is None else _LINE}


def _is_terminal(stream):
  try:
    return stream.isatty()
  except (AttributeError, ValueError):  # a bare writer; a closed file
    return False


class _Lines:
  """What tqdm draws, as lines of a stream, without carriage returns.

  None comes twice, be it at the end or anew after a warning.
  """

  def __init__(self, stream):
    self._stream = stream
    self._counted = None

  def write(self, text):
    """Writes a line, unless it is empty or counts what the last one did."""
    line = text.strip()
    counted = line.rpartition(' [')[0]  # times and rates always differ
    if line and counted != self._counted:
      self._counted = counted
      self._stream.write(f'{line}\n')

  def flush(self):
    """Passes on what the stream holds back."""
    getattr(self._stream, 'flush', lambda: None)()
