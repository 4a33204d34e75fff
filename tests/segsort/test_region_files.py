"""Which regions are scored, and against what."""

import numpy as np

from segsort import files
from segsort import region_files


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
