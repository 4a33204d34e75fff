"""What the shell and other packages' settings do to a command."""

import concurrent.futures
import json
import os
import subprocess
import sys

import commands
import pytest

from segsort.errors import InputError
from segsort.runs import cli
from segsort.runs import interruption
from segsort.training import training_settings

pytestmark = pytest.mark.processes

COMMAND = '''
from segsort.runs import cli
from segsort.runs import settings

def stage(config):
  """Prints a lot."""
  print('first line \\udce9')
  print('x' * 10**6)

cli.run(stage, settings.Settings, [])
'''


def _start(script, **environment):
  return subprocess.Popen(
      [sys.executable, '-c', script],
      env={**os.environ, **environment}, stdout=subprocess.PIPE,
      stderr=subprocess.PIPE, cwd=commands.ROOT)


def test_a_reader_that_leaves_ends_a_command_quietly():
  process = _start(COMMAND)
  assert process.stdout.readline() == b'first line \\udce9\n'
  process.stdout.close()
  assert b'Error' not in process.stderr.read()
  assert process.wait() == 141


def test_folders_that_checkpoints_cannot_have():
  with pytest.raises(
      InputError, match=r"^--snapshot_dir 'a.udce9' is not UTF-8"):
    cli.parse(training_settings.TrainConfig, [
        '--data_list', 'a', '--data_dir', 'a', '--snapshot_dir', 'a\udce9'])


def test_settings_of_keras_for_other_projects(tmp_path):
  (tmp_path / 'keras.json').write_text(json.dumps({
      'backend': 'jax', 'image_data_format': 'channels_first',
      'floatx': 'float64'}))
  process = _start(
      "import sys; sys.path.insert(0, 'pyscripts')\n"
      'import _path, network\n'
      "model = network.build_embedding_model('resnet_small', 'pspnet', 8)\n"
      'print(model.output.shape, model.layers[-2].compute_dtype)',
      KERAS_HOME=str(tmp_path), KERAS_BACKEND='jax')
  out, err = process.communicate()
  assert out == b'(None, None, None, 8) float32\n', err


def test_signals_are_left_alone_in_a_thread():
  """Where Python lets nobody set them, as in a notebook."""
  def run():
    with interruption.Signals() as signals:
      return signals.came()
  with concurrent.futures.ThreadPoolExecutor(1) as pool:
    assert not pool.submit(run).result()
