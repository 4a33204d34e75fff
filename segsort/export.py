"""One SavedModel from image bytes to labels, that runs without this project."""

import contextlib
import dataclasses
import os
import shutil
import tempfile

import tensorflow as tf

import network
from network.segsort import clustering
from network.segsort import labelling
from segsort import checkpoint
from segsort import config as config_lib
from segsort import dataset_info
from segsort import embedding
from segsort import encoded_pictures
from segsort import files
from segsort import labeller
from segsort import preprocessing
from segsort import prototype_set
from segsort import results
from segsort import resumption
from segsort import run_record
from segsort.errors import InputError, first_line

MARK = 'saved_model.pb'  # of a folder that is a SavedModel
VOID = 255  # label of no pixel


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(config_lib.ModelSettings, config_lib.CheckpointSettings):
  """A trained network and a prototype set in one file."""

  INHERITED = config_lib.RestoredSettings.INHERITED

  prototype_dir: str = config_lib.setting(
      text='folder written by extract_prototypes.py')
  save_dir: str = config_lib.setting(text='folder that becomes the SavedModel')
  dataset: str = config_lib.setting(
      'voc12', 'class names, palette and number of classes',
      dataset_info.CHOICES)
  num_classes: int = config_lib.setting(
      0, 'number of classes; 0: that of --dataset')
  input_size: config_lib.Size = config_lib.setting(
      config_lib.Size((336, 336)), 'window, height,width: smaller pictures are '
      'padded to it, as inference.py does, larger ones are seen whole')
  k_in_nearest_neighbors: int = config_lib.setting(15, 'segments that vote')
  color_weight: float = config_lib.setting(
      0., 'of colours beside the embedding in the k-means, see inference.py')
  vote_balance: float = config_lib.setting(
      0., 'of the votes of rare and frequent classes, see inference.py')
  vote_concentration: float = config_lib.setting(
      0., 'of the votes of near and far segments, see inference.py')
  fold_batch_norm: bool = config_lib.setting(
      False, 'fold it into the convolutions: some per cent faster on CPUs; '
      'another rounding moves the labels of single pixels')
  overwrite: bool = config_lib.setting(
      False, 'replace a SavedModel that is there already')

  @property
  def classes(self):
    """The number of classes, from --num_classes or else the data set."""
    return self.num_classes or dataset_info.get(self.dataset).num_classes


class Labelling(tf.Module):
  """What is exported; its public functions are the signatures.

  Attributes:
    legend: asset: a list of {id, name, color} of the classes, as JSON.
  """

  def __init__(self, model, features, labels, legend, config):
    """Keeps the network and the prototypes.

    Args:
      model: a model of `network.build_embedding_model`.
      features: f32[M, D], unit length.
      labels: i32[M].
      legend: path of a JSON file, which is copied.
      config: an ExportConfig.
    """
    super().__init__()
    self._model = model
    self._window = config.input_size
    self._embed_window = embedding.Embedder(
        model, config.input_size, config.input_size).embed_windows
    # Variables: a graph's constants must be smaller than 2 GB.
    self._prototypes = tf.Variable(features, trainable=False)
    self._prototype_labels = tf.Variable(labels, trainable=False)
    self.legend = tf.saved_model.Asset(legend)
    self._settings = {
        'num_clusters': config.num_clusters,
        'iterations': config.kmeans_iterations,
        'num_neighbours': prototype_set.clamp_neighbours(
            config.k_in_nearest_neighbors, len(labels)),
        'num_classes': config.classes,
        'vote_weights': labeller.weights_of_votes(labels, config)}
    self._config = config

  @tf.function(input_signature=[tf.TensorSpec([], tf.string, 'image')])
  def label(self, image):
    """Labels a picture.

    Args:
      image: string[], the bytes of a JPEG, PNG, BMP or GIF file. It is seen as
        stored: not turned as EXIF says, transparency ignored.

    Returns:
      As `labelling.label_image`, and neighbour_labels i32[K, N], the classes of
      the neighbours.
    """
    embeddings, pixels = self._embed(image)
    locations = clustering.location_features(*tf.unstack(tf.shape(pixels)[:2]))
    found = labelling.label_image(
        clustering.normalize(embeddings), self._prototypes,
        self._prototype_labels, **self._settings,
        cues=embedding.cues_of(locations, pixels, self._config))
    return {**found, 'neighbour_labels': tf.gather(
        self._prototype_labels, found['neighbours'])}

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'images')])
  def label_batch(self, images):
    """Labels pictures of any sizes, one by one.

    Args:
      images: string[B], each as `label` takes it.

    Returns:
      As `label`, with B in front, in the height and width of the largest:
      beyond its own a picture has the label 255 and the segment -1. And sizes
      i32[B, 2], (height, width).
    """
    sizes = tf.map_fn(
        lambda image: tf.shape(encoded_pictures.decode(image))[:2], images,
        fn_output_signature=tf.TensorSpec([2], tf.int32))
    largest = tf.reduce_max(sizes, 0)

    def label_padded(item):
      image, size = item
      found = self.label(image)
      for name, padding in (('labels', VOID), ('segments', -1)):
        found[name] = tf.pad(
            found[name], tf.stack([tf.zeros_like(size), largest - size], 1),
            constant_values=padding)
      return found

    kinds = {name: tf.TensorSpec(None, tensor.dtype) for name, tensor in
             self.label.get_concrete_function().structured_outputs.items()}
    found = tf.map_fn(label_padded, (images, sizes), fn_output_signature=kinds,
                      parallel_iterations=1)  # the memory of one picture
    return {**found, 'sizes': sizes}

  @tf.function(input_signature=[tf.TensorSpec([], tf.string, 'image')])
  def embed(self, image):
    """Returns {'embeddings': f32[H, W, D]}, raw, of the bytes of a picture."""
    return {'embeddings': self._embed(image)[0]}

  def _embed(self, image):
    """Decodes and embeds: f32[H, W, D], raw, and u8[H, W, 3]."""
    pixels = encoded_pictures.decode(image)
    size = tf.unstack(tf.shape(pixels)[:2])
    padding = [[0, tf.maximum(window - length, 0)]
               for window, length in zip(self._window, size)]
    padded = tf.pad(preprocessing.subtract_mean(pixels), [*padding, [0, 0]])
    # One picture, though the graph does not know: where it does, it is
    # optimised otherwise than in inference.py, and rounds otherwise.
    one = tf.cast(tf.strings.length(image) >= 0, tf.int32)
    batch = tf.tile(padded[None], [one, 1, 1, 1])
    raw = tf.cond(
        tf.reduce_all(tf.shape(padded)[:2] == self._window),
        lambda: self._embed_window(tf.ensure_shape(
            batch, [None, *self._window, 3])),
        lambda: self._embed_whole(batch))[0, :size[0], :size[1]]
    return tf.ensure_shape(
        raw, [None, None, self._prototypes.shape[1]]), pixels

  def _embed_whole(self, pixels):
    """As the window, in a graph for any size."""
    return network.layers.resize_bilinear(
        self._model(pixels, training=False), tf.shape(pixels)[1:3])


def export_model(config):
  """Writes one SavedModel: image bytes to labels, segments and neighbours.

  It holds network, k-means, prototypes and retrieval, and loads where this
  project is not: `tf.saved_model.load(DIR).signatures['serving_default']`. The
  signature `label_batch` takes several pictures, `embed` returns raw embeddings
  of one. Pictures are not turned as EXIF says.

  Args:
    config: an ExportConfig.

  Raises:
    InputError: an export that is there, a checkpoint and prototypes that do not
      belong together, or a folder that cannot be written to.
  """
  folder = os.path.normpath(config.save_dir)
  _check_place(folder, config.overwrite)
  resumption.check_prototypes(config)
  features, labels = prototype_set.load(
      config.prototype_dir, config.embedding_dim, config.classes)
  model = embedding.restore_model(config)
  if config.fold_batch_norm:
    model = network.fold_batch_norm(
        model, config.backbone, config.head, config.embedding_dim)
  with tempfile.TemporaryDirectory() as assets:
    results.write_legend(assets, config.dataset, config.classes)
    exported = Labelling(
        model, features, labels, os.path.join(assets, 'legend.json'), config)
    with _whole_folder(folder) as partial:
      tf.saved_model.save(exported, partial, signatures={
          'serving_default': exported.label,
          'label_batch': exported.label_batch, 'embed': exported.embed})
      run_record.write_run(partial, config)
  size = sum(os.path.getsize(os.path.join(place, name))
             for place, _, names in os.walk(folder) for name in names)
  print(f'{size / 1e6:.1f} MB with {len(labels)} prototypes: {folder}')


def _check_place(folder, overwrite):
  """Raises where something is that must not be replaced, or cannot be read."""
  if checkpoint.PATTERN & set(os.path.abspath(folder)):
    raise InputError(
        f'TensorFlow takes {os.path.abspath(folder)} for a pattern and could '
        'not load an export from there; name a --save_dir without '
        f'{" ".join(sorted(checkpoint.PATTERN))} in its path')
  if not os.path.lexists(folder):
    return
  if not os.path.isfile(os.path.join(folder, MARK)) and (
      not os.path.isdir(folder) or os.listdir(folder)):
    raise InputError(
        f'{folder} is there and is no SavedModel; name another --save_dir')
  if os.listdir(folder) and not overwrite:
    raise InputError(
        f'{folder} has a SavedModel; name another --save_dir, or give '
        '--overwrite to replace it')


@contextlib.contextmanager
def _whole_folder(folder):
  """Yields a folder to fill, which becomes `folder` when all went well."""
  partial = f'{folder}.{os.getpid()}.partial'
  earlier = f'{partial}.earlier'
  try:
    with files.writing(folder):
      try:
        yield partial
        if os.path.isdir(folder):
          os.rename(folder, earlier)
        os.rename(partial, folder)
      except tf.errors.OpError as error:
        raise OSError(first_line(error)) from error
  finally:
    if os.path.isdir(earlier) and not os.path.exists(folder):
      os.rename(earlier, folder)
    for leftover in (partial, earlier):
      shutil.rmtree(leftover, ignore_errors=True)
