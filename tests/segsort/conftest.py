"""What the tests of training share."""

import pytest
import small_runs

from segsort.data import image_list
from segsort.training import train_state


@pytest.fixture(name='state')
def _state(tiny_dataset, tmp_path):
  """A run at its start: (state, config, examples)."""
  config = small_runs.train_config(tiny_dataset, tmp_path / 'run')
  examples = image_list.read_list(config.data_list, config.data_dir)
  return train_state.TrainState(config), config, examples
