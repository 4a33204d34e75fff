"""Scoring folders of masks: pairing, reports, files and bad input."""

import json
import shutil

import mask_folders
from mask_folders import config as _config, count as _expected
from mask_folders import fail as _fails
import numpy as np
import pytest

from segsort.checkpoints import checkpoint
from segsort.data import dataset_info
from segsort.data import reading
from segsort.evaluation import evaluation
from segsort.runs import files


@pytest.fixture(name='folders')
def _folders(tmp_path):
  return mask_folders.write(tmp_path)


def test_folders_are_summed_over_subfolders(folders, capsys):
  matrix = evaluation.evaluate_folders(_config(folders))
  expected = _expected(folders)
  np.testing.assert_array_equal(matrix.counts, expected.counts)
  iou = expected.iou() * 100
  assert capsys.readouterr().out.splitlines() == [
      f'class background     : 00, IOU: {iou[0]:.4f}%',
      f'class aeroplane      : 01, IOU: {iou[1]:.4f}%',
      f'class bicycle        : 02, IOU: {iou[2]:.4f}%',
      f'mean IOU: {iou.mean():.4f}%',
      f'pixel accuracy: {100 * expected.pixel_accuracy():.4f}%',
      f'mean accuracy: {100 * expected.mean_accuracy():.4f}%']


def test_palette_masks_are_read_as_ids(folders):
  palette = dataset_info.voc_palette()
  for folder in ('gt', 'pred'):
    path = folders / folder / 'a.png'
    files.write_png(path, reading.read_mask(path).astype(np.uint8), palette)
  expected = _expected(folders)
  matrix = evaluation.evaluate_folders(_config(folders))
  np.testing.assert_array_equal(matrix.counts, expected.counts)


def test_scores_of_one_class_come_with_a_warning(folders, capsys):
  evaluation.evaluate_folders(_config(folders))
  assert 'warning' not in capsys.readouterr().err
  for name in mask_folders.NAMES:
    truth = reading.read_labels(folders / 'gt' / name)
    files.write_png(folders / 'gt' / name, np.where(truth, 255, 0).astype('u1'))
  evaluation.evaluate_folders(_config(folders))
  assert 'no more than one class beside the ignore label 255' in (
      capsys.readouterr().err)


def test_only_predicted_images_are_scored(folders):
  (folders / 'pred/sub/b.png').unlink()
  matrix = evaluation.evaluate_folders(_config(folders))
  np.testing.assert_array_equal(
      matrix.counts, _expected(folders, ['a.png']).counts)


def test_other_files_are_not_predictions(folders):
  (folders / 'pred/notes.txt').write_text('no mask')
  (folders / 'pred/._a.png').write_text('a trace of a file manager')
  matrix = evaluation.evaluate_folders(_config(folders))
  np.testing.assert_array_equal(matrix.counts, _expected(folders).counts)


def test_string_replace_maps_relative_paths(folders):
  expected = _expected(folders)
  (folders / 'pred/a.png').rename(folders / 'pred/a_pred.png')
  (folders / 'pred/sub').rename(folders / 'pred/guess_pred')
  (folders / 'gt/sub').rename(folders / 'gt/guess')
  matrix = evaluation.evaluate_folders(
      _config(folders, string_replace='_pred,'))
  np.testing.assert_array_equal(matrix.counts, expected.counts)


def test_absent_classes_and_strange_predictions_are_named(tmp_path, capsys):
  files.write_png(tmp_path / 'gt/a.png', np.array([[0, 0, 0, 255]], np.uint8))
  files.write_png(tmp_path / 'pred/a.png', np.array([[0, 0, 9, 9]], np.uint8))
  evaluation.evaluate_folders(_config(tmp_path, dataset='camvid'))
  assert capsys.readouterr().out.splitlines() == [
      'class Sky            : 00, IOU: 66.6667%',
      'class Building       : 01, IOU: absent',
      'class Pole           : 02, IOU: absent',
      'absent, so left out of the mean: Building, Pole',
      'pixels predicted as none of the classes, which count as wrong: 1',
      'mean IOU: 66.6667%',
      'pixel accuracy: 66.6667%',
      'mean accuracy: 66.6667%']


def test_scores_are_saved(folders):
  path = folders / 'scores.json'
  evaluation.evaluate_folders(
      _config(folders, save_json=str(path), num_classes=4))
  scores = json.loads(path.read_text())
  expected = _expected(folders)
  assert scores['num_predictions'] == 2
  assert scores['mean_iou'] == pytest.approx(expected.mean_iou())
  assert scores['pixel_accuracy'] == pytest.approx(expected.pixel_accuracy())
  assert scores['mean_accuracy'] == pytest.approx(expected.mean_accuracy())
  assert scores['iou']['aeroplane'] == pytest.approx(expected.iou()[1])
  assert scores['iou']['bird'] is None
  assert scores['absent'] == ['bird']
  assert np.array(scores['confusion_matrix'])[:3, :3].tolist() == (
      expected.counts.tolist())
  assert scores['predicted_as_no_class'] == [0, 0, 0, 0]


def test_all_listed_images_predicted(folders):
  lines = '/x/a.jpg /y/a.png\n\n/x/b.jpg /y/b.png\n'
  (folders / 'val.txt').write_text(lines)
  evaluation.evaluate_folders(
      _config(folders, data_list=str(folders / 'val.txt')))


def test_listed_image_may_be_found_by_its_truth(folders):
  (folders / 'pred/a.png').rename(folders / 'pred/a_pred.png')
  (folders / 'val.txt').write_text('/x/a.jpg /y/a.png')
  evaluation.evaluate_folders(_config(
      folders, data_list=str(folders / 'val.txt'), string_replace='_pred,'))


def test_predictions_beside_the_list_do_not_count(folders, capsys):
  (folders / 'val.txt').write_text('/x/a.jpg\n')
  matrix = evaluation.evaluate_folders(
      _config(folders, data_list=str(folders / 'val.txt')))
  assert 'are not of images in' in capsys.readouterr().err
  for path in (folders / 'pred').rglob('*.png'):
    if path.stem != 'a':
      path.unlink()
  alone = evaluation.evaluate_folders(_config(folders))
  np.testing.assert_array_equal(matrix.counts, alone.counts)


def test_listed_images_without_prediction(folders):
  path = folders / 'val.txt'
  path.write_text('x/a.jpg y/a.png\nx/c.jpg y/c.png\nx/d.jpg y/d.png\n')
  message = _fails(folders, data_list=str(path))
  assert message.startswith('2 of 3 images of')
  assert f'the first c ({path}:2);' in message


def test_missing_list(folders):
  assert 'cannot read the list' in _fails(folders, data_list='no/such.txt')


def test_missing_truths_are_counted_and_the_first_named(folders):
  (folders / 'gt/a.png').unlink()
  (folders / 'gt/sub/b.png').unlink()
  message = _fails(folders)
  assert message.startswith('2 of 2 predictions in')
  assert f'the first {folders / "gt/a.png"};' in message


@pytest.mark.parametrize('folder', ['pred', 'nowhere'])
def test_no_predictions(tmp_path, folder):
  (tmp_path / 'pred').mkdir()
  message = _fails(tmp_path, pred_dir=str(tmp_path / folder))
  assert message.startswith(f'no predicted PNG in {tmp_path / folder};')


def test_other_size_names_both_files(folders):
  files.write_png(folders / 'pred/a.png', np.zeros((17, 12), np.uint8))
  message = _fails(folders)
  assert f'{folders / "pred/a.png"} is (17, 12) pixels' in message
  assert f'{folders / "gt/a.png"} is (12, 17)' in message


@pytest.mark.parametrize('folder', ['pred', 'gt'])
def test_unreadable_mask_is_named(folders, folder):
  path = folders / folder / 'a.png'
  path.write_bytes(path.read_bytes()[:60])
  assert f'cannot decode the mask {path}' in _fails(folders)


def test_colour_prediction_is_refused(folders):
  files.write_png(folders / 'pred/a.png', np.zeros((12, 17, 3), np.uint8))
  assert 'is a colour picture' in _fails(folders)


def test_true_label_of_no_class_is_named(folders):
  message = _fails(folders, num_classes=2)
  assert message.startswith(f'{folders / "gt/a.png"} holds the label 2,')


def test_everything_ignored(folders):
  for name in ('a.png', 'sub/b.png'):
    files.write_png(folders / 'gt' / name, np.full((12, 17), 255, np.uint8))
  assert _fails(folders).startswith('nothing to score: the 2 true masks')


@pytest.mark.parametrize('text', ['_pred', ',_gt'])
def test_string_replace_needs_two_parts(folders, text):
  assert f'--string_replace is {text!r}' in _fails(
      folders, string_replace=text)


def test_predictions_of_an_earlier_checkpoint_come_with_a_warning(
    folders, capsys):
  def told():
    evaluation.evaluate_folders(_config(folders))
    return 'with an earlier checkpoint than ' in capsys.readouterr().err

  network = folders / 'run'
  files.write_text(network / 'model.ckpt-5.index', 'checksums')
  files.write_json(folders / 'config.json', {
      'stage': 'InferenceConfig', 'settings': {'restore_from': str(network)},
      'inputs': {'restore_from': checkpoint.digest(str(network))}})
  assert not told()
  files.write_text(network / 'model.ckpt-9.index', 'other checksums')
  assert told()
  shutil.rmtree(network)
  assert not told()
