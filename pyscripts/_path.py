"""Puts the project's root on the path, so that scripts run uninstalled.

Also loads TensorFlow with the standard error stream held back: it writes lines
about absent GPUs that no setting silences. If the import fails, what it wrote
is shown.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')


def _import_tensorflow_quietly():
  """Imports tensorflow; says what to install where it is missing."""
  sys.stderr.flush()
  stderr = os.dup(2)
  with tempfile.TemporaryFile() as held_back:
    os.dup2(held_back.fileno(), 2)
    try:
      import segsort  # noqa: F401  sets what TensorFlow loads Keras with
      import tensorflow
      tensorflow.config.list_physical_devices()
    except BaseException as error:
      held_back.seek(0)
      os.write(stderr, held_back.read())
      if not isinstance(error, ModuleNotFoundError):
        raise
      mend = 'run `bash bashscripts/setup.sh`, then `source .venv/bin/activate`'
      if os.path.exists(os.path.join(sys.path[0], '.venv', 'bin', 'python')):
        mend = 'first run `source .venv/bin/activate` in the project'
      os.write(stderr, (
          f'error: the package {error.name} is missing in {sys.executable}; '
          f'{mend}\n').encode())
      sys.exit(2)
    finally:
      os.dup2(stderr, 2)
      os.close(stderr)


_import_tensorflow_quietly()
