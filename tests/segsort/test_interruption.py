"""A run that is stopped, kindly or not, ends with the same bits."""

import os
import signal
import subprocess
import sys
import time

import pytest
import numpy as np

from segsort import checkpoint

pytestmark = pytest.mark.processes

STEPS = 24


def start(where, folder):
  """Starts a small training in a process of its own."""
  script = os.path.join(os.path.dirname(__file__), '..', '..', 'pyscripts',
                        'train_segsort.py')
  return subprocess.Popen(
      [sys.executable, script, '--data_dir', where[0], '--data_list', where[1],
       '--snapshot_dir', str(folder), '--num_classes', '2', '--backbone',
       'resnet_small', '--batch_size', '2', '--embedding_dim', '8',
       '--num_clusters', '3', '--input_size', '32,32', '--num_steps',
       str(STEPS), '--learning_rate', '.01', '--batch_norm_decay', '.9',
       '--save_pred_every', '1', '--deterministic'],
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def stop_at(process, folder, step, number):
  """Sends a signal once a step is saved; returns (status, output)."""
  deadline = time.time() + 300
  while max(checkpoint.steps_in(str(folder)), default=0) < step:
    assert process.poll() is None, process.stdout.read()
    assert time.time() < deadline
    time.sleep(.02)
  process.send_signal(number)
  told, _ = process.communicate(timeout=300)
  return process.returncode, told


def test_stopped_and_killed_runs_end_with_the_same_bits(
    tiny_dataset, tmp_path):
  whole = start(tiny_dataset, tmp_path / 'whole')
  folder = tmp_path / 'stopped'
  status, told = stop_at(start(tiny_dataset, folder), folder, 3,
                         signal.SIGTERM)
  assert status == 128 + signal.SIGTERM and 'stopped by SIGTERM after' in told
  stopped = checkpoint.steps_in(str(folder))[-1]
  assert 3 <= stopped < STEPS

  status, told = stop_at(start(tiny_dataset, folder), folder, stopped + 4,
                         signal.SIGKILL)
  assert status == -signal.SIGKILL and f'model.ckpt-{stopped}' in told
  assert checkpoint.steps_in(str(folder))[-1] < STEPS

  told, _ = (last := start(tiny_dataset, folder)).communicate(timeout=300)
  assert last.returncode == 0 and 'resumed from' in told, told
  whole.communicate(timeout=300)
  one, other = (checkpoint.load(str(path / f'model.ckpt-{STEPS}'))
                for path in (tmp_path / 'whole', folder))
  assert one.keys() == other.keys()
  for name, value in one.items():
    np.testing.assert_array_equal(value, other[name], err_msg=name)
