"""Runs the commands of `pyscripts/` in this process, as a user types them."""

import contextlib
import io
import os
import runpy
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

SMALL_NETWORK = {
    'backbone': 'resnet_small', 'head': 'pspnet', 'embedding_dim': 8,
    'num_clusters': 3, 'kmeans_iterations': 3}


def run(script, *switches, **flags):
  """Runs a command, which spares loading TensorFlow once more.

  Args:
    script: its name, without folder and extension.
    *switches: words of the command line, before the flags.
    **flags: `--name value`.

  Returns:
    The exit status, and what it wrote to the output and error streams.
  """
  path = os.path.join(ROOT, 'pyscripts', f'{script}.py')
  argv, sys.argv = sys.argv, [path, *switches, *(
      word for name, value in flags.items() for word in (f'--{name}', value))]
  sys.argv = [str(word) for word in sys.argv]
  out, err = io.StringIO(), io.StringIO()
  status = 0
  try:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
      runpy.run_path(path, run_name='__main__')
  except SystemExit as left:
    status = left.code or 0
  finally:
    sys.argv = argv
  return status, out.getvalue(), err.getvalue()


def succeed(script, *switches, **flags):
  """Runs a command that must succeed; returns what it wrote to the output."""
  status, out, err = run(script, *switches, **flags)
  assert status == 0, err
  return out


def fail(script, *switches, **flags):
  """Runs a command that must end in status 2 and one line; returns the line."""
  status, _, err = run(script, *switches, **flags)
  assert status == 2, err
  errors = [line for line in err.splitlines() if 'error' in line.lower()]
  assert len(errors) == 1 and errors[0].startswith('error: '), err
  assert err.splitlines()[-1] == errors[0] and 'Traceback' not in err
  return errors[0]
