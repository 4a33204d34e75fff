"""Two predictions with their truths, as tests of the evaluation want them."""

import numpy as np
import pytest

from segsort.data import reading
from segsort.errors import InputError
from segsort.evaluation import evaluation
from segsort.evaluation import evaluation_flags
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.runs import files

NAMES = 'a.png', 'sub/b.png'


def write(folder):
  """Writes FOLDER/{gt,pred}/NAME, of three classes; returns the folder."""
  rng = np.random.default_rng(0)
  for name in NAMES:
    truth = rng.choice([0, 1, 2, 255], (12, 17)).astype(np.uint8)
    guesses = rng.integers(0, 3, (12, 17), np.uint8)
    files.write_png(folder / 'gt' / name, truth)
    files.write_png(folder / 'pred' / name, guesses)
  return folder


def config(folder, **settings):
  """An EvaluateConfig of the two folders."""
  return evaluation_flags.EvaluateConfig(**{
      'pred_dir': str(folder / 'pred'), 'gt_dir': str(folder / 'gt'),
      'num_classes': 3, **settings})


def count(folder, names=NAMES):
  """The ConfusionMatrix of some of the pairs."""
  matrix = ConfusionMatrix(3)
  for name in names:
    matrix.update(reading.read_mask(folder / 'gt' / name),
                  reading.read_mask(folder / 'pred' / name))
  return matrix


def fail(folder, **settings):
  """The one line of the InputError that scoring the folder raises."""
  with pytest.raises(InputError) as raised:
    evaluation.evaluate_folders(config(folder, **settings))
  message = str(raised.value)
  assert '\n' not in message
  return message
