"""Lists are shared out whole, and results come back in order."""

import threading
import time

import pytest
import small_runs
import tensorflow as tf

from segsort.errors import InputError
from segsort.inference import inference_settings
from segsort.runs import sharding


def _config(**settings):
  return small_runs.restored_config(
      inference_settings.ExtractConfig, ('', 'list.txt'), '', '', **settings)


@pytest.mark.parametrize('images', (1, 2, 7, 12))
@pytest.mark.parametrize('shards', (1, 2, 5, 7))
def test_shards_in_order_are_the_list(images, shards):
  examples = list(range(images))
  if shards > images:
    with pytest.raises(InputError, match=(
        f'--num_shards is {shards}, but there are {images} images')):
      sharding.share_of(examples, _config(num_shards=shards))
    return
  parts = [sharding.share_of(examples, _config(
      num_shards=shards, shard_index=index)) for index in range(shards)]
  assert sum(parts, []) == examples
  assert {len(part) for part in parts} <= {
      images // shards, -(-images // shards)}


@pytest.mark.parametrize('shards, index', ((1, 1), (4, 4), (4, -1)))
def test_an_index_out_of_range_is_one_line(shards, index):
  with pytest.raises(InputError, match=(
      f'--shard_index is {index}; it must be 0 to {shards - 1} with')):
    _config(num_shards=shards, shard_index=index).check()


def test_no_shards_at_all_are_refused():
  with pytest.raises(InputError, match='--num_shards is 0; it must be above'):
    _config(num_shards=0).check()


def test_several_workers_keep_the_order_and_do_each_item_once():
  met = threading.Barrier(3, timeout=30)  # breaks unless three work at a time
  seen = []

  def make(name):
    def work(item):
      if item < 3:
        met.wait()
      time.sleep(.002 * (item % 3))
      seen.append(item)
      return name, item * 10
    return work

  results = list(sharding.map_in_threads([make('a'), make('b'), make('c')],
                                         list(range(20))))
  assert [value for _, value in results] == [10 * i for i in range(20)]
  assert {name for name, _ in results[:3]} == {'a', 'b', 'c'}
  assert sorted(seen) == list(range(20))


def test_no_more_than_a_few_results_wait_for_the_consumer():
  started = []
  results = sharding.map_in_threads([started.append] * 2, list(range(100)))
  next(results)
  time.sleep(.2)
  assert len(started) <= 6
  results.close()
  assert len(started) <= 6


@pytest.mark.parametrize('workers', (1, 3))
def test_an_error_ends_the_work_where_it_is_in_the_list(workers):
  def work(item):
    if item == 4:
      raise InputError('a corrupt picture')
    return item

  results = sharding.map_in_threads([work] * workers, list(range(9)))
  assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
  with pytest.raises(InputError, match='a corrupt picture'):
    next(results)


def test_a_single_worker_works_when_it_is_asked():
  started = []
  results = sharding.map_in_threads([started.append], [1, 2, 3])
  assert not started
  next(results)
  assert started == [1]


def test_workers_are_made_and_work_on_their_device():
  devices = ['/cpu:0', '/cpu:0']  # a second one would need a fresh process

  def make():
    made = tf.constant(1.)
    return lambda item: (made + item).device
  assert all(worker(2.).endswith('CPU:0')
             for worker in sharding.make_workers(devices, make))
  assert len(sharding.make_workers(devices, make)) == 2
  assert len(sharding.make_workers(devices[:1], make)) == 1
