"""c1: normalising, locations, grids, k-means, segments; c5: PCA."""

import re

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import projection
from network.segsort import prototypes as prototypes_lib
from segsort.inference import tf1_compat

from golden import margin
from golden.report import EXACT, zero_for_nan

ITERATIONS = 10


def check_c1(report):
  """Compares the parts of the clustering."""
  fields = report.fields('c1_common_utils.npz')
  for group in dict.fromkeys(key.split('.')[0] for key in fields.groups()):
    kind = next((kind for kind in _KINDS if group.startswith(kind)), None)
    with report.guard('c1', group):
      if kind:
        _KINDS[kind](report, fields, group)
  report.unread('c1', fields.unread())


def _normalize(report, fields, group):
  # The release makes a zero vector NaN; ours stays zero.
  report.compare(
      'c1', f'{group}.out', clustering.normalize(fields[f'{group}.in']),
      zero_for_nan(fields[f'{group}.out']))


def _prototypes(report, fields, group):
  embeddings, labels = fields[f'{group}.embedding'], fields[f'{group}.labels']
  embeddings = embeddings.reshape(-1, embeddings.shape[-1])
  for name in fields.groups(f'{group}.out_'):
    number = int(name[3:]) if name != 'auto' else int(labels.max()) + 1
    report.compare(
        'c1', f'{group}.out_{name}',
        prototypes_lib.segment_prototypes(
            embeddings, labels.reshape(-1), number),
        zero_for_nan(fields[f'{group}.out_{name}']))  # empty segments


def _nearest(report, fields, group):
  embeddings = fields['nearest.embedding']
  if f'{group}.embedding' in fields:
    report.unit_length('c1', f'{group}.embedding', embeddings)
  report.unit_length(
      'c1', f'{group}.prototypes', fields[f'{group}.prototypes'])
  report.compare(
      'c1', f'{group}.out',
      clustering.assign_clusters(
          embeddings.reshape(-1, embeddings.shape[-1]),
          zero_for_nan(fields[f'{group}.prototypes'])),
      fields[f'{group}.out'], EXACT)


def _kmeans_from_labels(report, fields, group):
  embeddings = fields[f'{group}.embedding']
  labels = fields[f'{group}.initial_labels']
  number = int(labels.max()) + 1
  for name in fields.groups(f'{group}.out_'):
    # Clusters beyond the highest label start empty, and stay so.
    spare, iterations = (
        (0, ITERATIONS) if name == 'auto_max' else (2, int(name[2:])))
    report.compare(
        'c1', f'{group}.out_{name}',
        clustering.spherical_kmeans(
            embeddings[None], labels[None], number + spare, iterations)[0],
        fields[f'{group}.out_{name}'], EXACT)
  _check_run(report, fields, group, embeddings, labels, number)


def _kmeans_from_grid(report, fields, group):
  embeddings = fields[f'{group}.embedding']
  grid = [int(number) for number in fields[f'{group}.num_clusters']]
  batch, height, width, dim = embeddings.shape
  labels = tf.tile(tf.reshape(
      clustering.grid_labels(height, width, *grid), [1, -1]), [batch, 1])
  found = clustering.spherical_kmeans(
      embeddings.reshape(batch, -1, dim), labels, grid[0] * grid[1],
      ITERATIONS)
  report.compare('c1', f'{group}.out',
                 tf.reshape(found, [batch, height, width]),
                 fields[f'{group}.out'], EXACT)
  _check_run(report, fields, group, embeddings.reshape(-1, dim),
                  labels.numpy().reshape(-1), grid[0] * grid[1])


def _check_run(report, fields, group, embeddings, labels, number):
  """Checks the input of a run and how close it came to another result."""
  report.unit_length('c1', f'{group}.embedding', embeddings)
  smallest = margin.smallest_margin(
      np.float64(embeddings), labels, number, ITERATIONS)
  report.compare('c1', f'{group}.min_margin', smallest,
                 fields[f'{group}.min_margin'])


def _grids(report, fields, group):
  for name in fields.groups(f'{group}.'):
    sizes = [int(number) for number in re.split('[x_]', name)]
    report.compare('c1', f'{group}.{name}', clustering.grid_labels(*sizes),
                   fields[f'{group}.{name}'], EXACT)


def _locations(report, fields, group):
  for name in fields.groups(f'{group}.'):
    size = tuple(int(number) for number in name.split('x'))
    golden = fields[f'{group}.{name}']
    locations = clustering.location_features(*size)
    if group == 'loc_int':
      report.compare('c1', f'{group}.{name}', np.rint(locations * size),
                     golden, EXACT)
    elif group == 'loc_np':
      report.compare('c1', f'{group}.{name}',
                     tf1_compat.inclusive_locations(*size)[None], golden)
    else:
      report.compare('c1', f'{group}.{name}', locations, golden)


def _segments(report, fields, group):
  semantic = fields[f'{group}.semantic']
  instance = fields[f'{group}.instance']
  segments, classes = prototypes_lib.split_by_class(
      tf.cast(instance, tf.int32), semantic)
  for offset in fields.groups(f'{group}.unique_off'):
    report.compare('c1', f'{group}.unique_off{offset}', segments,
                   fields[f'{group}.unique_off{offset}'], EXACT)
    report.compare('c1', f'{group}.protolabels_off{offset}', classes,
                   fields[f'{group}.protolabels_off{offset}'], EXACT)


_KINDS = {
    'normalize_embedding': _normalize, 'prototypes_': _prototypes,
    'nearest': _nearest, 'kmwl': _kmeans_from_labels,
    'kmeans_': _kmeans_from_grid, 'init_labels': _grids, 'loc_': _locations,
    'proto_labels': _segments}


def check_c5(report):
  """Compares principal components up to their signs."""
  fields = report.fields('c5_pca.npz')
  embeddings = fields['embedding']
  with report.guard('c5', 'pca_given'):
    report.compare(
        'c5', 'pca_given',
        projection.project(embeddings, fields['given_components']),
        fields['pca_given'])
  for key in [*fields.groups('principal_components'), *fields.groups('pca')]:
    if not key.isdigit():
      continue
    for prefix in ('principal_components', 'pca'):
      if f'{prefix}{key}' in fields:
        with report.guard('c5', f'{prefix}{key}'):
          _compare_up_to_sign(report, fields, prefix, int(key))
  report.unread('c5', fields.unread())


def _compare_up_to_sign(report, fields, prefix, number):
  golden = fields[f'{prefix}{number}']
  embeddings = fields['embedding']
  ours = projection.principal_components(embeddings, number)
  if prefix == 'pca':
    ours = projection.project(embeddings, ours)
  ours = np.asarray(ours)
  signs = np.sign((ours * golden).sum(tuple(range(golden.ndim - 1))))
  report.compare('c5', f'{prefix}{number}', ours * signs, golden)
