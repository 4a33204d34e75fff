"""Paths, quiet TensorFlow and what many tests need."""

import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# All but the first two for what several tests share, such as their twins.
for folder in ('', 'pyscripts', 'tests', 'tests/network', 'tests/segsort',
               'tests/pyscripts'):
  folder = os.path.join(ROOT, folder).rstrip('/')
  if folder not in sys.path:
    sys.path.insert(0, folder)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from segsort import files  # noqa: E402


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
