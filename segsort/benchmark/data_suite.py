"""Reading, augmenting and batching pictures of the size of VOC 2012's."""

import contextlib
import os
import tempfile

import cv2
import numpy as np
import tensorflow as tf

from segsort.benchmark import data_twin
from segsort.benchmark import loss_suite
from segsort.benchmark import measure
from segsort.data import batching
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import preprocessing
from segsort.runs import files

BATCHES = 4


def comparisons():
  """Yields the rows: augmentation alone, and with decoding."""
  config = loss_suite.make_config(8, num_steps=BATCHES)
  with contextlib.ExitStack() as stack:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    examples = write_examples(folder, 2 * config.batch_size)
    decoded = [input_pipeline.read_example(
        example, config.classes, 255, config.dataset) for example in examples]
    name = f'{BATCHES} batches of {config.batch_size}, 336x336'
    yield measure.Comparison(
        name=f'augment {name}', aim=1.5,
        ours=_augment(decoded, config, input_pipeline.view_labelled),
        twin=_augment(decoded, config, _view_twin))
    yield measure.Comparison(
        name=f'read {name}', aim=None,
        ours=lambda: _drain(
            input_pipeline.supervised_batches(examples, config)),
        twin=lambda: _drain(_twin_batches(examples, config)))


def write_examples(folder, count, size=(375, 500)):
  """Writes JPEGs with something in them, and masks; returns the examples."""
  rng = np.random.default_rng(0)
  examples = []
  for i in range(count):
    coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    image = np.clip(image + rng.normal(0, 8, image.shape), 0, 255)
    classes = cv2.resize(coarse[..., 0] % 21, size[::-1],
                         interpolation=cv2.INTER_NEAREST)
    paths = (os.path.join(folder, f'{i}.jpg'), os.path.join(folder, f'{i}.png'))
    files.write_bytes(paths[0], cv2.imencode(
        '.jpg', image.astype(np.uint8))[1].tobytes())
    files.write_png(paths[1], classes)
    examples.append(image_list.Example(
        image=paths[0], mask=paths[1], oversegmentation='', name=str(i),
        where=f'picture {i}'))
  return examples


def _view_twin(image, labels, config, view):
  return data_twin.view_example(
      image, labels, config.input_size, view, config.num_clusters)


def _draw(shape, config, number):
  return preprocessing.draw_view(
      shape, config.input_size, [config.random_seed, number],
      random_scale=True, random_mirror=True, random_crop=True)


def _augment(decoded, config, view_example):
  """Views of pictures in memory, one after the other, as work to measure."""
  @tf.function(reduce_retracing=True)
  def one(image, labels, number):
    return view_example(
        image, labels, config, _draw(tf.shape(labels), config, number))

  def work():
    for number in range(BATCHES * config.batch_size):
      image, labels = decoded[number % len(decoded)]
      views = one(tf.constant(image), tf.constant(labels), tf.constant(number))
    return views['image'].numpy()
  return work


def _twin_batches(examples, config):
  """The twin's tf.data, with the same order, decoding and parallelism."""
  def load(number):
    index = number % len(examples)
    image, labels = tf.numpy_function(
        lambda i: input_pipeline.read_example(
            examples[i], config.classes, config.ignore_label,
            config.dataset),
        [index], [tf.uint8, tf.int32], stateful=False)
    image.set_shape([None, None, 3])
    labels.set_shape([None, None])
    return _view_twin(image, labels, config, _draw(
        tf.shape(labels), config, tf.cast(number, tf.int32)))

  return tf.data.Dataset.range(BATCHES * config.batch_size).map(
      load, tf.data.AUTOTUNE).batch(config.batch_size).prefetch(4)


def _drain(dataset):
  """Takes all batches of a dataset; the threads end with it."""
  with batching.Batches(dataset) as batches:
    return batches.take(BATCHES)
