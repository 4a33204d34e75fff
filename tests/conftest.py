"""Paths, quiet TensorFlow and what many tests need."""

import dataclasses
import os
import sys
from unittest import mock

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# All but the first two for what several tests share, such as their twins.
for folder in ('', 'pyscripts', 'tests', 'tests/network', 'tests/segsort',
               'tests/pyscripts'):
  folder = os.path.join(ROOT, folder).rstrip('/')
  if folder not in sys.path:
    sys.path.insert(0, folder)

import needs  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from network import resnet  # noqa: E402
from segsort.runs import files  # noqa: E402


# TensorFlow asks the processor whether oneDNN has kernels of half precision; of
# an instruction set that is capped below it has none, and the process crashes.
CAPPED = os.environ.get('ONEDNN_MAX_CPU_ISA') in ('SSE41', 'AVX', 'AVX2')


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config, items):
  """Marks tests, and puts the longest first: no worker shall end with one."""
  if CAPPED:
    half = [item for item in items
            if item.get_closest_marker('half_precision')]
    config.hook.pytest_deselected(items=half)
    items[:] = [item for item in items if item not in half]
  for item in items:
    if item.get_closest_marker('processes'):
      item.add_marker('slow')
    if hasattr(item.module, 'closeness'):
      item.add_marker('numeric')
  # Of the modules with slow tests the last ones, replicas and the golden check,
  # take longest.
  paths = list(dict.fromkeys(item.path for item in items))
  slow = {item.path for item in items if item.get_closest_marker('slow')}
  items.sort(key=lambda item: (  # in a module they stay in their order
      -paths.index(item.path) if item.path in slow else 1))


def pytest_terminal_summary(terminalreporter):
  """Names the tests that were skipped without a need."""
  for line in needs.unknown_skips(terminalreporter.stats.get('skipped', [])):
    terminalreporter.write_line(f'FAILED, skipped without a need: {line}')


def pytest_sessionfinish(session):
  """Fails a run that has skipped what could have run."""
  reporter = session.config.pluginmanager.get_plugin('terminalreporter')
  if reporter and needs.unknown_skips(reporter.stats.get('skipped', [])):
    session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True, scope='session')
def whole_network():
  """Makes the small backbone of runs in this process a stem and one unit.

  Its depth is tested in tests/network and by the scripts in processes of their
  own; here it would only be built and traced, some seconds a run.

  Yields what the backbone is elsewhere, a `resnet.Architecture`.
  """
  whole = resnet.ARCHITECTURES['resnet_small']
  shallow = dataclasses.replace(whole, num_units=(1, 0, 0, 0))
  with mock.patch.dict(resnet.ARCHITECTURES, resnet_small=shallow):
    yield whole


@pytest.fixture(scope='module')
def deep_network(whole_network):
  """Leaves the backbone as it is: other processes share what a module makes."""
  with mock.patch.dict(resnet.ARCHITECTURES, resnet_small=whole_network):
    yield


@pytest.fixture
def root():
  """The project's root folder."""
  return ROOT


@pytest.fixture
def rng():
  """Random numbers, the same every run."""
  return np.random.default_rng(0)


@pytest.fixture
def tiny_dataset(tmp_path, rng):
  """Four pictures, portrait and landscape, of two classes and ignored pixels.

  Returns (data_dir, data_list): class 1 is a bright textured square.
  """
  lines = []
  for i, (height, width) in enumerate([(40, 56), (56, 40), (33, 47), (48, 48)]):
    image = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[8:28, 10 + i:30 + i] = 1
    image[mask == 1] += 120
    mask[:2] = 255
    files.write_png(str(tmp_path / f'JPEGImages/im{i}.png'), image)
    files.write_png(str(tmp_path / f'segcls/im{i}.png'), mask)
    regions = (np.arange(height)[:, None] // 12) * 8 + np.arange(width) // 12
    files.write_png(str(tmp_path / f'hed/im{i}.png'), regions.astype(np.uint8))
    lines.append(f'/JPEGImages/im{i}.png /segcls/im{i}.png')
  data_list = tmp_path / 'list.txt'
  data_list.write_text('\n'.join(lines))
  return str(tmp_path), str(data_list)
