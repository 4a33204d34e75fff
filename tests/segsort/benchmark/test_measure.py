"""What the benchmark says of work whose cost is known."""

import time
import types

import needs
import numpy as np
import pytest
import tensorflow as tf

from segsort.benchmark import measure


@pytest.fixture(name='clock')
def _clock(monkeypatch):
  """Stands for the clocks, moved by the work alone: machines are busy."""
  clock = types.SimpleNamespace(wall=0., cpu=0.)
  monkeypatch.setattr(measure, 'time', types.SimpleNamespace(
      perf_counter=lambda: clock.wall, process_time=lambda: clock.cpu))
  return clock


def _judge(ours, twin, **aims):
  return measure.measure(measure.Comparison(
      name='row', ours=ours, twin=twin, repeats=3, **aims))


def test_every_turn_runs_both_and_the_slower_twin_wins(clock, monkeypatch):
  calls = []
  # Which gives up before the work where memory is not counted
  monkeypatch.setattr(measure, 'peak_memory', lambda work: work())

  def ours():
    calls.append('ours')
    clock.wall += .25
    clock.cpu += .25

  def twin():
    calls.append('twin')
    clock.wall += 2
    clock.cpu += .125

  row = _judge(ours, twin, aim=2.)
  # One turn to warm up, three timed, one for the memory.
  assert calls.count('ours') == calls.count('twin') == 5
  assert row['wall_ratio'] == 8 and row['cpu_ratio'] == .5
  assert row['met'] is True and row['twin']['wall_s'] == 2
  assert _judge(twin, ours, aim=2.)['met'] is False
  assert _judge(ours, twin)['met'] is None


def test_a_wait_counts_as_time():
  assert measure._time(lambda: time.sleep(.02))[0] >= .02


def _tensorflow_counts():
  """Whether TensorFlow counts tensors: by the allocator of some processors."""
  try:
    tf.config.experimental.reset_memory_stats('CPU:0')
  except ValueError:
    return False
  return True


@needs.memory_counts
def test_memory_of_arrays_and_of_tensors():
  def of_numpy():
    return np.ones(5_000_000).sum()

  @tf.function
  def compute(vector):
    return tf.reduce_sum(tf.exp(vector[:, None] * vector[None, :]))

  def of_tensorflow():
    return compute(tf.ones([2000])).numpy()

  for work, megabytes in ((of_numpy, 40), (of_tensorflow, 16)):
    work()
    peak = measure.peak_memory(work)
    if not _tensorflow_counts():
      assert peak is None
      pytest.skip(f'{needs.PREFIX}a processor whose tensors TensorFlow counts')
    assert megabytes * .9 < peak < megabytes * 2.5


def test_a_memory_aim_counts_too():
  row = measure._judge(
      {'ours': {'wall_s': 1., 'cpu_s': 1., 'peak_mb': 10.},
       'twin': {'wall_s': 3., 'cpu_s': 2., 'peak_mb': 15.}}, 3., 2.)
  assert row['wall_ratio'] == 3. and row['memory_ratio'] == 1.5
  assert row['met'] is False
