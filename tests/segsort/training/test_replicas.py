"""The training engine on several devices and processes equals one device."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import commands
import closeness
import numpy as np
import pytest
import replica_runs
import small_runs
from segsort.checkpoints import checkpoint
from segsort.errors import InputError
from segsort.training import distribution
from segsort.training import training

pytestmark = [
    pytest.mark.usefixtures('deep_network'), pytest.mark.slow]


def _start(path, replicas, ports=(), index=0):
  """Starts tests/segsort/replica_runs.py, as a worker if there are ports."""
  script = os.path.join(
      os.path.dirname(__file__), '..', 'replica_runs.py')
  return subprocess.Popen(
      [sys.executable, script, str(replicas), str(path)],
      env={**os.environ, **_tf_config(ports, index)}, stderr=subprocess.PIPE,
      text=True)


def _tf_config(ports, index):
  cluster = {'cluster': {'worker': [f'127.0.0.1:{port}' for port in ports]},
             'task': {'type': 'worker', 'index': index}}
  return {'TF_CONFIG': json.dumps(cluster)} if ports else {}


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
  """Results on 1, 2 and 4 replicas, and of two workers on loopback."""
  folder = tmp_path_factory.mktemp('replicas')
  ports = _free_ports(2)
  processes = [_start(folder / f'{count}.npz', count) for count in (1, 2, 4)]
  processes += [_start(folder / name, 0, ports, index) for index, name in
                enumerate(('workers.npz', 'other.npz'))]
  for process in processes:
    _, told = process.communicate(timeout=600)
    assert process.returncode == 0, told[-2000:]
  return {name: np.load(folder / f'{name}.npz')
          for name in (1, 2, 4, 'workers')}


def _results(run, kind):
  """Floats of a run by name, and its integers, which have to be equal."""
  results = {name.split('|')[1]: run[name] for name in run.files
             if name.startswith(f'{kind}|') and not name.endswith('|traces')}
  exact = {name for name, value in results.items()
           if value.dtype.kind in 'iu'} | {'segments'}
  return ({name: value for name, value in results.items()
           if name not in exact}, {name: results[name] for name in exact})


def _of_one_kind(names):
  """Lists of names that share a noise floor: (gradients, the rest of them)."""
  gradients = [name for name in names if name.startswith('gradient of')]
  assert len(gradients) == 5
  series = ['losses'], ['norms']
  rest = names - set(gradients) - {'losses', 'norms'}
  return [*series, gradients, sorted(rest)]


@pytest.mark.parametrize('kind', replica_runs.KINDS)
@pytest.mark.parametrize('count', [2, 4, 'workers'])
def test_replicas_equal_one_device(runs, kind, count):
  ours, our_counts = _results(runs[count], kind)
  one, counts = _results(runs[1], kind)
  assert ours.keys() == one.keys()
  floor = closeness.NoiseFloor(one, _results(runs[1], f'{kind} twin')[0])
  for names in _of_one_kind(ours.keys()):
    # The least error worth finding, a replica's part counted twice or not at
    # all, a mean of means: percents.
    bound = floor.bound(names, detects=1e-3)
    for name in names:
      closeness.assert_close(ours[name], one[name], bound, name)
  assert kind in ('unsupervised', 'adaptive') or (
      our_counts['memory_bank/labels'].max() >= 0)
  if kind == 'adaptive':
    assert (ours['loss_weights/value'] != 0).all()
  for name, value in our_counts.items():
    np.testing.assert_array_equal(value, counts[name], err_msg=name)


@pytest.mark.parametrize('kind', replica_runs.KINDS)
def test_replicas_learn_and_trace_once(runs, kind):
  run = runs[2]
  losses = run[f'{kind}|losses']
  assert np.ptp(losses) > 1e-3  # not frozen
  assert run[f'{kind}|traces'] == 1


def _start_worker(index, ports, where, folder, *more):
  script = os.path.join(commands.ROOT, 'pyscripts', 'train_segsort.py')
  return subprocess.Popen(
      [sys.executable, script, '--data_dir', where[0], '--data_list', where[1],
       '--snapshot_dir', str(folder), '--strategy', 'multi_worker',
       '--num_classes', '2', '--backbone', 'resnet_small', '--batch_size', '2',
       '--embedding_dim', '8', '--num_clusters', '3', '--kmeans_iterations',
       '3', '--input_size', '32,32', '--num_steps', '3', '--learning_rate',
       '.001', '--batch_norm_decay', '.9', *more],
      env={**os.environ, **_tf_config(ports, index)},
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _free_ports(count):
  sockets = [socket.socket() for _ in range(count)]
  for one in sockets:
    one.bind(('127.0.0.1', 0))
  ports = [one.getsockname()[1] for one in sockets]
  for one in sockets:
    one.close()
  return ports


@pytest.mark.processes
def test_two_workers_train_through_the_script(tiny_dataset, tmp_path):
  ports = _free_ports(2)
  workers = [_start_worker(index, ports, tiny_dataset, tmp_path / 'two')
             for index in range(2)]
  for worker in workers:
    told, _ = worker.communicate(timeout=600)
    assert worker.returncode == 0, told[-2000:]
  training.train(small_runs.train_config(
      tiny_dataset, tmp_path / 'one', num_steps=3, learning_rate=.001))
  one, two = (checkpoint.load(str(tmp_path / name / 'model.ckpt-3'))
              for name in ('one', 'two'))
  assert one.keys() == two.keys()
  # Batch norm over two 4x4 maps magnifies rounding; `runs` compares closely.
  np.testing.assert_allclose(
      small_runs.logged(tmp_path / 'two'), small_runs.logged(tmp_path / 'one'),
      rtol=1e-3)


def _start_two(where, folder, *more):
  ports = _free_ports(2)
  return [_start_worker(index, ports, where, folder, *more)
          for index in range(2)]


def _wait_for_step(folder, step, workers):
  deadline = time.time() + 300
  while max(checkpoint.steps_in(str(folder)), default=0) < step:
    assert all(worker.poll() is None for worker in workers)
    assert time.time() < deadline
    time.sleep(.05)


@pytest.mark.processes
def test_a_signal_to_one_worker_stops_both_and_a_lost_one_is_named(
    tiny_dataset, tmp_path):
  """First SIGTERM to the second worker, then, resumed, SIGKILL."""
  long = '--num_steps', '99999', '--save_pred_every', '1'
  workers = _start_two(tiny_dataset, tmp_path / 'run', *long)
  _wait_for_step(tmp_path / 'run', 2, workers)
  workers[1].send_signal(signal.SIGTERM)
  told = [worker.communicate(timeout=300)[0] for worker in workers]
  assert [worker.returncode for worker in workers] == [143, 143], told
  steps = [re.search(r'stopped by SIGTERM after step (\d+)', text)[1]
           for text in told]
  saved = checkpoint.steps_in(str(tmp_path / 'run'))[-1]
  assert steps == [str(saved)] * 2

  workers = _start_two(tiny_dataset, tmp_path / 'run', *long)
  _wait_for_step(tmp_path / 'run', saved + 2, workers)
  workers[1].kill()
  told, _ = workers[0].communicate(timeout=300)
  workers[1].communicate(timeout=300)
  assert workers[0].returncode == 2 and f'model.ckpt-{saved}' in told
  assert 'error: a worker has left the training' in told, told[-3000:]
  assert 'Traceback' not in told


@pytest.mark.processes
def test_an_absent_worker_is_named_in_time(tiny_dataset, tmp_path):
  ports = _free_ports(2)
  worker = _start_worker(
      0, ports, tiny_dataset, tmp_path / 'run', '--worker_timeout', '2')
  told, _ = worker.communicate(timeout=300)
  assert worker.returncode == 2
  assert re.search(
      rf'^error: waited 2 s for .*; no call from 127.0.0.1:{ports[1]}; ',
      told, re.M), told


@pytest.mark.parametrize('text', ['', 'nonsense', '{"cluster": {}}', json.dumps(
    {'cluster': {'worker': ['127.0.0.1:1']}, 'task': {'index': 3}})])
def test_malformed_tf_config(monkeypatch, text):
  monkeypatch.setenv('TF_CONFIG', text)
  with pytest.raises(InputError, match='TF_CONFIG is .* not a cluster'):
    distribution.make_strategy(small_runs.train_config(
        ('', ''), '', strategy='multi_worker'))


def test_more_gpus_than_there_are():
  with pytest.raises(InputError, match='--num_gpu is 99, but .* sees'):
    distribution.make_strategy(small_runs.train_config(
        ('', ''), '', strategy='mirrored', num_gpu=99))


@pytest.mark.processes
def test_workers_of_unshared_folders_do_not_start(tiny_dataset, tmp_path):
  """One would go on from step 3, the other begins."""
  training.train(small_runs.train_config(
      tiny_dataset, tmp_path / '0', num_steps=3, learning_rate=.001))
  ports = _free_ports(2)
  workers = [_start_worker(index, ports, tiny_dataset, tmp_path / str(index),
                           '--num_steps', '9') for index in range(2)]
  told = [worker.communicate(timeout=300)[0] for worker in workers]
  assert [worker.returncode for worker in workers] == [2, 2], told
  for text in told:
    assert 'error: the workers would start at the steps [3, 0]' in text
