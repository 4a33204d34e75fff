"""c4: prototypes of annotated images, retrieval, panoptic labels, oracles."""

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import prototypes as prototypes_lib
from network.segsort import retrieval

from golden import margin
from golden.report import EXACT

IGNORED = 255
NUM_CLUSTERS, ITERATIONS, NEIGHBOURS, DIVISOR = 25, 10, 5, 256


def check_c4(report):
  """Compares extraction, votes and oracles."""
  fields = report.fields('c4_eval_utils.npz')
  checks = {
      'extract': _extract, 'majority': _majority, 'knn': _votes,
      'predict_all': _predict_all, 'oracle': _oracle,
      'oracle_region': _oracle_region}
  for group in dict.fromkeys(key.split('.')[0] for key in fields.groups()):
    with report.guard('c4', group):
      if group.startswith('predict_k'):
        _predict(report, fields, group, int(group[len('predict_k'):]))
      elif group in checks:
        checks[group](report, fields, group)
  report.unread('c4', fields.unread())


def _extract(report, fields, group):
  embeddings = fields[f'{group}.embedding']
  report.unit_length('c4', f'{group}.embedding', embeddings)
  locations = fields[f'{group}.location_features']
  semantic = fields[f'{group}.semantic']
  panoptic = fields[f'{group}.panoptic_div{DIVISOR}']
  valid = semantic != IGNORED
  report.compare(
      'c4', f'{group}.panoptic_div{DIVISOR}',
      retrieval.panoptic_ids(semantic, fields[f'{group}.instance'], DIVISOR),
      panoptic, EXACT)
  grid = fields[f'{group}.cluster_labels']
  features = clustering.add_location(embeddings, locations)
  clusters = clustering.spherical_kmeans(
      features[None], tf.where(valid, grid, -1)[None], NUM_CLUSTERS,
      ITERATIONS)[0]
  for name in fields.groups(f'{group}.', '.features'):
    mode = name.split('_')[0]
    ids, classes = tf.unique(panoptic[valid] if mode == 'pan' else
                             np.arange(semantic[valid].max() + 1))
    if mode == 'sem':
      classes = semantic[valid]
    features, labels = prototypes_lib.annotated_prototypes(
        embeddings[valid], clusters[valid], classes, len(ids))
    key = f'{group}.{name}'
    report.compare('c4', f'{key}.features', features, fields[f'{key}.features'])
    instances = labels if mode == 'pan' else tf.zeros_like(labels)
    if mode == 'pan':
      labels = tf.gather(ids, labels) // DIVISOR
    report.compare('c4', f'{key}.semantic_labels', labels,
                   fields[f'{key}.semantic_labels'], EXACT)
    report.compare('c4', f'{key}.instance_labels', instances,
                   fields[f'{key}.instance_labels'], EXACT)
  smallest = margin.smallest_margin(
      margin.with_location(embeddings[valid], locations[valid]), grid[valid],
      NUM_CLUSTERS, ITERATIONS)
  report.compare('c4', f'{group}.min_margin', smallest,
                 fields[f'{group}.min_margin'])


def _majority(report, fields, group):
  selected = fields[f'{group}.select_pixels'][:, 0]
  golden = fields[f'{group}.majority_labels']
  labels = fields[f'{group}.labels']
  report.compare(
      'c4', f'{group}.majority_labels',
      prototypes_lib.majority_labels(
          fields[f'{group}.cluster_labels'][selected], labels[selected],
          len(golden), int(labels.max()) + 1), golden, EXACT)


def _votes(report, fields, group):
  labels = fields[f'{group}.prototype_labels']
  report.compare(
      'c4', f'{group}.out',
      retrieval.majority_vote(
          labels[fields[f'{group}.k_predictions']], int(labels.max()) + 1),
      fields[f'{group}.out'], EXACT)


def _label_segments(fields, group, queries, number):
  """Semantic and instance labels of segments: i32[S] each."""
  neighbours = retrieval.nearest_prototypes(
      queries, fields[f'{group}.prototype_features'], number)
  semantic, instance = (
      fields[f'{group}.prototype_{kind}_labels']
      for kind in ('semantic', 'instance'))
  return (
      retrieval.majority_vote(
          tf.gather(semantic, neighbours), int(semantic.max()) + 1),
      retrieval.vote_instances(
          tf.gather(instance, neighbours), int(instance.max()) + 1))


def _predict(report, fields, group, number):
  clusters = fields[f'{group}.cluster_labels']
  for name in ('test_prototypes', 'prototype_features'):
    report.unit_length('c4', f'{group}.{name}', fields[f'{group}.{name}'])
  semantic, instance = _label_segments(
      fields, group, tf.constant(fields[f'{group}.test_prototypes']), number)
  report.compare('c4', f'{group}.semantic', tf.gather(semantic, clusters),
                 fields[f'{group}.semantic'], EXACT)
  report.compare('c4', f'{group}.instance', tf.gather(instance, clusters),
                 fields[f'{group}.instance'], EXACT)


def _predict_all(report, fields, group):
  raw = fields[f'{group}.embedding']
  for name in ('embedding', 'prototype_features'):
    report.unit_length('c4', f'{group}.{name}', fields[f'{group}.{name}'])
  batch, height, width, dim = raw.shape
  embeddings = clustering.normalize(raw)
  locations = clustering.location_features(height, width)
  grid = tf.reshape(clustering.grid_labels(height, width, 5, 5), [1, -1])
  features = clustering.add_location(
      embeddings, tf.broadcast_to(locations, [batch, height, width, 2]))
  clusters = clustering.spherical_kmeans(
      tf.reshape(features, [batch, height * width, dim + 2]), grid,
      NUM_CLUSTERS, ITERATIONS)
  queries = prototypes_lib.segment_prototypes(
      tf.reshape(embeddings, [-1, dim]), tf.reshape(clusters, [-1]),
      NUM_CLUSTERS)
  semantic, instance = (
      tf.reshape(tf.gather(labels, clusters), [batch, height, width])
      for labels in _label_segments(fields, group, queries, NEIGHBOURS))
  instance = retrieval.without_instances(
      semantic, instance, fields[f'{group}.class_has_instances_list'])
  found = {
      'cluster_labels': tf.reshape(clusters, [batch, height, width]),
      'semantic': semantic, 'instance': instance,
      'panoptic': retrieval.panoptic_ids(semantic, instance, DIVISOR)}
  for name, ours in found.items():
    report.compare('c4', f'{group}.{name}', ours, fields[f'{group}.{name}'],
                   EXACT)
  smallest = margin.smallest_margin(
      margin.with_location(np.float64(raw), np.asarray(locations)[None]),
      grid[0].numpy(), NUM_CLUSTERS, ITERATIONS)
  report.compare('c4', f'{group}.min_margin', smallest,
                 fields[f'{group}.min_margin'])


def _oracle(report, fields, group):
  labels, clusters = (
      fields[f'{group}.{key}'] for key in ('labels', 'cluster_labels'))
  labels = np.where(labels == IGNORED, 0, labels)
  report.compare(
      'c4', f'{group}.predict_out',
      retrieval.oracle_labels(
          clusters.astype(np.int32), labels, int(clusters.max()) + 1,
          int(labels.max()) + 1), fields[f'{group}.predict_out'], EXACT)


def _oracle_region(report, fields, group):
  embeddings, labels = (
      fields[f'{group}.{key}'] for key in ('embedding', 'labels'))
  # A region is a cluster, numbered in order of first occurrence.
  _, clusters = tf.unique(labels.reshape(-1))
  report.compare('c4', f'{group}.cluster_labels',
                 tf.reshape(clusters, labels.shape),
                 fields[f'{group}.cluster_labels'], EXACT)
  report.compare(
      'c4', f'{group}.prototypes',
      clustering.sum_members(
          embeddings.reshape(-1, embeddings.shape[-1]), clusters,
          int(labels.max()) + 1), fields[f'{group}.prototypes'])
