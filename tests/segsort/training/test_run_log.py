"""The log of a run: a full disk, and what it says of the time taken."""

import types

import needs
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from segsort.errors import InputError
from segsort.training import run_log

BATCH = {'image': tf.zeros([2, 4, 4, 3])}
RESULTS = {'labels': tf.zeros([2, 4, 4], tf.int32),
           'segment_labels': tf.zeros([2, 4, 4], tf.int32),
           'embeddings': tf.constant(np.eye(8, dtype=np.float32)[
               np.arange(32) % 8].reshape(2, 4, 4, 8))}


@pytest.fixture(name='log')
def _log(tmp_path):
  return run_log.RunLog(small_runs.train_config(('d', 'l'), tmp_path))


@needs.dev_full
def test_a_full_disk_is_one_line(log, tmp_path):
  with pytest.raises(InputError) as raised, log:
    log._file.close()
    log._file = open('/dev/full', 'a', encoding='utf-8')
    log.add({'loss': 1.})
    log.write(1, BATCH, RESULTS)
  assert str(raised.value) == (
      f'cannot write to {tmp_path}: [Errno 28] No space left on device; free '
      'the disk, mend the permissions or name another --snapshot_dir')


def test_what_tensorflow_says_is_one_line_too(log, tmp_path, monkeypatch):
  def fill(*unused):
    raise tf.errors.UnknownError(None, None, (
        '{{function_node __wrapped__Write}} e.v2; No space left on device\n'
        '\tFailed to flush 4 events'))
  monkeypatch.setattr(run_log, '_write_summary', fill)
  with pytest.raises(InputError) as raised, log:
    log.add({'loss': 1.})
    log.write(1, BATCH, RESULTS)
  assert str(raised.value).startswith(
      f'cannot write to {tmp_path}: e.v2; No space left on device; free the')
  assert '\n' not in str(raised.value)


def test_the_error_of_the_loop_is_the_one_to_tell(log):
  def fail():
    raise OSError(28, 'No space left on device')
  with pytest.raises(ValueError, match='of the loop'), log:
    log._file = type('Full', (), {'close': staticmethod(fail)})
    raise ValueError('of the loop')


def test_a_last_line_that_finds_no_space_is_told(log):
  def fail():
    raise OSError(28, 'No space left on device')
  with pytest.raises(InputError, match='No space left'), log:
    log._file = type('Full', (), {'close': staticmethod(fail)})


def test_a_bar_shows_the_last_loss_and_the_mean_speed(tmp_path, monkeypatch):
  clock = types.SimpleNamespace(now=0.)
  monkeypatch.setattr(run_log, 'time', types.SimpleNamespace(
      perf_counter=lambda: clock.now))
  log = run_log.RunLog(
      small_runs.train_config(('d', 'l'), tmp_path), writes=False)
  for clock.now, loss in ((5., 3.), (8., 1.)):
    log.add({'segsort_loss': loss})
  assert log.latest() == {'loss': '1.0000', 'images/s': '0.50'}
  log.write(2, BATCH, RESULTS)
  assert log.latest() == {'loss': '1.0000', 'images/s': '0.50'}
  clock.now = 9.
  log.add({'segsort_loss': 2.})
  assert log.latest() == {'loss': '2.0000', 'images/s': '2.00'}
