"""What is told of masks before hours are spent on them."""

import numpy as np
import pytest

from segsort.data import class_shares
from segsort.data.dataset_flags import ClassSettings
from segsort.runs import files

CONFIG = ClassSettings(num_classes=3)


@pytest.fixture(name='write')
def _write(tmp_path):
  def write(*masks):
    paths = [str(tmp_path / f'{i}.png') for i in range(len(masks))]
    for path, mask in zip(paths, masks):
      files.write_png(path, np.uint8([mask]))
    return paths
  return write


def test_absent_classes_and_ignored_pixels_are_told(write, capsys):
  class_shares.tell(write([0, 0, 255, 2], [0, 2, 2, 255]), CONFIG)
  told = capsys.readouterr()
  assert told.out == ('2 masks: 25.0 % of the pixels are ignored, 1 of 3 '
                      'classes has no pixel: aeroplane\n')
  assert not told.err


@pytest.mark.parametrize('masks, held', (
    (([0, 255], [255, 0]), 'one class only, background, beside 50.0 %'),
    (([255, 255],), 'no class at all, beside 100.0 %')))
def test_nothing_to_tell_apart_is_a_warning(write, capsys, masks, held):
  """Objects of 255 are ignored, and then all scores are 100 %."""
  class_shares.tell(write(*masks), CONFIG)
  assert held in capsys.readouterr().err


def test_of_many_masks_a_sample_is_read(write, capsys, monkeypatch):
  monkeypatch.setattr(class_shares, 'MOST_READ', 2)
  paths = write([1, 1], [0, 0], [0, 0], [2, 2])
  class_shares.tell([paths[0], 'not read', paths[3], 'not read'], CONFIG)
  assert capsys.readouterr().out == (
      'a sample of 2 of 4 masks: 0.0 % of the pixels are ignored, 1 of 3 '
      'classes has no pixel: background\n')
