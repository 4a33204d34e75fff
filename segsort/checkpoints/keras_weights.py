"""Weights of Keras' files for the backbone: by the names of layers.

Only arrays are read, whatever else a file holds. Both formats are known: that
of Keras 3, .weights.h5 or inside of .keras, and the .h5 before it.
"""

import io
import os
import re
import warnings
import zipfile

import h5py
import numpy as np

import network
from network import keras_backbone
from network import keras_graph
from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.checkpoints import network_files
from segsort.data.dataset_info import PIXEL_MEAN
from segsort.errors import InputError, first_line

IMAGENET = 'imagenet'
ENDINGS = '.h5', '.keras'
WEIGHTS = 'model.weights.h5'  # inside of a .keras file


def is_meant(restore_from):
  """Whether --restore_from names weights of Keras."""
  return restore_from == IMAGENET or (
      restore_from.endswith(ENDINGS) and os.path.isfile(restore_from))


def assign(model, variables, config, restore_from):
  """Gives the backbone of a network weights of Keras, and reports them.

  Args:
    model: of `backbones.build_model`.
    variables: the model's by name.
    config: a `network_settings.NetworkSettings` with `skip`.
    restore_from: 'imagenet' or a file of Keras.

  Raises:
    InputError: as `load`, or a file that lacks layers or has them in another
      shape.
  """
  origin, tensors = load(model, config, restore_from)
  checkpoint.assign_weights(
      variables, tensors, origin, skip=config.skip, skip_head=True)


def load(model, config, restore_from):
  """Reads weights of Keras under the names of a network's variables.

  Args:
    model: of `backbones.build_model`.
    config: a `network_settings.NetworkSettings`.
    restore_from: 'imagenet' or a file of Keras.

  Returns:
    Where they are from, for messages, and {name: array}. Layers that the
    network has not are left out and told.

  Raises:
    InputError: a backbone that is not of Keras, or a file that cannot be read.
  """
  backbone = backbones.find(config)
  if isinstance(backbone, str):
    raise InputError(
        f'--restore_from {restore_from} has weights for a network of Keras, '
        f'not for {backbone}; give --backbone MobileNetV2, or whatever they '
        'are of')
  origin = restore_from
  if restore_from == IMAGENET:
    origin, layers = _imagenet(config.backbone)
  elif network.view_of(model).is_untouched:
    layers = _of_source(backbone.source, restore_from, config.backbone)
  else:
    layers = read(restore_from)
  tensors, unused = _match(model, backbone.name, layers)
  if unused:
    print(f'not used: {len(unused)} layers of {origin}, the first {unused[0]}')
  return origin, tensors


def _match(model, scope, layers):
  """Returns {our name: array}, and the names of layers that we have not.

  Args:
    model: the network.
    scope: of the backbone.
    layers: {layer: arrays}.
  """
  ours = {layer.name.removeprefix(f'{scope}.'): layer
          for layer in model.layers if layer.name.startswith(f'{scope}.')}
  tensors, unused = {}, []
  for name, arrays in layers.items():
    if name not in ours:
      unused.append(name)
      continue
    full = f'{scope}.{name}'
    names = list(keras_backbone.named(full, ours[name].weights))
    # Those beyond ours are left over, which is an error unless --skip names it.
    names += [f'{full.replace(".", "/")}/{index}'
              for index in range(len(names), len(arrays))]
    tensors.update(zip(names, arrays))
  return tensors, unused


def read(path):
  """Reads the weights of a file of Keras.

  Returns:
    {canonical name of the layer: list of arrays in Keras' order}.

  Raises:
    InputError: it is damaged, or none of Keras' formats.
  """
  try:
    source = path
    if path.endswith('.keras'):
      with zipfile.ZipFile(path) as archive:
        source = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(source, 'r') as file:
      layers = _legacy(file) if 'layer_names' in _model(file).attrs else (
          _layers(file))
  except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
    raise InputError(
        f'cannot read the weights {path}: {first_line(error)}; give a '
        '.weights.h5 or .keras file that Keras has written') from error
  if not layers:
    raise InputError(
        f'{path} holds no weights of layers; give a .weights.h5 or .keras file '
        'that Keras has written')
  return layers


def _model(file):
  return file['model_weights'] if 'model_weights' in file else file


def _legacy(file):
  """Reads the .h5 of Keras 2."""
  group = _model(file)
  return _named(
      (_text(name), _class_of(_text(name)),
       [group[name][one] for one in group[name].attrs['weight_names']])
      for name in group.attrs['layer_names'])


def _layers(file):
  """Reads the .weights.h5 of Keras 3."""
  found = []

  def visit(path, item):
    if isinstance(item, h5py.Group) and path.endswith('/vars') and len(item):
      # Those of one class are numbered, 2 before 10.
      *_, where, number = re.fullmatch(
          r'((.*?)(?:_(\d+))?)/vars', path).groups()
      found.append((where, int(number or 0), item))
  file.visititems(visit)
  return _named(
      (_text(item.attrs.get('name', os.path.basename(where))),
       os.path.basename(where), [item[key] for key in sorted(item, key=int)])
      for where, _, item in sorted(found, key=lambda one: one[:2]))


def _class_of(name):
  """What a layer's class would be if Keras had named it."""
  return re.sub(r'_\d+$', '', name)


def _named(layers):
  """Returns {canonical name: arrays} of (name, class, data sets)."""
  layers = [layer for layer in layers if layer[2]]
  names = keras_graph.canonical_names(layer[:2] for layer in layers)
  return {name: [np.asarray(one) for one in arrays]
          for name, (_, _, arrays) in zip(names, layers)}


def _text(name):
  return name.decode() if isinstance(name, bytes) else name


def _imagenet(name):
  """Returns where Keras has ImageNet's weights of a network, and its layers."""
  home = os.path.join(os.environ.get('KERAS_HOME') or os.path.expanduser(
      '~/.keras'), 'models')
  if name not in keras_backbone.APPLICATIONS:
    raise InputError(
        f'--restore_from {IMAGENET} is for networks by name, not for {name}; '
        'leave it out for the weights that a .keras file has')
  try:
    backbone = keras_backbone.make_application(name, PIXEL_MEAN, IMAGENET)
  except Exception as error:  # Keras raises no other class for a download
    raise _no_download(name, home, error) from error
  return (f"Keras' ImageNet weights of {name} (in {home})",
          _weights(backbone.source))


def _of_source(source, path, backbone):
  """Returns {canonical name of the layer: arrays}, read by Keras itself.

  Args:
    source: the network of --backbone, with the weights of its file.
    path: of the weights: that file, or another one for the same network.
    backbone: path of the network.

  Raises:
    InputError: another file that does not fit.
  """
  if path != backbone:
    try:
      with warnings.catch_warnings():
        # Of layers that the file has not, and that would stay as they are.
        warnings.filterwarnings('error', 'Skipping')
        source.load_weights(path)
    except (UserWarning, *network_files.LOAD_ERRORS) as error:
      raise InputError(
          f'cannot read the weights {path} into {backbone}: '
          f'{first_line(error)}; give those of the same network, or leave '
          '--restore_from out') from error
  return _weights(source)


def _weights(source):
  """Returns {canonical name of the layer: arrays} of a network."""
  return {name: layer.get_weights() for name, layer in
          keras_graph.names_of(source).items() if layer.weights}


def _no_download(name, home, error):
  """The InputError for weights that did not come."""
  address = re.search(r'https?://\S+?\.h5', str(error))
  file = os.path.basename(address.group()) if address else 'its weights'
  return InputError(
      f'no ImageNet weights of {name}: {first_line(error)}; without a network, '
      f'put {file}{f" from {address.group()}" if address else ""} into {home}')
