"""List file to batches, the same for the same seed, from any step on.

Everything follows from the running number of an example: its epoch's shuffle
and its augmentation are stateless random functions of (seed, number). So there
is no iterator to save: a run that resumes at a step asks for that step.
"""

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from segsort.data import class_masks
from segsort.data import pictures
from segsort.data import preprocessing
from segsort.data import reading
from segsort.errors import InputError

IGNORED = 255  # the label of unlabelled pixels and of padding, from here on
_MEND_REGIONS = (
    'it holds regions: if make_oversegmentation.py made it, delete it and give '
    'that command again (a recipe: the recipe), else replace it')


def read_example(example, num_classes, ignore_label, dataset):
  """Reads an image and its mask.

  Args:
    example: an `image_list.Example`.
    num_classes: C.
    ignore_label: the value of unlabelled pixels.
    dataset: name or class file, for the colours of palettes.

  Returns:
    image u8[H, W, 3], labels i32[H, W] in 0..C-1, or IGNORED.

  Raises:
    InputError: unreadable, another size, a label out of range.
  """
  image = reading.read_image(example.image)
  labels = class_masks.read(example.mask, dataset, num_classes, ignore_label)
  _check_size(labels, example.mask, image, example)
  ignored = labels == ignore_label
  wrong = ((labels < 0) | (labels >= num_classes)) & ~ignored
  if wrong.any():
    raise InputError(
        f'{example.where}: the mask {example.mask} holds the label '
        f'{labels[wrong][0]}, but there are {num_classes} classes and '
        f'{ignore_label} to ignore; check --num_classes and --ignore_label')
  return image, np.where(ignored, IGNORED, labels).astype(np.int32)


def read_regions(example):
  """Reads an image and its oversegmentation.

  Returns:
    image u8[H, W, 3], regions i32[H, W], numbered as in the file.

  Raises:
    InputError: unreadable, or another size.
  """
  image = reading.read_image(example.image)
  return image, read_regions_of(example, image)


def read_regions_of(example, image):
  """Returns i32[H, W], the oversegmentation of an image u8[H, W, 3].

  Raises:
    InputError: as `read_regions`.
  """
  path = example.oversegmentation
  try:
    regions = reading.read_mask(path)
  except InputError as error:
    if not str(error).startswith('cannot decode'):
      raise
    raise InputError(
        f'{example.where}: cannot decode the mask {path}; {_MEND_REGIONS}'
    ) from error
  _check_size(regions, path, image, example, _MEND_REGIONS)
  return regions


def _check_size(labels, path, image, example, mend='make them the same size'):
  size = image.shape[:2]
  if labels.shape != size:
    raise InputError(
        f'{example.where}: the mask {path} is '
        f'{labels.shape[0]}x{labels.shape[1]} (height x width), its image '
        f'{size[0]}x{size[1]}; ' + pictures.how_to_fit(
            example.image, size, labels.shape, mend))


def _number_to_index(number, num_examples, seed):
  """The example behind a running number: a new shuffle every epoch."""
  epoch = tf.cast(number // num_examples, tf.int32)
  place = tf.cast(number % num_examples, tf.int32)
  return tf.random.experimental.index_shuffle(
      place, [seed, epoch], max_index=num_examples - 1)


def _training_batches(
    examples, config, read, name_tensors, start_step, share, features):
  """Reads, views and batches examples; `name_tensors` makes the dict."""

  def features_in(view, index):
    """The features of a crop, where the backbone has seen the image."""
    if features is None:
      return {}
    _, mirror, offset = view
    cells = tf.numpy_function(
        features.crop, [index, mirror, offset], tf.float32, stateful=False)
    return {'features': tf.ensure_shape(cells, features.crop_shape)}

  def load(number):
    index = _number_to_index(number, len(examples), config.random_seed)
    image, labels = tf.numpy_function(
        lambda i: read(examples[i]), [index], [tf.uint8, tf.int32],
        stateful=False)
    image.set_shape([None, None, 3])
    labels.set_shape([None, None])
    seed = tf.stack([config.random_seed, tf.cast(number, tf.int32)])
    # Seeds of their own: with them or without, the crops stay the same.
    if config.random_rotation:
      image, labels = preprocessing.rotate(
          image, labels, tf.random.experimental.stateless_fold_in(seed, 1))
    if config.random_color:
      image = preprocessing.recolor(
          image, tf.random.experimental.stateless_fold_in(seed, 2))
    view = preprocessing.draw_view(
        tf.shape(labels), config.input_size, seed,
        random_scale=config.random_scale, random_mirror=config.random_mirror,
        random_crop=config.random_crop,
        stride=1 if features is None else features.stride)
    return {'index': index, **name_tensors(image, labels, view),
            **features_in(view, index)}

  own = config.batch_size // share[1]

  def number_of(place):
    """The global number of this process's next example."""
    return place // own * config.batch_size + share[0] * own + place % own

  places = tf.data.Dataset.range(
      start_step * config.iter_size * own, config.num_steps * config.iter_size
      * own)
  return places.map(number_of).map(
      load, tf.data.AUTOTUNE, deterministic=True).batch(
          # Nothing remains: this tells a compiler how large batches are.
          own, drop_remainder=True).prefetch(4)


def supervised_batches(
    examples, config, start_step=0, share=(0, 1), features=None):
  """Makes the batches of supervised training.

  Args:
    examples: a list of `image_list.Example`.
    config: a `training_settings.TrainConfig`.
    start_step: the first step to make batches for.
    share: (index, count) of this process, which takes its part of each batch.
    features: a `feature_cache.TrainingFeatures`, or None.

  Returns:
    A tf.data.Dataset of dicts: index i32[B] (of the example), image
    f32[B, H, W, 3], labels i32[B, H, W] (255: ignored), grid_labels
    i32[B, H, W] (k-means start, cells of the original image), locations
    f32[B, H, W, 2] and, where there are some, features f32[B, h, w, C].
  """
  def read(example):
    return read_example(
        example, config.classes, config.ignore_label, config.dataset)

  def name_tensors(image, labels, view):
    return view_labelled(image, labels, config, view)

  return _training_batches(
      examples, config, read, name_tensors, start_step, share, features)


def view_labelled(image, labels, config, view):
  """Returns what `supervised_batches` has of one image, without its index.

  Args:
    image: u8[H, W, 3].
    labels: i32[H, W].
    config: a `training_settings.TrainConfig`.
    view: as `preprocessing.draw_view` returns it.
  """
  height, width = tf.unstack(tf.shape(labels))
  grid = clustering.grid_labels(
      height, width, config.num_clusters, config.num_clusters)
  image, (labels, grid), locations = preprocessing.view_example(
      image, (labels, grid), config.input_size, view)
  return {'image': image, 'labels': labels, 'grid_labels': grid,
          'locations': locations}


def unsupervised_batches(
    examples, config, start_step=0, share=(0, 1), features=None):
  """Makes the batches of unsupervised training.

  Arguments as `supervised_batches`.

  Returns:
    A tf.data.Dataset of dicts: index i32[B], image f32[B, H, W, 3],
    oversegmentation i32[B, H, W] (-1: padding).
  """
  def name_tensors(image, regions, view):
    image, (regions,), _ = preprocessing.view_example(
        image, (regions,), config.input_size, view, padding=-1)
    return {'image': image, 'oversegmentation': regions}

  return _training_batches(
      examples, config, read_regions, name_tensors, start_step, share, features)
