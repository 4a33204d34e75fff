"""What a user can put right: one exception, one warning, one line each."""

import sys

import tqdm


class InputError(Exception):
  """A wrong path, list line, size, mask, flag, checkpoint or file.

  The message is one line that says what is wrong, where, and how to mend it.
  The scripts print it without a traceback and exit with status 2.
  """


def warn(message):
  """Writes one warning line to the error stream, between progress bars."""
  tqdm.tqdm.write(f'warning: {message}', file=sys.stderr)


def first_line(error):
  """Returns what an OSError or an error of TensorFlow says, as one line.

  TensorFlow puts the operation before what happened, and more lines after.
  """
  told = getattr(error, 'message', None) or str(error) or repr(error)
  return told.splitlines()[0].rpartition('}} ')[-1]
