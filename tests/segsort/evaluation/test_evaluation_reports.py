"""What the evaluation writes beside IoU: boundaries, files, comparisons."""

import json

import mask_folders
from mask_folders import config as _config, count as _expected
from mask_folders import fail as _fails
import numpy as np
import pytest

from segsort.data import reading
from segsort.evaluation import class_boundaries
from segsort.evaluation import evaluation
from segsort.evaluation import void_band
from segsort.runs import files


@pytest.fixture(name='folders')
def _folders(tmp_path):
  return mask_folders.write(tmp_path)


def test_boundaries_are_printed_and_saved(folders, capsys):
  path = folders / 'scores.json'
  evaluation.evaluate_folders(_config(
      folders, boundary=True, tolerance=.05, void_trimaps=True,
      save_json=str(path)))
  printed = capsys.readouterr().out
  scores = json.loads(path.read_text())
  assert f'mean boundary F: {100 * scores["mean_boundary_f"]:.4f}%' in printed
  per_image = []
  for name in ('a.png', 'sub/b.png'):
    truth, guesses = (
        void_band.fill(reading.read_mask(folders / folder / name), 255)
        for folder in ('gt', 'pred'))
    per_image.append(class_boundaries.boundary_f(
        truth, guesses, truth != 255, 3, .05))
  assert scores['mean_boundary_f'] == pytest.approx(np.mean(per_image))
  assert scores['boundary_f']['bicycle'] == pytest.approx(
      np.mean(per_image, 0)[2])
  assert 0 < scores['mean_boundary_iou'] < 1
  assert set(scores['boundary_iou']) == set(scores['iou'])
  assert scores['boundary_tolerance'] == .05
  assert scores['boundary_width'] == .02
  assert scores['void_trimaps'] is True  # whose widest holds all that is known
  assert scores['trimap_mean_iou']['16'] == pytest.approx(scores['mean_iou'])


def test_identical_masks_score_100(folders, capsys):
  evaluation.evaluate_folders(_config(
      folders, pred_dir=str(folders / 'gt'), boundary=True))
  lines = capsys.readouterr().out.splitlines()
  assert {line.split(': ')[1] for line in lines if line.startswith('mean')} == {
      '100.0000%'}
  assert lines.count('mean boundary F: 100.0000%') == 1


def test_scores_of_each_image_are_saved(folders):
  path = folders / 'scores.csv'
  evaluation.evaluate_folders(_config(folders, save_csv=str(path)))
  heading, *rows = path.read_text().splitlines()
  assert heading == 'image,pixel_accuracy,mean_iou'
  for row, name in zip(rows, ('a.png', 'sub/b.png'), strict=True):
    expected = _expected(folders, [name])
    assert row == (f'{name},{expected.pixel_accuracy():.6f},'
                   f'{expected.mean_iou():.6f}')


def test_confusion_matrix_is_drawn_and_saved(folders):
  path = folders / 'new/confusion.png'
  evaluation.evaluate_folders(_config(folders, save_confusion=str(path)))
  assert reading.read_image(path).shape[2] == 3
  table = json.loads((folders / 'new/confusion.json').read_text())
  assert table['counts'] == _expected(folders).counts.tolist()
  assert table['classes'] == ['background', 'aeroplane', 'bicycle']


def test_another_folder_is_compared(folders, capsys):
  path = folders / 'scores.json'
  for name in ('a.png', 'sub/b.png'):
    files.write_png(folders / 'other' / name, np.zeros((12, 17), np.uint8))
  evaluation.evaluate_folders(_config(
      folders, pred_dir=str(folders / 'gt'), boundary=True, bootstrap=30,
      compare_dir=str(folders / 'other'), save_json=str(path)))
  printed = capsys.readouterr().out.splitlines()
  assert printed[-3] == (
      f'against {folders / "other"}, with 95% intervals from 30 resamples of 2 '
      'images:')
  assert printed[-2].startswith('difference in mean IOU: 100.0000% - ')
  assert printed[-1].startswith(
      'difference in boundary F: 100.0000% - 0.0000% = +100.0000, '
      'from +100.0000 to +100.0000')
  found = json.loads(path.read_text())['comparison']
  assert found['pred_dir'] == str(folders / 'other')
  assert found['boundary_f']['difference'] == 1
  assert found['mean_iou']['low'] <= found['mean_iou']['difference']


def test_images_missing_from_the_other_folder(folders):
  files.write_png(folders / 'other/a.png', np.zeros((12, 17), np.uint8))
  message = _fails(folders, compare_dir=str(folders / 'other'))
  assert message.startswith('1 of 2 predictions in')
  assert f'the first {folders / "other/sub/b.png"};' in message


def test_files_that_cannot_be_written(folders):
  (folders / 'taken').write_text('')
  for flag, name in (('save_csv', 'x.csv'), ('save_confusion', 'x.png')):
    path = folders / 'taken' / name
    assert f'cannot write {path}' in _fails(folders, **{flag: str(path)})
