"""The training segments that a prototype set is of: their pictures and pixels.

A prototype set says where each segment is in its picture and how many pixels it
has, not which. Those follow once more from the network, by the same k-means of
the same annotated pixels; the number of pixels tells whether they do.
"""

import dataclasses
import os

import numpy as np

from segsort.checkpoints import checkpoint
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import annotated_segments
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import inference_settings
from segsort.inference import prototype_set
from segsort.runs import resumption
from segsort.runs.settings import Size

# Another machine may round single pixels into another cluster.
_PIXELS_AGREE = 0.05


@dataclasses.dataclass(frozen=True)
class Sources:
  """A prototype set and what it is of.

  Attributes:
    features: f32[M, D], unit length.
    labels: i32[M].
    segments: prototype_set.SEGMENT[M]; None where the set does not say.
    names: the pictures that segments are in, as the set names them.
    images: their paths; None where it is unknown where they are.
    segmenter: a `Segmenter`, or None: segments have a box only.
    notes: sentences that say what cannot be shown, and why.
  """
  features: np.ndarray
  labels: np.ndarray
  segments: np.ndarray | None = None
  names: tuple = ()
  images: tuple | None = None
  segmenter: object = None
  notes: tuple = ()


def load(config, model):
  """Reads a prototype set and finds what it is of.

  Args:
    config: a `flags.PrototypeFlags`.
    model: the Keras model, restored.

  Returns:
    Sources.

  Raises:
    InputError: the set is damaged or does not fit the network, or its files do
      not belong together.
  """
  folder = prototype_set.find(config.prototype_dir)
  features, labels = prototype_set.load(
      folder, config.embedding_dim, config.classes)
  if not os.path.exists(os.path.join(folder, prototype_set.SEGMENTS)):
    return Sources(features, labels, notes=(
        f'The prototypes are without {prototype_set.SEGMENTS}, so that nobody '
        'knows which segments they are of. Extract them with this project.',))
  segments, names = prototype_set.load_segments(folder)
  check_belongs(segments, names, labels, folder)
  run = resumption.read_run(folder)
  data_dir = config.prototype_data_dir
  if not data_dir and run:
    data_dir = run['settings'].get('data_dir')
  if not data_dir:
    return Sources(features, labels, segments, names, notes=(
        'The prototypes do not say which folder their pictures are in. Give '
        '--prototype_data_dir.',))
  segmenter, notes = _make_segmenter(config, model, run, data_dir)
  images = tuple(os.path.join(data_dir, name) for name in names)
  return Sources(features, labels, segments, names, images, segmenter, notes)


def check_belongs(segments, names, labels, folder):
  """Raises InputError where segments are not those of the prototypes.

  Args:
    segments: prototype_set.SEGMENT[M].
    names: of their pictures.
    labels: i32[M], of the prototypes.
    folder: for the message.
  """
  problem = ''
  if len(segments) != len(labels):
    problem = f'there are {len(segments)} segments and {len(labels)} prototypes'
  elif not np.array_equal(segments['label'], labels):
    row = np.flatnonzero(segments['label'] != labels)[0]
    problem = (f'prototype {row} has the label {labels[row]}, its segment '
               f'{segments["label"][row]}')
  elif segments['image'].min() < 0 or segments['image'].max() >= len(names):
    problem = (f'segments are in up to {segments["image"].max() + 1} pictures, '
               f'of which {prototype_set.IMAGES} lists {len(names)}')
  if problem:
    raise InputError(
        f'{folder}/{prototype_set.SEGMENTS} does not belong to '
        f'{prototype_set.FEATURES} beside it: {problem}; extract them again')


def _make_segmenter(config, model, run, data_dir):
  """Returns a Segmenter, or None and a note in a tuple that says why."""
  if config.outlines == 'boxes':
    return None, ()
  if not run or run['stage'] != inference_settings.ExtractConfig.__name__:
    return None, ('Training segments are shown by their box: there is no '
                  'config.json beside the prototypes that tells how they were '
                  'clustered.',)
  if run['settings'].get('regions_dir'):
    return None, ('Training segments are shown by their box: they are regions '
                  'of --regions_dir, no clusters that could be found again.',)
  network = checkpoint.digest(config.restore_from)
  if run.get('inputs', {}).get('restore_from') != network:
    return None, ('Training segments are shown by their box: the prototypes '
                  'were extracted with other weights than these.',)
  extract = _extract_config(run, config, data_dir)
  try:
    examples = image_list.read_list(
        extract.data_list, data_dir, needs=())
  except InputError as error:
    return None, (f'Training segments are shown by their box: {error}.',)
  return Segmenter(extract, model, examples), ()


def _extract_config(run, config, data_dir):
  """The settings of an extraction, with data and weights of today."""
  known = {field.name for field in dataclasses.fields(
      inference_settings.ExtractConfig)}
  settings = {name: value for name, value in run['settings'].items()
              if name in known}
  for name in ('input_size', 'strides'):
    if name in settings:
      settings[name] = Size(settings[name])
  return inference_settings.ExtractConfig(**{
      **settings, 'restore_from': config.restore_from, 'data_dir': data_dir,
      'data_list': config.prototype_list or settings['data_list']})


class Segmenter:
  """Clusters pictures as the extraction of prototypes did."""

  def __init__(self, config, model, examples):
    """Takes an ExtractConfig, the Keras model and its list's `Example`s."""
    self._config = config
    self._embedder = embedding.Embedder(
        model, config.input_size, config.window_strides)
    self._examples = {
        os.path.realpath(example.image): example for example in examples}

  def masks(self, path, segments):
    """Finds the pixels of some segments of a picture.

    Args:
      path: the picture's.
      segments: prototype_set.SEGMENT[S], all in this picture.

    Returns:
      A list of bool[H, W], None where they are not those of the extraction: the
      picture is not in the list or has no mask, or other pixels come out.
    """
    example = self._examples.get(os.path.realpath(path))
    if example is None or not os.path.isfile(example.mask):
      return [None] * len(segments)
    image, classes = input_pipeline.read_example(
        example, self._config.classes, self._config.ignore_label,
        self._config.dataset)
    annotated = classes != input_pipeline.IGNORED
    if annotated_segments.are_enough(self._config):
      clusters = annotated_segments.cluster(
          self._embedder.patches(image), annotated, self._config, image)
    else:
      clusters = extraction.cluster_annotated(
          self._embedder.embed(image), annotated, self._config, image)
    clusters = clusters.numpy()
    masks = [(clusters == segment['segment']) & (classes == segment['label'])
             for segment in segments]
    return [mask if agrees(mask, segment) else None
            for mask, segment in zip(masks, segments)]


def agrees(mask, segment):
  """Whether a mask bool[H, W] has the pixels that a SEGMENT counts."""
  difference = abs(int(mask.sum()) - int(segment['pixels']))
  return difference <= _PIXELS_AGREE * segment['pixels']


def read_picture(path, segments):
  """Reads a training picture.

  Args:
    path: of the picture.
    segments: prototype_set.SEGMENT[S], all in this picture.

  Returns:
    u8[H, W, 3]; None where there is none, or one that segments reach out of.
  """
  try:
    image = reading.read_image(path)
  except InputError:
    return None
  height, width = image.shape[:2]
  fits = (segments['bottom'].max() <= height
          and segments['right'].max() <= width)
  return image if fits else None
