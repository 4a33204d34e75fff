"""ResNet-101 with both heads against activations of the TF1 release."""

import functools
import json
import pathlib
import zlib

import keras
import numpy as np
import pytest

import network

GOLDEN = pathlib.Path(__file__).parents[2] / '../shared/golden'
needs_golden = pytest.mark.skipif(
    not (GOLDEN / 'c6_networks.npz').exists(),
    reason='no values of the TF1 release beside the repository')
CASES = ['pspnet_eval_1x96x96x3_dim32', 'pspnet_train_2x96x96x3_dim32',
         'deeplab_eval_1x96x96x3_dim32', 'deeplab_train_2x96x96x3_dim32',
         'deeplab_eval_1x100x117x3_dim16']
# Names of the release that do not say where the operation stands.
RENAMED = {'ResizeBilinear_2': 'block5/pool3/ResizeBilinear'}


@pytest.fixture(scope='module', autouse=True)
def free_memory():
  """Drops the large networks and their weights after this file's tests."""
  yield
  golden_model.cache_clear()
  draw.cache_clear()


@functools.cache
def golden_model(head, embedding_dim):
  return network.build_embedding_model('resnet_v1_101', head, embedding_dim)


def assign_by_rule(model, salt):
  for name, variable in network.named_variables(model).items():
    variable.assign(draw(name, tuple(variable.shape), salt))


@functools.lru_cache(maxsize=None)
def draw(name, shape, salt):
  rng = np.random.default_rng(zlib.crc32((salt + name).encode()))
  kind = name.rsplit('/', 1)[1]
  if kind == 'weights':
    values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
  elif kind in ('gamma', 'moving_variance'):
    values = rng.uniform(0.5, 1.5, shape)
  else:
    values = 0.1 * rng.standard_normal(shape)
  if name.endswith('bottleneck_v1/conv3/BatchNorm/gamma'):
    values *= 0.2
  if name == 'resnet_v1_101/conv1/BatchNorm/moving_variance':
    values *= 5000
  return values.astype(np.float32)


def golden_fields(case):
  with np.load(GOLDEN / 'c6_networks.npz') as file:
    return {key[len(case) + 1:].replace('|', '/'): file[key]
            for key in file if key.startswith(f'{case}.')}


def assert_close(actual, expected):
  scale = np.abs(expected).max()
  np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * scale)


@needs_golden
@pytest.mark.parametrize('case', CASES)
def test_values_of_the_release(case):
  fields = golden_fields(case)
  head, mode, _, dim = case.split('_')
  model = golden_model(head, int(dim[3:]))
  assign_by_rule(model, (GOLDEN / 'salt.txt').read_text().strip())
  names = [key[4:-6] for key in fields if key.endswith('.shape')]
  inner = [model.get_layer(
      'resnet_v1_101.' + RENAMED.get(name, name).replace('/', '.')).output
      for name in names]
  *activations, output = keras.Model(model.input, [*inner, model.output])(
      fields['input'], training=mode == 'train')
  assert_close(output, fields['output'])
  assert len(names) >= 6
  for name, activation in zip(names, activations):
    assert activation.shape == tuple(fields[f'mid.{name}.shape'])
    assert_close(activation[:, :3, :3, :8], fields[f'mid.{name}.slice'])
    assert_close([np.mean(activation), np.std(activation)],
                 fields[f'mid.{name}.mean_std'])
  variables = network.named_variables(model)
  moved = [key for key in fields if key.startswith('bn_after.')]
  assert bool(moved) == (mode == 'train')
  for key in moved:
    assert_close(variables[f'resnet_v1_101/{key[9:]}'], fields[key])


@needs_golden
@pytest.mark.parametrize('head', network.HEADS)
def test_names_and_shapes_of_the_release(head):
  listed = json.loads((GOLDEN / 'c6_variables.json').read_text())
  variables = network.named_variables(golden_model(head, 32))
  ours = {name: [list(variable.shape), variable.trainable]
          for name, variable in variables.items()}
  assert ours == {name: [shape, trainable] for name, shape, trainable
                  in listed[f'{head}_train_dim32']}
