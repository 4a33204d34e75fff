"""c2: the supervised loss with and without banks; c3: the unsupervised."""

import re

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import loss as loss_lib
from network.segsort import memory_bank

from golden import margin
from golden.report import EXACT

IGNORED = 255
# A name that says otherwise, as conc6.5_n3_it4, does.
SETTINGS = {'conc': 10., 'n': 5, 'it': 10}
# The release's gradients are up to 9e-6 of the largest off a float64 model of
# them, ours up to 9e-7.
GRADIENT = 3e-5


def _compare_gradient(report, case, key, ours, golden):
  """Compares a gradient; of a loss of 0 both may hold rounding errors."""
  one_pixel = SETTINGS['conc'] / np.prod(golden.shape[:3])
  scale = max(np.abs(golden).max(), 1e-3 * one_pixel)
  report.compare_scaled(case, key, ours, golden, scale, GRADIENT)


def check_c2(report):
  """Compares loss and gradient of single batches and of sequences."""
  fields = report.fields('c2_segsort_loss.npz')
  sequences = fields.groups(suffix='.memory_init')
  for name in fields.groups(suffix='.embedding'):
    with report.guard('c2', name):
      _check_inputs(report, fields, name)
      if name.split('.')[0] not in sequences:
        _check_batch(report, fields, name)
  for name in sequences:
    with report.guard('c2', name):
      _check_sequence(report, fields, name)
  report.unread('c2', fields.unread())


def _settings(name):
  """The settings of a batch, as far as its name gives them."""
  given = re.findall(r'(?:^|_)(conc|n|it)(\d[\d.]*)', name)
  return {**SETTINGS, **{key: float(value) for key, value in given}}


def _supervised(fields, name, bank=None):
  """Loss, gradient, prototypes and their labels of a golden batch."""
  settings = _settings(name)
  embeddings = tf.constant(fields[f'{name}.embedding'])
  labels = fields[f'{name}.labels'][..., 0]
  with tf.GradientTape() as tape:
    tape.watch(embeddings)
    directions = clustering.normalize(embeddings)
    clusters = loss_lib.cluster_batch(
        directions, fields[f'{name}.loc_features'],
        fields[f'{name}.cluster_labels'][..., 0], labels != IGNORED,
        num_clusters=int(settings['n']) ** 2, iterations=int(settings['it']))
    loss, prototypes, classes, _ = loss_lib.segsort_loss(
        directions, clusters, labels, concentration=settings['conc'],
        bank=bank)
  return loss, tape.gradient(loss, embeddings), prototypes, classes


def _check_inputs(report, fields, name):
  """Checks that k-means starts from a grid: a row's part plus a column's."""
  grid = fields[f'{name}.cluster_labels']
  inside = grid[..., 0] != IGNORED  # the top left corner always is
  for key in ('cluster_labels', 'loc_features'):
    if key == 'cluster_labels' and 'empty' in name:
      continue  # where some cells were emptied on purpose
    values = np.float64(fields[f'{name}.{key}'])
    parts = values[:, :, :1] + values[:, :1, :] - values[:, :1, :1]
    report.row('c2', f'{name}.{key}: a grid',
               float(np.abs(values - parts)[inside].max(initial=0.)), 1e-6)


def _check_batch(report, fields, name):
  loss, gradient, _, _ = _supervised(fields, name)
  report.compare('c2', f'{name}.loss', loss, fields[f'{name}.loss'])
  _compare_gradient(report, 'c2', f'{name}.grad', gradient,
                    fields[f'{name}.grad'])
  if f'{name}.min_margin' in fields:
    report.compare('c2', f'{name}.min_margin', _smallest_margin(fields, name),
                   fields[f'{name}.min_margin'])


def _smallest_margin(fields, name):
  """The smallest margin of the k-means of a batch's images."""
  settings = _settings(name)
  smallest = np.inf
  for embeddings, locations, labels, grid in zip(*(
      fields[f'{name}.{key}'] for key in (
          'embedding', 'loc_features', 'labels', 'cluster_labels'))):
    valid = labels[..., 0] != IGNORED
    if valid.any():
      features = margin.with_location(
          margin.unit(embeddings[valid]), locations[valid])
      smallest = min(smallest, margin.smallest_margin(
          features, grid[..., 0][valid], int(settings['n']) ** 2,
          int(settings['it'])))
  return smallest


def _check_sequence(report, fields, name):
  for mode in ('shipped', 'rotated'):
    memory = fields[f'{name}.memory_init']
    bank = memory_bank.MemoryBank(*memory.shape)
    bank.prototypes.assign(memory)
    bank.labels.assign(fields[f'{name}.memory_labels_init'])
    for step in fields.groups(f'{name}.{mode}.step', '.loss'):
      _check_step(report, fields, name, mode, step, bank)


def _check_step(report, fields, name, mode, step, bank):
  batch, outputs = f'{name}.step{step}', f'{name}.{mode}.step{step}'
  loss, gradient, prototypes, classes = _supervised(
      fields, batch, bank.read())
  report.compare('c2', f'{outputs}.loss', loss, fields[f'{outputs}.loss'])
  if f'{outputs}.grad' in fields:
    _compare_gradient(report, 'c2', f'{outputs}.grad', gradient,
                      fields[f'{outputs}.grad'])
  if mode == 'shipped':  # the release never fills its banks
    report.compare('c2', f'{batch}.num_prototypes', len(classes),
                   fields[f'{batch}.num_prototypes'], EXACT)
    report.compare('c2', f'{batch}.prototypes', prototypes,
                   fields[f'{batch}.prototypes'])
    report.compare('c2', f'{batch}.prototype_labels', classes,
                   fields[f'{batch}.prototype_labels'], EXACT)
    return
  bank.enqueue(prototypes, classes)
  report.compare('c2', f'{outputs}.memory_after', bank.prototypes,
                 fields[f'{outputs}.memory_after'])
  report.compare('c2', f'{outputs}.memory_labels_after', bank.labels,
                 fields[f'{outputs}.memory_labels_after'], EXACT)


def check_c3(report):
  """Compares loss and gradient without labels."""
  fields = report.fields('c3_unsup_loss.npz')
  for name in fields.groups(suffix='.embedding'):
    with report.guard('c3', name):
      embeddings = tf.constant(fields[f'{name}.embedding'])
      with tf.GradientTape() as tape:
        tape.watch(embeddings)
        loss = loss_lib.unsupervised_segsort_loss(
            clustering.normalize(embeddings),
            fields[f'{name}.cluster_labels'][..., 0],
            concentration=SETTINGS['conc'])[0]
      report.compare('c3', f'{name}.loss', loss, fields[f'{name}.loss'])
      _compare_gradient(
          report, 'c3', f'{name}.grad', tape.gradient(loss, embeddings),
          fields[f'{name}.grad'])
  report.unread('c3', fields.unread())
