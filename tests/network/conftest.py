"""The networks as they are, which most other tests make shallow."""

import pytest


@pytest.fixture(autouse=True, scope='module')
def _deep(deep_network):
  pass
