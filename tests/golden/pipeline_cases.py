"""c8: extraction and inference from JPEG files, with `--tf1_compat`.

The stages run as their scripts run them, on the weights of the rule, restored
from a TF1 bundle; what they cluster is recorded on the way.
"""

import contextlib
import os
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import prototypes as prototypes_lib
from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import reading
from segsort.inference import extraction
from segsort.inference import inference
from segsort.inference import inference_settings
from segsort.inference import labeller
from segsort.inference import prototype_set
from segsort.runs import settings as settings_lib

from golden import weights
from golden.report import EXACT, FLOATS, read_mask, zero_for_nan

INPUTS = {'list.txt', 'images', 'labels', 'prototypes', 'intermediate.npz'}
STRIDES, NEIGHBOURS = (64, 64), 5
PIXELS = 5e-3  # share that may differ
ROW, ROWS = 1e-3, .05  # of that share of the prototypes' rows beyond it


def check_c8(report):
  """Compares prototypes, label maps of the k-means, and predictions."""
  fields = report.fields('c8/intermediate.npz')
  with tempfile.TemporaryDirectory() as folder:
    run = Run(report, fields, folder)
    with report.guard('c8', 'extract'):
      run.check_extraction()
    for name in sorted(os.listdir(report.path('c8'))):
      if name not in INPUTS:
        with report.guard('c8', name):
          run.check_inference(name)
  report.unread('c8', fields.unread())


@contextlib.contextmanager
def recorded():
  """Yields a list of the calls of `cluster_image`: arguments and labels.

  Graphs write them down as they run, one window after the other.
  """
  calls = []
  original = extraction.cluster_image

  def append(*values):
    calls.append([np.array(value) for value in values])
    return values[-1]

  def record(embeddings, locations, taking_part, *settings):
    labels = original(embeddings, locations, taking_part, *settings)
    recorded_labels = tf.numpy_function(
        append, (embeddings, locations, taking_part, labels), labels.dtype)
    return tf.ensure_shape(recorded_labels, labels.shape)

  with mock.patch.object(extraction, 'cluster_image', record), \
      mock.patch.object(labeller, 'WINDOWS_IN_PARALLEL', 1):
    yield calls


def embeddings_of(call):
  """Returns the embeddings f32[P, D] of a recorded call."""
  return call[0].reshape(-1, call[0].shape[-1])


class Run:
  """The stages on one golden folder."""

  def __init__(self, report, fields, folder):
    """Takes report, `report.Fields` and a folder for results."""
    self._report, self._fields, self._folder = report, fields, folder
    self._images = report.path('c8')
    self._examples = image_list.read_list(
        report.path('c8/list.txt'), self._images, ('image', 'mask'))
    self._features, self._labels = (
        np.load(report.path(f'c8/prototypes/{name}'))
        for name in (prototype_set.FEATURES, prototype_set.LABELS))

  def _settings(self, window, strides=(0, 0)):
    dim = self._features.shape[-1]
    return {
        'data_list': self._report.path('c8/list.txt'),
        'data_dir': self._images, 'embedding_dim': dim,
        'restore_from': weights.bundle(self._report, 'pspnet', dim),
        'input_size': settings_lib.Size(window),
        'strides': settings_lib.Size(strides), 'tf1_compat': True}

  def _msc_window(self):
    return self._fields['msc_plain.patch00.kmeans_labels'].shape[1:]

  def check_extraction(self):
    """Compares the prototype set and what it was made from."""
    with weights.built_once(), recorded() as calls:
      extraction.extract_prototypes(inference_settings.ExtractConfig(
          save_dir=self._folder, **self._settings(self._msc_window(), STRIDES)))
    features, labels = prototype_set.load(
        self._folder, self._features.shape[-1], 21)
    self._report.compare('c8', 'prototype_labels', labels, self._labels, EXACT)
    if features.shape != self._features.shape:
      raise ValueError(f'{features.shape} features, not {self._features.shape}')
    far = np.abs(features - self._features).max(-1)
    self._report.row('c8', 'prototype_features: share of rows beyond 1e-3',
                     float(np.mean(~(far <= ROW))), ROWS)
    names = self._fields.groups('extract.', '.prototypes')
    self._report.compare(
        'c8', 'prototype_features: those of the images',
        np.concatenate([self._fields[f'extract.{name}.prototypes']
                        for name in names]), self._features, EXACT)
    for name, call in zip(names, calls, strict=True):
      self._check_extracted(name, call)

  def _check_extracted(self, name, call):
    example = next(one for one in self._examples if one.name == name)
    annotated = call[2].reshape(-1)
    classes = reading.read_mask(example.mask).reshape(-1)[annotated]
    key = f'extract.{name}'
    golden = self._fields[f'{key}.kmeans_labels_valid_pixels']
    self._compare_pixels(f'{key}.kmeans_labels_valid_pixels',
                         call[3].reshape(-1)[annotated], golden)
    # From the golden labels: a pixel in another cluster would show.
    ours, _ = prototypes_lib.annotated_prototypes(
        embeddings_of(call)[annotated], golden, tf.constant(classes), 21)
    self._report.compare('c8', f'{key}.prototypes', ours,
                         self._fields[f'{key}.prototypes'])

  def check_inference(self, name):
    """Compares one mode's pictures, and what they were made from.

    Args:
      name: 'single', 'msc_plain', 'msc_flip' or 'msc_scale_flip'.
    """
    parts = set(name.split('_'))
    if name != 'single' and not {'msc'} < parts <= {
        'msc', 'plain', 'flip', 'scale'}:
      raise ValueError('unknown mode of inference')
    if name == 'single':
      window = self._fields[
          f'single.{self._examples[0].name}.cluster_labels'].shape[1:]
      settings = self._settings(window)
    else:
      settings = self._settings(self._msc_window(), STRIDES)
    folder = os.path.join(self._folder, name)
    with weights.built_once(), recorded() as calls:
      inference.infer(inference_settings.InferenceConfig(
          save_dir=folder, prototype_dir=self._folder,
          k_in_nearest_neighbors=NEIGHBOURS, scale_aug='scale' in parts,
          flip_aug='flip' in parts, **settings))
    if name == 'single':
      for example, call in zip(self._examples, calls, strict=True):
        self._check_single(f'single.{example.name}', call)
    else:
      self._report.compare('c8', f'{name}.num_patches_total', len(calls),
                           self._fields[f'{name}.num_patches_total'], EXACT)
      patches = self._fields.groups(f'{name}.patch', '.kmeans_labels')
      for patch in patches:
        self._check_patch(f'{name}.patch{patch}', calls[int(patch)])
    self._check_pictures(name, folder)

  def _check_single(self, key, call):
    golden = self._fields[f'{key}.cluster_labels']
    self._compare_pixels(f'{key}.cluster_labels', call[3][None], golden)
    self._compare_queries(key, call, golden.reshape(-1))
    for stride in self._fields.groups(f'{key}.embedding_with_loc_stride'):
      step = int(stride)
      features = clustering.add_location(*call[:2])[::step, ::step]
      name = f'{key}.embedding_with_loc_stride{stride}'
      self._report.compare('c8', name, features[None], self._fields[name])

  def _check_patch(self, key, call):
    golden = self._fields[f'{key}.kmeans_labels']
    self._compare_pixels(f'{key}.kmeans_labels', call[3][None], golden)
    # The multi-scale script numbers clusters in order of first occurrence.
    _, labels = tf.unique(golden.reshape(-1).astype(np.int32))
    self._compare_queries(key, call, labels)

  def _compare_queries(self, key, call, labels):
    """Compares the prototypes of a window's clusters; NaN: an empty one."""
    golden = zero_for_nan(self._fields[f'{key}.test_prototypes'])
    self._report.compare(
        'c8', f'{key}.test_prototypes',
        prototypes_lib.segment_prototypes(
            embeddings_of(call), labels, len(golden)), golden, FLOATS)

  def _check_pictures(self, name, folder):
    palette = dataset_info.get('voc12').palette
    expected = {f'{example.name}.png' for example in self._examples}
    for kind in ('gray', 'color'):
      for unknown in sorted(
          set(os.listdir(self._report.path(f'c8/{name}/{kind}'))) - expected):
        self._report.fail('c8', f'{name}/{kind}/{unknown}', 'unknown file')
    for picture in sorted(expected):
      golden = read_mask(self._report, f'c8/{name}/gray/{picture}')
      colors = reading.read_image(
          self._report.path(f'c8/{name}/color/{picture}'))
      self._compare_pixels(
          f'{name}/gray/{picture}',
          reading.read_mask(f'{folder}/gray/{picture}'), golden)
      self._compare_pixels(
          f'{name}/color/{picture}',
          reading.read_image(f'{folder}/color/{picture}'), colors)
      self._report.compare('c8', f'{name}/color/{picture}: those of gray',
                           palette[golden], colors, EXACT)

  def _compare_pixels(self, key, ours, golden):
    """Compares label maps, of which a few pixels may differ."""
    if ours.shape != golden.shape:
      self._report.fail('c8', key, f'shape {ours.shape}, not {golden.shape}')
      return
    different = ours != golden
    if different.ndim == 3 and different.shape[-1] == 3:
      different = different.any(-1)
    self._report.row('c8', key, float(different.mean()), PIXELS)
