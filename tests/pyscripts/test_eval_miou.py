"""The command `eval_miou.py`, run as a user runs it."""

import pathlib
import runpy
import subprocess
import sys

import numpy as np
import pytest

from segsort.runs import files

ROOT = pathlib.Path(__file__).parents[2]


SCRIPT = ROOT / 'pyscripts/eval_miou.py'


def _run_inside(monkeypatch, *flags):
  """Runs the script in this process, which spares loading TensorFlow."""
  monkeypatch.syspath_prepend(SCRIPT.parent)
  monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *map(str, flags)])
  with pytest.raises(SystemExit) as left:
    runpy.run_path(str(SCRIPT), run_name='__main__')
  return left.value.code


@pytest.fixture(name='folders')
def _folders(tmp_path):
  # Class 0: 3 of 4 pixels in common; class 1: 1 of 2.
  files.write_png(
      tmp_path / 'gt/a.png', np.array([[0, 0, 0, 0, 1, 255]], np.uint8))
  files.write_png(
      tmp_path / 'pred/a.png', np.array([[0, 0, 0, 1, 1, 0]], np.uint8))
  return tmp_path


@pytest.mark.slow
def test_prints_the_table_from_any_folder(folders):
  done = subprocess.run(
      [sys.executable, SCRIPT, '--pred_dir', 'pred', '--gt_dir', 'gt',
       '--num_classes', '2'],
      cwd=folders, capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr
  assert done.stdout.splitlines() == [
      'class background     : 00, IOU: 75.0000%',
      'class aeroplane      : 01, IOU: 50.0000%',
      'mean IOU: 62.5000%',
      'pixel accuracy: 80.0000%',
      'mean accuracy: 87.5000%']


def test_bad_input_is_one_line_and_status_2(folders, monkeypatch, capsys):
  files.write_png(folders / 'gt/a.png', np.zeros((3, 3), np.uint8))
  status = _run_inside(
      monkeypatch, '--pred_dir', folders / 'pred', '--gt_dir', folders / 'gt')
  assert status == 2
  printed = capsys.readouterr()
  assert not printed.out
  *progress, error = printed.err.splitlines()
  assert error.startswith(f'error: {folders / "pred/a.png"} is (1, 6) pixels')
  assert all(line.startswith('scoring') or not line for line in progress)


def test_help_names_every_flag(monkeypatch, capsys):
  assert _run_inside(monkeypatch, '--help') == 0
  printed = capsys.readouterr().out
  for flag in ('pred_dir', 'gt_dir', 'dataset', 'num_classes', 'ignore_label',
               'string_replace', 'data_list', 'save_json', 'tf1_compat',
               'boundary', 'void_trimaps', 'tolerance', 'compare_dir',
               'bootstrap', 'save_csv', 'save_confusion'):
    assert f'--{flag} ' in printed
