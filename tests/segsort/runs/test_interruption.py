"""A run that is stopped, kindly or not, ends with the same bits."""

import os
import signal
import subprocess
import sys
import time

import commands
import pytest
import numpy as np

from segsort.checkpoints import checkpoint

pytestmark = pytest.mark.processes

STEPS = 24


def start(where, folder, every=1):
  """Starts a small training in a process of its own."""
  script = os.path.join(commands.ROOT, 'pyscripts', 'train_segsort.py')
  return subprocess.Popen(
      [sys.executable, script, '--data_dir', where[0], '--data_list', where[1],
       '--snapshot_dir', str(folder), '--num_classes', '2', '--backbone',
       'resnet_small', '--batch_size', '2', '--embedding_dim', '8',
       '--num_clusters', '3', '--input_size', '32,32', '--num_steps',
       str(STEPS), '--learning_rate', '.01', '--batch_norm_decay', '.9',
       '--save_pred_every', str(every), '--update_tb_every', '1',
       '--deterministic'],
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


def _read_until(process, text):
  """Reads the output up to a line; the process must not end before."""
  told = ''
  while text not in told:
    line = process.stdout.readline()
    assert line, told
    told += line
  return told


def _wait_until_it_stands(log):
  """Waits for steps, and then for three seconds without any."""
  deadline, grown = time.monotonic() + 120, time.monotonic()
  lines = 0
  while not lines or time.monotonic() < grown + 3:
    assert time.monotonic() < deadline
    time.sleep(.1)
    now = len(log.read_text().splitlines()) if log.exists() else 0
    if now > lines:
      lines, grown = now, time.monotonic()


@pytest.fixture(name='hanging')
def _hanging(tiny_dataset, tmp_path):
  """A training that waits for a picture on a disk that does not answer."""
  os.mkfifo(tmp_path / 'dead')
  process = start(tiny_dataset, tmp_path / 'run', every=1000)
  _read_until(process, 'training: 0/')
  os.replace(tmp_path / 'dead', f'{tiny_dataset[0]}/JPEGImages/im2.png')
  _wait_until_it_stands(tmp_path / 'run/log.jsonl')
  yield process
  process.kill()
  process.wait()
  process.stdout.close()


def test_steps_before_a_read_that_hangs_are_saved(
    hanging, tiny_dataset, tmp_path):
  hanging.send_signal(signal.SIGTERM)
  told, _ = hanging.communicate(timeout=60)
  assert hanging.returncode == 128 + signal.SIGTERM
  step, = checkpoint.steps_in(str(tmp_path / 'run'))
  assert 0 < step < STEPS and f'stopped by SIGTERM after step {step}' in told


HANG = '''
import ctypes, sys
sys.path.insert(0, sys.argv[1])
from segsort.runs import cli
from segsort.runs import settings
def stage(config):
  mutex, libc = ctypes.create_string_buffer(128), ctypes.CDLL(None)
  libc.pthread_mutex_lock(mutex)
  print('begun', flush=True)
  libc.pthread_mutex_lock(mutex)  # no signal ends this, as in TensorFlow
cli.run(stage, settings.Settings, [])
'''


def test_a_second_signal_ends_what_python_has_no_say_in():
  process = subprocess.Popen(
      [sys.executable, '-c', HANG, commands.ROOT], stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT, text=True)
  try:
    _read_until(process, 'begun')
    time.sleep(.5)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # forwarded by a wrapper: the same one
    time.sleep(1.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGINT and 'second SIG' in told
  finally:
    process.kill()
    process.wait()
    process.stdout.close()
