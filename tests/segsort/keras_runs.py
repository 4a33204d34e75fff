"""Small runs with networks of Keras: their data, and going on with them."""

import os
import shutil

import closeness
import numpy as np

from segsort.checkpoints import checkpoint
from segsort.runs import files


def write_pictures(folder, *sizes):
  """Writes two pictures of two classes; returns (data_dir, data_list)."""
  rng = np.random.default_rng(0)
  for name, size in zip('ab', sizes or ((40, 56),) * 2):
    image = rng.integers(0, 90, (*size, 3), np.uint8)
    mask = np.zeros(size, np.uint8)
    mask[8:28, 10:30] = 1
    image[mask == 1] += 120
    files.write_png(str(folder / f'{name}.png'), image)
    files.write_png(str(folder / f'{name}_mask.png'), mask)
  (folder / 'list.txt').write_text('a.png a_mask.png\nb.png b_mask.png')
  return str(folder), str(folder / 'list.txt')


def stopped(run, folder):
  """A copy of a run of two steps that ended after the first one."""
  shutil.copytree(run, folder)
  for name in os.listdir(folder):
    if name.startswith('model.ckpt-2'):
      os.remove(folder / name)
  return folder


def moved_alike(run, other):
  """Asserts that two runs end alike; returns what the second step moved."""
  start, whole = (checkpoint.load(checkpoint.checkpoint_path(str(run), step))
                  for step in (1, 2))
  resumed = checkpoint.load(checkpoint.checkpoint_path(str(other), 2))
  assert whole.keys() == resumed.keys()
  for name, value in whole.items():
    closeness.assert_close(resumed[name], value, what=name)
  return [name for name in start if np.any(start[name] != whole[name])]
