"""The device that chunks are cut for: its cache, or its thousands of cores."""

import tensorflow as tf

_chosen = []


def current():
  """Returns 'CPU' or 'GPU': this process's, or that of a `cut_for`."""
  if _chosen:
    return _chosen[-1]
  return 'GPU' if tf.config.list_logical_devices('GPU') else 'CPU'


class cut_for:  # pylint: disable=invalid-name  # used as a function
  """Graphs traced within are for a device, wherever they are traced."""

  def __init__(self, device):
    """Takes 'CPU' or 'GPU'."""
    self._device = device

  def __enter__(self):
    _chosen.append(self._device)

  def __exit__(self, *unused_error):
    _chosen.pop()
