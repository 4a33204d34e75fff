"""Batches: exact order for a seed, from any step on; pixels and labels."""

import os
import re

import closeness
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from segsort.data import batching
from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import settings as settings_lib

PLAIN = {'random_scale': False, 'random_mirror': False, 'random_crop': False}


def _batches(dataset, start_step=0, make=input_pipeline.supervised_batches,
             num_examples=4, **settings):
  """The batches as lists of numpy dicts."""
  config = small_runs.train_config(dataset, 'unused', **settings)
  examples = image_list.read_list(config.data_list, config.data_dir)
  return [{name: tensor.numpy() for name, tensor in batch.items()}
          for batch in make(examples[:num_examples], config, start_step)]


def _assert_equal(ours, theirs):
  assert len(ours) == len(theirs)
  for one, other in zip(ours, theirs):
    assert one.keys() == other.keys()
    for name in one:
      np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize('make', (
    input_pipeline.supervised_batches, input_pipeline.unsupervised_batches))
def test_the_same_seed_gives_the_same_batches_from_any_step(
    tiny_dataset, make):
  batches = _batches(tiny_dataset, make=make, num_steps=5)
  _assert_equal(_batches(tiny_dataset, make=make, num_steps=5), batches)
  for start_step in (1, 4, 5):
    _assert_equal(
        _batches(tiny_dataset, start_step, make, num_steps=5),
        batches[start_step:])


def test_gradient_accumulation_counts_its_batches(tiny_dataset):
  batches = _batches(tiny_dataset, num_steps=2, iter_size=3)
  assert len(batches) == 6
  _assert_equal(_batches(tiny_dataset, 1, num_steps=2, iter_size=3),
                batches[3:])


@pytest.mark.parametrize('num_examples', (1, 3, 4))
def test_every_epoch_holds_every_example_once_in_another_order(
    tiny_dataset, num_examples):
  batches = _batches(tiny_dataset, num_examples=num_examples,
                     num_steps=8 * num_examples, batch_size=1)
  order = np.concatenate([batch['index'] for batch in batches])
  epochs = order.reshape(8, num_examples)
  assert (np.sort(epochs) == np.arange(num_examples)).all()
  if num_examples > 1:
    assert len({tuple(epoch) for epoch in epochs}) > 2


def test_the_batch_size_does_not_change_the_examples(tiny_dataset):
  ones = _batches(tiny_dataset, num_steps=6, batch_size=1)
  threes = _batches(tiny_dataset, num_steps=2, batch_size=3)
  for name in ones[0]:
    np.testing.assert_array_equal(
        np.concatenate([batch[name] for batch in ones]),
        np.concatenate([batch[name] for batch in threes]))


def test_other_seeds_and_epochs_give_other_views(tiny_dataset):
  first, = _batches(tiny_dataset, num_steps=1, batch_size=4)
  other, = _batches(tiny_dataset, num_steps=1, batch_size=4, random_seed=2)
  assert (first['image'][np.argsort(first['index'])]
          != other['image'][np.argsort(other['index'])]).any()
  one, two = _batches(tiny_dataset, num_steps=2, batch_size=1, num_examples=1)
  assert (one['image'] != two['image']).any()


def test_a_plain_batch_is_a_padded_centre_crop(tiny_dataset):
  batch, = _batches(tiny_dataset, num_steps=1, batch_size=4,
                    input_size=settings_lib.Size((36, 44)), **PLAIN)
  for place, index in enumerate(batch['index']):
    image = reading.read_image(f'{tiny_dataset[0]}/JPEGImages/im{index}.png')
    labels = reading.read_mask(f'{tiny_dataset[0]}/segcls/im{index}.png')
    size = np.array(labels.shape)
    top, left = np.maximum(size - (36, 44), 0) // 2
    height, width = np.minimum(size, (36, 44))
    part = slice(top, top + height), slice(left, left + width)
    closeness.assert_close(
        batch['image'][place, :height, :width],
        image[part] - np.array(dataset_info.PIXEL_MEAN),
        1e-6)  # a single subtraction
    np.testing.assert_array_equal(
        batch['labels'][place, :height, :width], labels[part])
    rows, columns = np.indices(size)
    np.testing.assert_array_equal(
        batch['grid_labels'][place, :height, :width],
        (rows // -(-size[0] // 3) + 3 * (columns // -(-size[1] // 3)))[part])
    np.testing.assert_allclose(
        batch['locations'][place, :height, :width],
        np.stack([rows / size[0], columns / size[1]], -1)[part], rtol=1e-6)
    outside = np.ones([36, 44], bool)
    outside[:height, :width] = False
    assert not batch['image'][place][outside].any()
    assert (batch['labels'][place][outside] == 255).all()


def test_regions_are_padded_with_less_than_zero(tiny_dataset):
  batch, = _batches(
      tiny_dataset, make=input_pipeline.unsupervised_batches, num_steps=1,
      batch_size=4, input_size=settings_lib.Size((60, 60)), **PLAIN)
  for regions, index in zip(batch['oversegmentation'], batch['index']):
    expected = reading.read_mask(f'{tiny_dataset[0]}/hed/im{index}.png')
    height, width = expected.shape
    np.testing.assert_array_equal(regions[:height, :width], expected)
    assert (regions[height:] == -1).all() and (regions[:, width:] == -1).all()


def _example(folder, mask, palette=None):
  """A grey image of 4x5 and its mask."""
  files.write_png(str(folder / 'a.jpg.png'), np.zeros((4, 5, 3), np.uint8))
  files.write_png(str(folder / 'mask.png'), mask, palette)
  return image_list.Example(
      str(folder / 'a.jpg.png'), str(folder / 'mask.png'),
      str(folder / 'mask.png'), 'a', 'list.txt:7')


def test_palette_masks_are_indices_and_the_ignore_label_becomes_255(tmp_path):
  mask = np.arange(20, dtype=np.uint8).reshape(4, 5)
  example = _example(tmp_path, mask, dataset_info.get('voc12').palette)
  _, labels = input_pipeline.read_example(example, 20, 3, 'voc12')
  assert labels.dtype == np.int32
  np.testing.assert_array_equal(labels, np.where(mask == 3, 255, mask))


@pytest.mark.parametrize('ignore_label', (255, 21))
def test_a_label_beyond_the_classes_is_one_line(tmp_path, ignore_label):
  mask = np.full((4, 5), 20, np.uint8)
  mask[0] = ignore_label
  mask[3, 2] = 30
  example = _example(tmp_path, mask)
  with pytest.raises(InputError, match=(
      r'^list.txt:7: the mask .*mask.png holds the label 30, but there are 21 '
      f'classes and {ignore_label} to ignore')):
    input_pipeline.read_example(example, 21, ignore_label, 'voc12')


def test_a_mask_of_another_size_is_one_line(tmp_path):
  example = _example(tmp_path, np.zeros((5, 4), np.uint8))
  for read in (lambda: input_pipeline.read_example(example, 2, 255, 'voc12'),
               lambda: input_pipeline.read_regions(example)):
    with pytest.raises(InputError, match=(
        r'^list.txt:7: the mask .*mask.png is 5x4 \(height x width\), its '
        'image 4x5')):
      read()


@pytest.mark.parametrize('text, what', [
    (None, 'is 5x4'), (b'no picture', 'cannot decode')])
def test_wrong_regions_say_how_they_are_made_again(tmp_path, text, what):
  example = _example(tmp_path, np.zeros((5, 4), np.uint8))
  if text:
    with open(example.oversegmentation, 'wb') as file:
      file.write(text)
  with pytest.raises(InputError, match=(
      f'^list.txt:7: .*{what}.*; it holds regions: if make_oversegmentation.py '
      'made it, delete it and give that command again')):
    input_pipeline.read_regions(example)


def test_an_error_inside_the_pipeline_is_found_again(tiny_dataset):
  with open(f'{tiny_dataset[0]}/JPEGImages/im2.png', 'wb') as file:
    file.write(b'no picture')
  with pytest.raises(tf.errors.OpError) as raised:
    _batches(tiny_dataset, num_steps=4, batch_size=1)
  error = batching.as_input_error(raised.value)
  assert isinstance(error, InputError) and '\n' not in str(error)
  assert str(error).startswith('cannot decode the image')
  other = tf.errors.ResourceExhaustedError(None, None, 'out of memory')
  assert batching.as_input_error(other) is other


@pytest.mark.parametrize('make', (
    input_pipeline.supervised_batches, input_pipeline.unsupervised_batches))
def test_turns_and_colours_leave_order_and_views_as_they_are(
    tiny_dataset, make):
  plain, coloured, turned = (
      _batches(tiny_dataset, make=make, num_steps=3, random_scale=False,
               **switches)
      for switches in ({}, {'random_color': True}, {'random_rotation': True}))
  mask = 'labels' if 'labels' in plain[0] else 'oversegmentation'
  for one, other, third in zip(plain, coloured, turned):
    np.testing.assert_array_equal(one['index'], third['index'])
    np.testing.assert_array_equal(one[mask], other[mask])
    assert not np.array_equal(one['image'], other['image'])
  assert any(not np.array_equal(one[mask], third[mask])
             for one, third in zip(plain, turned))


def test_a_batch_that_does_not_come_is_told_of_with_its_files(
    tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(batching, 'SILENCE', .1)
  path = str(tmp_path / 'dead')
  os.mkfifo(path)

  def read(number):
    return np.int64(len(files.read_bytes(path)) + number)

  dataset = tf.data.Dataset.range(1).map(
      lambda number: tf.numpy_function(read, [number], tf.int64))
  waited = []

  def on_wait():
    waited.append(1)
    if len(waited) == 2:
      with open(path, 'wb') as pipe:
        pipe.write(b'abc')

  with batching.Batches(dataset) as batches:
    element, = batches.take(1, on_wait)
  assert int(element) == 3 and not files.being_read()
  assert re.fullmatch(
      'warning: no batch for 1 seconds; files that are being read: '
      f'{re.escape(path)}', capsys.readouterr().err.splitlines()[0])
