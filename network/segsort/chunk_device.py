"""The device that chunks are cut for: its cache, or its thousands of cores."""

import contextlib

import tensorflow as tf

_chosen = []


def current():
  """Returns 'CPU' or 'GPU': this process's, or that of `cut_for`."""
  if _chosen:
    return _chosen[-1]
  return 'GPU' if tf.config.list_logical_devices('GPU') else 'CPU'


@contextlib.contextmanager
def cut_for(device):
  """Graphs traced within are for 'CPU' or 'GPU', wherever they are traced."""
  _chosen.append(device)
  try:
    yield
  finally:
    _chosen.pop()
