"""Networks in .keras files, and the classes of a user's own that they need."""

import functools
import importlib.util
import os
import re

import keras

from segsort.errors import InputError, first_line

# What Keras raises of a file that it cannot load, a Lambda included.
LOAD_ERRORS = (OSError, ValueError, TypeError, KeyError, AttributeError,
               ImportError, RuntimeError)


def load(path, module=''):
  """Loads a network from images to maps from a .keras file, in safe mode.

  Args:
    path: of the file.
    module: a Python file of a user's own that registers its layers, or ''.

  Raises:
    InputError: it is not there, damaged, holds code (a Lambda) or layers that
      are not registered, or has not one input of three channels.
  """
  if not os.path.isfile(path):
    raise InputError(
        f'no file {path}, the network of --backbone; bring it back, or name '
        'its place with --backbone')
  if module:
    register_layers(os.path.realpath(module))
  try:
    source = keras.saving.load_model(path, compile=False, safe_mode=True)
  except LOAD_ERRORS as error:
    raise InputError(
        f'cannot load the network {path}: {_why(error, module)}') from error
  inputs = getattr(source, 'inputs', None) or []
  if len(inputs) != 1 or len(inputs[0].shape) != 4 or (
      inputs[0].shape[-1] != 3):
    raise InputError(
        f'the network {path} does not go from one picture of three channels '
        'through a graph of layers; give --backbone a functional or sequential '
        'model')
  return source


def _why(error, module):
  """What is wrong with a file that Keras cannot load, and what to do."""
  if 'ambda' in str(error):
    return ('it holds a Lambda, which is code and not run; give --backbone a '
            '.keras file of layers that Keras knows')
  unknown = re.search(r"Could not locate \w+ '([^']+)'", str(error))
  if unknown:
    name = unknown.group(1)
    if module:
      return (f'{module} does not register its class {name}; put '
              "@keras.saving.register_keras_serializable(package='...') above "
              'it, as where the file was saved')
    return (f'Keras does not know its class {name}; give --backbone_module '
            'FILE.py, which registers it')
  return (f'{first_line(error)}; give --backbone a .keras file of layers that '
          'Keras knows')


@functools.cache  # a class that is registered twice is another one
def register_layers(path):
  """Runs a Python file of a user's own, which registers layers of Keras.

  Raises:
    InputError: it is not there, or fails.
  """
  if not os.path.isfile(path):
    raise InputError(f'no file {path}; mend --backbone_module')
  name = os.path.splitext(os.path.basename(path))[0]
  try:
    spec = importlib.util.spec_from_file_location(f'backbone_{name}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
  except Exception as error:  # code of a user's own may raise anything
    raise InputError(
        f'--backbone_module {path}: {type(error).__name__}: '
        f'{first_line(error)}') from error
  return module
