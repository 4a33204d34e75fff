"""What settings of other packages do to a command."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes


def _start(script, **environment):
  return subprocess.Popen(
      [sys.executable, '-c', script],
      env={**os.environ, **environment}, stdout=subprocess.PIPE,
      stderr=subprocess.PIPE, cwd=os.path.dirname(os.path.dirname(
          os.path.dirname(os.path.abspath(__file__)))))


def test_settings_of_keras_for_other_projects(tmp_path):
  (tmp_path / 'keras.json').write_text(json.dumps({
      'backend': 'jax', 'image_data_format': 'channels_first',
      'floatx': 'float64'}))
  process = _start(
      'import segsort, network\n'
      "model = network.build_embedding_model('resnet_small', 'pspnet', 8)\n"
      'print(model.output.shape, model.layers[-2].compute_dtype)',
      KERAS_HOME=str(tmp_path), KERAS_BACKEND='jax')
  out, err = process.communicate()
  assert out == b'(None, None, None, 8) float32\n', err
