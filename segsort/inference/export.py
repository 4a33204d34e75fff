"""One SavedModel from image bytes to labels, that runs without this project."""

import contextlib
import dataclasses
import os
import shutil
import tempfile

import tensorflow as tf

import network
from segsort.checkpoints import checkpoint
from segsort.checkpoints import network_settings
from segsort.data import dataset_info
from segsort.errors import InputError, first_line
from segsort.inference import embedding
from segsort.inference import exported_model
from segsort.inference import inference_settings
from segsort.inference import prototype_checks
from segsort.inference import prototype_set
from segsort.inference import results
from segsort.runs import files
from segsort.runs import run_record
from segsort.runs import settings as settings_lib

MARK = 'saved_model.pb'  # of a folder that is a SavedModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(inference_settings.ClusterSettings,
                   network_settings.CheckpointSettings):
  """A trained network and a prototype set in one file."""

  INHERITED = inference_settings.RestoredSettings.INHERITED

  prototype_dir: str = settings_lib.setting(
      text='folder written by extract_prototypes.py')
  save_dir: str = settings_lib.setting(
      text='folder that becomes the SavedModel')
  dataset: str = settings_lib.setting(
      'voc12', 'class names, palette and number of classes',
      dataset_info.CHOICES)
  num_classes: int = settings_lib.setting(
      0, 'number of classes; 0: that of --dataset')
  input_size: settings_lib.Size = settings_lib.setting(
      settings_lib.Size((336,
                         336)), 'window, height,width: smaller pictures are '
      'padded to it, as inference.py does, larger ones are seen whole, but by '
      'a network of one size')
  k_in_nearest_neighbors: int = settings_lib.setting(15, 'segments that vote')
  color_weight: float = settings_lib.setting(
      0., 'of colours beside the embedding in the k-means, see inference.py')
  vote_balance: float = settings_lib.setting(
      0., 'of the votes of rare and frequent classes, see inference.py')
  vote_concentration: float = settings_lib.setting(
      0., 'of the votes of near and far segments, see inference.py')
  fold_batch_norm: bool = settings_lib.setting(
      False, 'fold it into the convolutions: some per cent faster on CPUs; '
      'another rounding moves the labels of single pixels')
  overwrite: bool = settings_lib.setting(
      False, 'replace a SavedModel that is there already')

  @property
  def classes(self):
    """The number of classes, from --num_classes or else the data set."""
    return self.num_classes or dataset_info.get(self.dataset).num_classes


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
  prototype_checks.check_prototypes(config)
  prototype_checks.warn_of_other_segments(config)
  features, labels = prototype_set.load(
      config.prototype_dir, config.embedding_dim, config.classes)
  model = embedding.restore_model(config)
  if config.classifier:
    print('the classifier is not exported: labels go by votes alone')
  if config.fold_batch_norm:
    model = network.fold_batch_norm(model)
  with tempfile.TemporaryDirectory() as assets:
    results.write_legend(assets, config.dataset, config.classes)
    exported = exported_model.Labelling(
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
          # No folder is replaced in one step: the old one waits beside it.
          os.rename(folder, earlier)
        os.rename(partial, folder)
      except tf.errors.OpError as error:
        raise OSError(first_line(error)) from error
  finally:
    if os.path.isdir(earlier) and not os.path.exists(folder):
      os.rename(earlier, folder)
    for leftover in (partial, earlier):
      shutil.rmtree(leftover, ignore_errors=True)
