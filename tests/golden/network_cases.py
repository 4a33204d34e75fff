"""c6: activations of ResNet-101 with both heads, and moving statistics."""

import collections
import re

import keras
import numpy as np

import network
from segsort.inference import embedding
from segsort.inference import inference_settings

from golden import weights
from golden.report import EXACT

# Differences of one program under weights times 1 + 2e-7 are 1e-6 and 1e-5.
TOLERANCE = {'eval': 1e-5, 'train': 1e-4}
# Names of the release that do not say where the operation stands.
RESIZED = {
    f'ResizeBilinear{suffix}': f'block5/pool{num_bins}/ResizeBilinear'
    for suffix, num_bins in zip(('', '_1', '_2', '_3'), (1, 2, 3, 6))}


def check_c6(report):
  """Compares networks run forward, and their lists of variables."""
  fields = report.fields('c6_networks.npz')
  for name in fields.groups(suffix='.input'):
    with report.guard('c6', name):
      _check_network(report, fields, name)
  report.unread('c6', fields.unread())
  for name, golden in report.json('c6_variables.json').items():
    with report.guard('c6', name):
      _check_variables(report, name, golden)


def _restore(report, head, dim):
  """The network as inference restores it."""
  with weights.built_once():
    return embedding.restore_model(inference_settings.RestoredSettings(
        data_list='', data_dir='', save_dir='', head=head, embedding_dim=dim,
        restore_from=weights.bundle(report, head, dim)))


def _check_network(report, fields, name):
  head, mode, dim = re.fullmatch(
      r'([a-z]+)_(eval|train)_[\dx]+_dim(\d+)', name).groups()
  model = _restore(report, head, int(dim))
  inner = fields.groups(f'{name}.mid.', '.shape')
  layers = [_layer_of(key) for key in inner]
  *activations, output = keras.Model(
      model.input, [*(model.get_layer(layer).output for layer in layers),
                    model.output])(
                        fields[f'{name}.input'], training=mode == 'train')
  tolerance = TOLERANCE[mode]
  report.compare('c6', f'{name}.output', output, fields[f'{name}.output'],
                 tolerance)
  for key, activation in zip(inner, activations):
    key = f'{name}.mid.{key}'
    report.compare('c6', f'{key}.shape', np.array(activation.shape),
                   fields[f'{key}.shape'], EXACT)
    values = np.float64(activation)
    report.compare('c6', f'{key}.mean_std', [values.mean(), values.std()],
                   fields[f'{key}.mean_std'], tolerance)
    report.compare('c6', f'{key}.slice', values[:, :3, :3, :8],
                   fields[f'{key}.slice'], tolerance)
  variables = network.named_variables(model)
  for key in fields.groups(f'{name}.bn_after.'):
    variable = variables[f'{weights.BACKBONE}/{key.replace("|", "/")}']
    key = f'{name}.bn_after.{key}'
    report.compare('c6', key, variable.numpy(), fields[key], tolerance)


def _layer_of(key):
  """The layer that computes what the release's operation does."""
  name = key.replace('|', '/')
  return f'{weights.BACKBONE}/{RESIZED.get(name, name)}'.replace('/', '.')


def _check_variables(report, name, golden):
  head, mode, dim = re.fullmatch(
      r'([a-z]+)_(eval|train)_dim(\d+)', name).groups()
  with weights.built_once():
    model = network.build_embedding_model(weights.BACKBONE, head, int(dim))
  ours = collections.Counter(
      (key, tuple(variable.shape), mode == 'train' and variable.trainable)
      for key, variable in network.named_variables(model).items())
  theirs = collections.Counter(
      (key, tuple(shape), trainable) for key, shape, trainable in golden)
  different = (ours - theirs) + (theirs - ours)
  report.row('c6', f'{name}: names, shapes, trainable',
             float(different.total()), EXACT,
             str(min(different)) if different else '')
