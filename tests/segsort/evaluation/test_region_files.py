"""Which regions are scored, and against what."""

import numpy as np
import pytest

from segsort.errors import InputError
from segsort.evaluation import region_files
from segsort.runs import files


def test_regions_and_their_truths_lie_in_the_same_folders(tmp_path):
  for folder in ('elsewhere/a', 'pred/b', 'gt/b', 'gt/x'):
    files.write_png(tmp_path / folder / 'a.png', np.zeros((2, 2), np.uint8))
  (tmp_path / 'pred/x').symlink_to(tmp_path / 'elsewhere/a')
  pred_dir, gt_dir = str(tmp_path / 'pred'), str(tmp_path / 'gt')
  paths, are_maps = region_files.find_regions(pred_dir)
  assert not are_maps
  assert paths == [f'{pred_dir}/b/a.png', f'{pred_dir}/x/a.png']
  truths = [region_files.find_truth(gt_dir, path, pred_dir) for path in paths]
  assert truths == [f'{gt_dir}/b/a.png', f'{gt_dir}/x/a.png']


def test_contour_maps_on_another_scale_than_thresholds(tmp_path):
  path = str(tmp_path / 'a.npz')
  np.savez(path, ucm2=np.resize(np.uint8([0, 1]), (3, 3)))
  assert len(region_files.read_segmentations(path, [.5])) == 1
  for strengths in (np.uint8([0, 255]), [-.1, 0], [0, np.nan]):
    np.savez(path, ucm2=np.resize(strengths, (3, 3)))
    with pytest.raises(InputError, match='they must be 0 to 1'):
      region_files.read_segmentations(path, [.5])
