"""From --backbone to a network: ours, keras.applications', or a .keras file."""

import difflib
import os

import keras

import network
from network import dilation
from network import keras_backbone
from segsort.data.dataset_info import PIXEL_MEAN
from segsort.errors import InputError, first_line
from segsort.runs import resumption
from segsort.runs import run_record
from segsort.runs import settings

# What Keras raises of a file that it cannot load, a Lambda included.
LOAD_ERRORS = (OSError, ValueError, TypeError, KeyError, AttributeError,
               ImportError, RuntimeError)


def is_file(backbone):
  """Whether --backbone names a file of Keras."""
  return backbone.endswith('.keras')


class Names(tuple):
  """The values of --backbone that are known, and any .keras file."""

  def __contains__(self, backbone):
    return isinstance(backbone, str) and is_file(backbone) or (
        super().__contains__(backbone))


NAMES = Names((*network.BACKBONES, *keras_backbone.APPLICATIONS))


def build_model(config, **normalisation):
  """Builds the network of a stage.

  Args:
    config: a `network_settings.NetworkSettings`.
    **normalisation: as `network.build_embedding_model` takes it.

  Returns:
    A keras.Model to embeddings, with the logits of config.classifier behind.

  Raises:
    InputError: a backbone that is not there or has no map of stride 8.
  """
  backbone = find(config)
  try:
    return network.build_embedding_model(
        backbone, config.head, config.embedding_dim + config.classifier,
        **normalisation)
  except ValueError as error:
    if isinstance(backbone, str):
      raise
    raise InputError(
        f'--backbone {config.backbone}: {first_line(error)} (it is '
        '--backbone_features that names one)') from error


def find(config):
  """Returns what `network.build_embedding_model` takes as a backbone.

  Args:
    config: a `network_settings.NetworkSettings`.

  Raises:
    InputError: a file that Keras does not load in safe mode, features or input
      that the network has not.
  """
  name = config.backbone
  if name in network.BACKBONES:
    for flag in ('backbone_features', 'backbone_input'):
      if getattr(config, flag):
        raise InputError(
            f'--{flag} is for networks of Keras, not for {name}; leave it out')
    return name
  if not is_file(name):
    known = keras_backbone.make_application(name, PIXEL_MEAN)
    return keras_backbone.KerasBackbone(
        name, known.source, _features(config, known.source, known.features),
        _input(config, known.input), known.has_preprocessing)
  source = load_network(name)
  scope = ''.join(letter if letter.isalnum() else '_'
                  for letter in source.name)
  return keras_backbone.KerasBackbone(
      scope, source, _features(config, source, _last_map(source, name)),
      _input(config, _input_of(config, source)))


def load_network(path):
  """Loads a network from images to maps from a .keras file, in safe mode.

  Raises:
    InputError: it is not there, damaged, holds code (a Lambda), or has not one
      input of three channels.
  """
  if not os.path.isfile(path):
    raise InputError(
        f'no file {path}, the network of --backbone; bring it back, or name '
        'its place with --backbone')
  try:
    source = keras.saving.load_model(path, compile=False, safe_mode=True)
  except LOAD_ERRORS as error:
    what = first_line(error)
    if 'ambda' in str(error):
      what = 'it holds a Lambda, which is code and not run'
    raise InputError(
        f'cannot load the network {path}: {what}; give --backbone a .keras '
        'file of layers that Keras knows') from error
  inputs = getattr(source, 'inputs', None) or []
  if len(inputs) != 1 or len(inputs[0].shape) != 4 or (
      inputs[0].shape[-1] != 3):
    raise InputError(
        f'the network {path} does not go from one picture of three channels '
        'through a graph of layers; give --backbone a functional or sequential '
        'model')
  return source


def check_content(config):
  """Raises InputError where a run's .keras file is another one by now.

  Args:
    config: of a stage with a checkpoint, --restore_from.
  """
  run = resumption.read_run(settings.run_folder(config.restore_from)) or {}
  known = (run.get('inputs') or {}).get('backbone')
  if known and os.path.isfile(config.backbone) and (
      known != run_record.digest(config.backbone)):
    raise InputError(
        f'{config.backbone} has another content than the backbone that '
        f'{config.restore_from} was trained with; put that back, or name it '
        'with --backbone')


def _features(config, source, default):
  """Returns the name of the layer of --backbone_features, or the default."""
  wanted = config.backbone_features or default
  names = dilation.names_of(source)
  if wanted in names:
    return wanted
  near = difflib.get_close_matches(wanted, names, 3, 0) or list(names)[-3:]
  raise InputError(
      f'--backbone_features {wanted!r} is no layer of {config.backbone}; '
      f'near it are {", ".join(near)}')


def _last_map(source, path):
  """Returns the name of a network's last layer with a map as output; or ''."""
  maps = [name for name, layer in dilation.names_of(source).items()
          if len(getattr(layer.output, 'shape', ())) == 4
          and layer.output.shape[1:3] != (1, 1)]
  if not maps:
    raise InputError(
        f'the network {path} has no layer with a map of features; give '
        '--backbone another one')
  return maps[-1]


def _input_of(config, source):
  """What a file's network wants of pictures, where no flag says so."""
  first = list(dilation.names_of(source).values())[:4]
  if config.backbone_input or any(
      isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization))
      for layer in first):
    return keras_backbone.after_mean(((0.,) * 3, (1.,) * 3, False), PIXEL_MEAN)
  raise InputError(
      f'{config.backbone} does not tell how it wants pictures scaled; give '
      '--backbone_input tf, torch, caffe or MEAN,SCALE, as 127,128')


def _input(config, default):
  """Returns a `KerasBackbone.input` of --backbone_input, or the default."""
  text = config.backbone_input
  if not text:
    return default
  wanted = keras_backbone.INPUTS.get(text)
  if not wanted:
    try:
      mean, scale = map(float, text.split(','))
      if not 0 < scale < float('inf') or abs(mean) == float('inf'):
        raise ValueError(text)
    except ValueError as error:
      raise InputError(
          f'--backbone_input {text!r} is none of '
          f'{", ".join(keras_backbone.INPUTS)} and no MEAN,SCALE, as 127,128'
      ) from error
    wanted = (mean,) * 3, (scale,) * 3, False
  return keras_backbone.after_mean(wanted, PIXEL_MEAN)
