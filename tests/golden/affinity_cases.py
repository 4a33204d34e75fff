"""c11: the affinity losses of the AAF codebase, fixed and adaptive."""

import numpy as np
import tensorflow as tf

from golden.report import EXACT, zero_for_nan
from network import affinity

IGNORED = 255
GRADIENT = 3e-5  # as of c2: those of float32 of the original are off as well


def check_c11(report):
  """Compares means, counts and gradients of both losses."""
  fields = report.fields('c11_affinity.npz')
  for name in fields.groups(suffix='.logits'):
    with report.guard('c11', name):
      _check_fixed(report, fields, name)
      _check_adaptive(report, fields, name)
  report.unread('c11', fields.unread())


def _means(fields, name, num_distances):
  """The logits, watched, our means, how many entries, and the tape."""
  logits = tf.constant(fields[f'{name}.logits'])
  labels, counts = fields[f'{name}.labels'], []

  def total(count):
    counts.append(count.numpy())
    return count

  with tf.GradientTape() as tape:
    tape.watch(logits)
    means = affinity.affinity_means(
        tf.nn.softmax(logits), np.where(labels == IGNORED, -1, labels),
        num_distances, total)
    loss = tf.reduce_sum(means)
  return logits, means, np.reshape(counts, (num_distances, 2)), loss, tape


def _check_fixed(report, fields, name):
  logits, means, counts, loss, tape = _means(fields, name, 1)
  ours = {'affinity': loss, 'edge_mean': tf.reduce_sum(means[0]),
          'non_edge_mean': tf.reduce_sum(means[1])}
  golden = {key: zero_for_nan(fields[f'{name}.{key}']) for key in (
      'edge_mean', 'non_edge_mean')}
  # A mean over no pair is NaN there, and so is a sum with it.
  whole = fields[f'{name}.affinity']
  golden['affinity'] = sum(golden.values()) if np.isnan(whole) else whole
  for key, value in ours.items():
    report.compare('c11', f'{name}.{key}', value, golden[key])
  for key, count in zip(('num_edge', 'num_non_edge'), counts[0], strict=True):
    report.compare('c11', f'{name}.{key}', count, fields[f'{name}.{key}'],
                   EXACT)
  report.compare('c11', f'{name}.affinity_grad', tape.gradient(loss, logits),
                 fields[f'{name}.affinity_grad'], GRADIENT)


def _check_adaptive(report, fields, name):
  weights = np.stack([fields[f'{name}.{key}'] for key in (
      'edge_w', 'non_edge_w')])
  logits, means, counts, _, tape = _means(
      fields, name, len(affinity.DISTANCES))
  with tape:
    parts, weight_gradient = affinity.weigh(means, weights)
    loss = tf.reduce_sum(parts)
  golden = fields[f'{name}.aaf_parts']
  shares = tf.nn.softmax(weights, -1)
  report.compare('c11', f'{name}.aaf_parts',
                 tf.reshape(tf.reduce_sum(shares * means, 1), [-1]),
                 zero_for_nan(golden))
  report.compare('c11', f'{name}.aaf_counts', counts.T.reshape(-1),
                 fields[f'{name}.aaf_counts'], EXACT)
  whole = fields[f'{name}.aaf']
  report.compare(
      'c11', f'{name}.aaf', loss,
      np.nansum(golden) if np.isnan(whole) else whole)
  report.compare('c11', f'{name}.aaf_grad', tape.gradient(loss, logits),
                 fields[f'{name}.aaf_grad'], GRADIENT)
  for key, gradient in zip(('edge', 'non_edge'), weight_gradient, strict=True):
    report.compare(
        'c11', f'{name}.aaf_{key}_w_grad', gradient,
        fields[f'{name}.aaf_{key}_w_grad'][0, 0, 0, :, 0], GRADIENT)
