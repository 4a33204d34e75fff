"""The golden check passes on the release's numbers, and fails on others."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import needs
import numpy as np
import pytest

from segsort.data import reading

ROOT = pathlib.Path(__file__).parents[1]
FILES = {
    'c1': ['c1_common_utils.npz'], 'c2': ['c2_segsort_loss.npz'],
    'c3': ['c3_unsup_loss.npz'], 'c4': ['c4_eval_utils.npz'],
    'c5': ['c5_pca.npz'], 'c9': ['c9'], 'c10': ['c10', 'c10_reader.npz'],
    'map': ['colormap_uint8.npy'], 'c11': ['c11_affinity.npz']}

@pytest.fixture(scope='module', name='check_golden')
def _check_golden():
  """The program as a module; its folder stays out of other tests' way."""
  sys.path.insert(0, str(ROOT / 'tests'))
  import check_golden
  yield check_golden
  sys.path.remove(str(ROOT / 'tests'))


@pytest.fixture(name='copy')
def _copy(tmp_path):
  """Copies the golden files of a case."""
  def copy(case):
    golden = needs.shared('golden_affinity' if case == 'c11' else 'golden')
    for name in FILES[case]:
      source = golden / name
      if source.is_dir():
        shutil.copytree(source, tmp_path / name)
      else:
        shutil.copy(source, tmp_path / name)
    for path in tmp_path.rglob('*'):
      path.chmod(0o755)
    return tmp_path
  return copy


def _run(check_golden, capsys, folder, *cases):
  """Exit status, the rows that failed, and the last line."""
  flags = [word for case in cases for word in ('--case', case)]
  status = check_golden.main([str(folder), *flags])
  lines = capsys.readouterr().out.splitlines()
  return status, [line for line in lines if 'FAIL' in line], lines[-1]


@pytest.mark.slow
def test_the_whole_folder_passes():
  process = subprocess.run(
      [sys.executable, str(ROOT / 'tests/check_golden.py'),
       str(needs.shared('golden'))],
      capture_output=True, text=True, timeout=1200)
  rows = process.stdout.splitlines()
  failed = [row for row in rows if 'FAIL' in row]
  assert process.returncode == 0, failed or process.stderr[-2000:]
  passed = int(re.fullmatch(r'(\d+) passed, 0 failed', rows[-1]).group(1))
  assert passed == sum(row.endswith(' ok') or ' ok  ' in row for row in rows)
  assert passed > 1000
  assert {row.split()[0] for row in rows if row.endswith(' ok')} == {
      'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c7b', 'c8', 'c9', 'c10',
      'map'}


def test_the_folder_of_the_affinity_losses_passes(check_golden, capsys):
  """Alone, and with the other files but for those that are missing there."""
  status, failed, last = _run(
      check_golden, capsys, needs.shared('golden_affinity'))
  assert status == 0 and not failed
  assert last == '36 passed, 0 failed'


def _change(array, seed):
  """Changes one number by a little: 1 of integers, 1 % or so of others."""
  values = np.array(array).reshape(-1)
  index = np.random.default_rng(seed).integers(values.size)
  if array.dtype.kind in 'iu':
    values[index] += 1
  else:
    values[index] += .01 * abs(values[index]) + .001 * np.abs(values).max()
  return values.reshape(array.shape)


def _rewrite(path, change):
  """Changes one array of an npz file."""
  with np.load(path) as file:
    arrays = dict(file)
  change(arrays)
  np.savez(path, **arrays)


# An output of each kind; integers and floats, single and many.
@pytest.mark.parametrize('case, key', [
    ('c1', 'prototypes_2d.out_auto'), ('c1', 'nearest_nan.out'),
    ('c1', 'kmwl_empty.out_it10'), ('c1', 'kmeans_b.min_margin'),
    ('c1', 'loc_np.7x5'), ('c1', 'init_labels.7x5_3x4'),
    ('c1', 'proto_labels.protolabels_off64'),
    ('c2', 'nobank_b.grad'), ('c2', 'conc6.5_n3_it4.loss'),
    ('c2', 'edge_empty_first_last.min_margin'),
    ('c2', 'seq_a.shipped.step2.loss'), ('c2', 'seq_b.step3.num_prototypes'),
    ('c2', 'seq_b.rotated.step1.memory_labels_after'),
    ('c3', 'b.loss'), ('c3', 'a.grad'),
    ('c4', 'extract.pan_div256.features'),
    ('c4', 'extract.sem_div256.semantic_labels'),
    ('c4', 'predict_k15.instance'), ('c4', 'predict_all.panoptic'),
    ('c4', 'predict_all.min_margin'), ('c4', 'oracle.predict_out'),
    ('c4', 'oracle_region.prototypes'),
    ('c11', 'a.affinity'), ('c11', 'b.aaf_parts'), ('c11', 'b.aaf_grad'),
    ('c11', 'c.affinity_grad'), ('c11', 'a.aaf_edge_w_grad'),
    ('c11', 'b.aaf_counts'), ('c11', 'a.num_edge'),
    ('c5', 'principal_components3'), ('c5', 'pca5'),
    ('c10', 'scale_0.730.label4'), ('c10', 'mirror_0.49.img'),
    ('c10', 'reader_train_b_unsup.cluster_label'),
    ('c10', 'reader_infer_96.loc_feature'), ('c10', 'bilinear.legacy_3x3'),
    ('c10', 'reader_train_c.height')])
def test_a_changed_number_fails(check_golden, capsys, copy, case, key):
  folder = copy(case)

  def change(arrays):
    arrays[key] = _change(np.nan_to_num(arrays[key]), seed=len(key))

  _rewrite(folder / FILES[case][-1], change)
  status, failed, last = _run(check_golden, capsys, folder, case)
  assert status == 1 and any(key in row for row in failed)
  assert last.endswith(f' passed, {len(failed)} failed')


@pytest.mark.parametrize('key', (
    'tp', 'tp_fp', 'iou_percent', 'mean_iou_percent', 'stdout_10',
    'confusion_matrix_21', 'accuracy', 'mean_pixel_acc_fraction'))
def test_a_changed_score_fails(check_golden, capsys, copy, key):
  folder = copy('c9')
  path = folder / 'c9/expected.json'
  golden = json.loads(path.read_text())
  if key.startswith('stdout'):
    golden[key][3] = golden[key][3].replace('.', '1.')
  elif isinstance(golden[key], list):
    golden[key] = _change(np.array(golden[key]), 4).tolist()
  else:
    golden[key] *= 1 + 1e-9
  path.write_text(json.dumps(golden))
  status, failed, _ = _run(check_golden, capsys, folder, 'c9')
  assert status == 1 and len(failed) == 1 and key in failed[0]


def test_a_changed_pixel_of_a_prediction_fails(check_golden, capsys, copy):
  from segsort.runs import files
  folder = copy('c9')
  path = str(folder / 'c9/pred/a.png')
  mask = reading.read_mask(path)
  truth = reading.read_mask(str(folder / 'c9/gt/a.png'))
  y, x = np.argwhere(truth != 255)[0]
  mask[y, x] = (mask[y, x] + 1) % 20
  files.write_png(path, mask.astype(np.uint8))
  assert _run(check_golden, capsys, folder, 'c9')[0] == 1


def test_a_changed_colour_fails(check_golden, capsys, copy):
  folder = copy('map')
  path = folder / 'colormap_uint8.npy'
  np.save(path, _change(np.load(path), 2))
  assert _run(check_golden, capsys, folder, 'map')[0] == 1


def test_a_number_that_is_none_fails(check_golden, capsys, copy):
  folder = copy('c3')

  def change(arrays):
    arrays['a.loss'] = np.float32(np.nan)

  _rewrite(folder / 'c3_unsup_loss.npz', change)
  status, failed, _ = _run(check_golden, capsys, folder, 'c3')
  assert status == 1 and len(failed) == 1 and 'a.loss' in failed[0]


def test_keys_added_and_missing_fail(check_golden, capsys, copy):
  folder = copy('c3')

  def change(arrays):
    arrays['a.temperature'] = np.float32(1)
    del arrays['b.grad']

  _rewrite(folder / 'c3_unsup_loss.npz', change)
  status, failed, _ = _run(check_golden, capsys, folder, 'c3')
  assert status == 1 and len(failed) == 2
  assert 'b.grad is missing' in failed[0]
  assert 'nothing compares these 1, first a.temperature' in failed[1]


def test_missing_and_damaged_files_fail(check_golden, capsys, copy):
  folder = copy('c3')
  status, failed, _ = _run(check_golden, capsys, folder, 'c3', 'c5')
  assert status == 1 and len(failed) == 1 and 'missing: ' in failed[0]
  os.truncate(folder / 'c3_unsup_loss.npz', 5000)
  status, failed, last = _run(check_golden, capsys, folder, 'c3')
  assert status == 1 and last == '0 passed, 1 failed'


def test_unknown_cases_files_and_folders_fail(
    check_golden, capsys, copy, monkeypatch):
  folder = copy('c3')
  status, failed, last = _run(check_golden, capsys, folder, 'c3', 'c99')
  assert status == 1 and len(failed) == 1 and last == '4 passed, 1 failed'
  assert 'unknown case; known: c1 c2' in failed[0]
  (folder / 'c11_new.npz').write_bytes(b'')
  monkeypatch.setattr(
      check_golden, 'CASES', {'c3': check_golden.CASES['c3']})
  status, failed, last = _run(check_golden, capsys, folder)
  assert status == 1 and 'c11_new.npz' in failed[0]
  assert _run(check_golden, capsys, folder / 'none')[0] == 1
