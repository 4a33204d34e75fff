"""Exported programs under JAX give what TensorFlow gives."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from segsort.benchmark import programs
from segsort.benchmark import stablehlo_export
from segsort.benchmark.stablehlo import run_stablehlo
from segsort.errors import InputError

# Not imported: its hooks would be in all tests that this process runs.
pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec('jax'),
    reason='needs JAX: pip install -e .[test]')
SMALL = programs.Sizes(backbone='resnet_small', batch_size=2, crop=48,
                       window=64, prototypes=50, neighbours=3)


@pytest.fixture(name='folder', scope='module')
def _folder(tmp_path_factory):
  """The float32 programs, of small sizes."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(programs, 'PRECISIONS', {'float32': {}})
    folder = tmp_path_factory.mktemp('exported')
    stablehlo_export.export(str(folder), SMALL, {'commit': 'abc'})
  return folder


def _run(folder, *arguments):
  """Runs the folder's script in a process that has no TensorFlow of ours."""
  return subprocess.run(
      [sys.executable, '-I', str(folder / 'run_stablehlo.py'), '--repeats', '1',
       '--no_torch', *arguments], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_programs_run_without_tensorflow_and_give_the_same(folder, tmp_path):
  path = tmp_path / 'figures.json'
  result = _run(folder, '--save_json', str(path))
  assert result.returncode == 0, result.stdout + result.stderr
  rows = {row['name']: row for row in json.loads(path.read_text())}
  assert list(rows) == [f'{name}_float32' for name in (
      'loss', 'train_step', 'network_step', 'inference', 'network')]
  # Both steps of a training: the second one's penalty is of updated weights.
  assert set(rows['train_step_float32']['errors']) == {
      'total_loss 1', 'gradient_norm 1', 'weight_penalty 2'}
  assert rows['inference_float32']['errors'] == {'labels 1': 0.}


@pytest.mark.slow
def test_another_result_is_told(folder, tmp_path):
  for path in folder.iterdir():
    (tmp_path / path.name).write_bytes(path.read_bytes())
  manifest = json.loads((folder / 'manifest.json').read_text())
  manifest['programs']['loss_float32']['expected'][0]['loss'] *= 1.01
  (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
  result = _run(tmp_path, '--programs', 'loss_float32')
  assert result.returncode == 1 and 'DIFFERS' in result.stdout, result.stderr


@pytest.mark.slow
def test_weights_are_arguments(folder):
  manifest, arrays = run_stablehlo.load(folder)
  assert manifest['machine'] == {'commit': 'abc'}
  step = manifest['programs']['train_step_float32']
  names = [argument['name'] for argument in step['arguments']]
  weights = next(name for name in names if name.endswith('/conv1/weights'))
  assert f'{weights}/Momentum' in names and 'memory_bank/labels' in names
  # Each variable is replaced by a result of its shape.
  assert {names[argument] for _, argument in step['updates']} == {
      name for name in names
      if name not in arrays and name != 'image'} | {'memory_bank/labels'}
  network = pathlib.Path(folder / 'network_float32.mlir.bc')
  parameters = sum(
      np.prod(argument['shape'])
      for argument in manifest['programs']['network_float32']['arguments'])
  assert network.stat().st_size < parameters


def test_arguments_are_the_same_on_any_machine():
  argument = {'shape': [2], 'dtype': 'float32', 'fill': ['normal', 2., 5]}
  np.testing.assert_allclose(  # of NumPy's frozen generator
      run_stablehlo.make_argument(argument, {}), [0.882455, -0.661740],
      rtol=1e-5)
  argument = {'shape': [2], 'dtype': 'int64', 'fill': 3}
  np.testing.assert_array_equal(
      run_stablehlo.make_argument(argument, {}), np.int64([3, 3]))


@pytest.mark.parametrize('value', (float('nan'), float('inf')))
def test_what_is_not_finite_never_agrees(value):
  errors = run_stablehlo.compare(
      {'expected': [{'loss': 1.}]}, [{'loss': np.float32(value)}], {})
  assert errors == {'loss 1': np.inf}


def test_copies_are_dropped_in_main_alone():
  text = ('func.func private @one() {\n  %1 = mhlo.copy %0 : tensor<f32>\n  }\n'
          'func.func @main() {\n    %2 = add %0\n'
          '    %3 = mhlo.copy %2 : tensor<f32>\n    return %3, %31\n  }\n')
  assert stablehlo_export._without_copies(text) == (
      'func.func private @one() {\n  %1 = mhlo.copy %0 : tensor<f32>\n  }\n'
      'func.func @main() {\n    %2 = add %0\n    return %2, %31\n  }\n')


def test_a_folder_with_files_is_left_alone(tmp_path):
  (tmp_path / 'mine').write_text('')
  with pytest.raises(InputError, match='holds files; name a new folder'):
    stablehlo_export.export(str(tmp_path), SMALL, {})
