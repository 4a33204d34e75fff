"""The GPU's rows, in small sizes on a CPU."""

import keras
import pytest
import tensorflow as tf

from segsort.benchmark import gpu_suite
from segsort.benchmark import measure
from segsort.benchmark import programs
from segsort.benchmark import runner
from segsort.errors import InputError

SMALL = programs.Sizes(backbone='resnet_small', batch_size=2, crop=48,
                       window=64, prototypes=50, neighbours=3)


@pytest.mark.slow
def test_rows_of_a_precision_are_measured(monkeypatch):
  monkeypatch.setattr(programs, 'PRECISIONS', {
      'bfloat16': programs.PRECISIONS['bfloat16']})
  names = []
  for row in gpu_suite.comparisons(SMALL):
    assert keras.config.dtype_policy().name == 'mixed_bfloat16'
    names.append(row.name)
    measured = measure.measure(row, repeats=1)
    assert measured['ours']['wall_s'] > 0 and measured['twin']['wall_s'] > 0
  assert names == [
      'step / network, 2 x 48, bfloat16',
      'step / network, 2 x 48, bfloat16, compiled',
      'labelling / network, 64, bfloat16',
      'labelling / network, scales, mirrors, bfloat16']
  # What comes after it computes as before.
  assert keras.config.dtype_policy().name == 'float32'


@pytest.mark.skipif(bool(tf.config.list_physical_devices('GPU')),
                    reason='there is a GPU')
def test_without_a_gpu_it_says_so_and_leaves_no_file(tmp_path):
  figures = tmp_path / 'figures.json'
  with pytest.raises(InputError, match='TensorFlow sees no GPU; install'):
    runner.benchmark(runner.BenchmarkConfig(
        device='gpu', save_json=str(figures)))
  assert not figures.exists()
