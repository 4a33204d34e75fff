"""ResNet-101 with the weights of the golden files' rule, as a TF1 bundle."""

import contextlib
import functools
import inspect
import io
import os
import tempfile
import zlib
from unittest import mock

import numpy as np

import network
from segsort.checkpoints import checkpoint

BACKBONE = 'resnet_v1_101'
_FOLDER = tempfile.TemporaryDirectory(prefix='golden-')


@functools.cache
def draw(name, shape, salt):
  """Returns f32[shape], the rule's value of a variable.

  Args:
    name: as `resnet_v1_101/conv1/weights`.
    shape: of the variable.
    salt: of the golden folder.
  """
  rng = np.random.default_rng(zlib.crc32((salt + name).encode()))
  kind = name.rsplit('/', 1)[1]
  if kind == 'weights':
    values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
  elif kind in ('gamma', 'moving_variance'):
    values = rng.uniform(.5, 1.5, shape)
  else:
    values = .1 * rng.standard_normal(shape)
  if name.endswith('bottleneck_v1/conv3/BatchNorm/gamma'):
    values *= .2
  if name == f'{BACKBONE}/conv1/BatchNorm/moving_variance':
    values *= 5000
  return values.astype(np.float32)


@functools.cache
def _build(*args):
  """Builds a network once, whoever asks for it."""
  return _BUILD(*args[:3], **dict(zip(_KEYWORDS, args[3:])))


_BUILD = network.build_embedding_model
_SIGNATURE = inspect.signature(_BUILD)
_KEYWORDS = list(_SIGNATURE.parameters)[3:]


def _build_once(*args, **kwargs):
  bound = _SIGNATURE.bind(*args, **kwargs)
  bound.apply_defaults()
  return _build(*bound.arguments.values())


@contextlib.contextmanager
def built_once():
  """Builds each network only once, and holds back what stages print."""
  with mock.patch.object(network, 'build_embedding_model', _build_once), \
      contextlib.redirect_stdout(io.StringIO()), \
      contextlib.redirect_stderr(io.StringIO()):
    yield


def bundle(report, head, embedding_dim):
  """Returns the prefix of a TF1 bundle with the rule's weights.

  Args:
    report: of the golden folder, whose salt.txt counts.
    head: 'pspnet' or 'deeplab'.
    embedding_dim: D.
  """
  with open(report.path('salt.txt'), encoding='utf-8') as file:
    return _bundle(file.read().strip(), head, embedding_dim)


@functools.cache
def _bundle(salt, head, embedding_dim):
  """Writes a bundle; the same one for every case that wants it."""
  model = _build_once(BACKBONE, head, embedding_dim)
  prefix = os.path.join(
      _FOLDER.name, f'{zlib.crc32(salt.encode())}_{head}_{embedding_dim}.ckpt')
  checkpoint.save(prefix, {
      name: draw(name, tuple(variable.shape), salt)
      for name, variable in network.named_variables(model).items()})
  return prefix
