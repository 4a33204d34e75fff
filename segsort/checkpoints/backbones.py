"""From --backbone to a network: ours, keras.applications', or a .keras file."""

import difflib
import os

import keras

import network
from network import keras_backbone
from network import keras_graph
from segsort.checkpoints import network_files
from segsort.data.dataset_info import PIXEL_MEAN
from segsort.errors import InputError, first_line, warn
from segsort.runs import resumption
from segsort.runs import run_record
from segsort.runs import settings


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
    InputError: a backbone that is not there, has no map of features, or takes
      another size of pictures.
  """
  backbone = find(config)
  channels = config.embedding_dim + config.classifier
  if isinstance(backbone, str):
    return network.build_embedding_model(
        backbone, config.head, channels, **normalisation)
  try:
    try:
      return network.build_embedding_model(
          backbone, config.head, channels, **normalisation)
    except keras_graph.NoRuleError as error:
      backbone = keras_backbone.UntouchedBackbone.of(backbone)
      _tell(backbone.view, config, error)
      return network.build_embedding_model(
          backbone, config.head, channels, **normalisation)
  except ValueError as error:
    raise InputError(
        f'--backbone {config.backbone}: {first_line(error)} (it is '
        '--backbone_features that names one)') from error


def _tell(view, config, reason):
  """Says how a network sees pictures that is taken as it is.

  Args:
    view: an `untouched.View`.
    config: a `network_settings.NetworkSettings`; some have an input_size.
    reason: why it is not rebuilt.

  Raises:
    InputError: --input_size is not the one that it takes.
  """
  size = getattr(config, 'input_size', view.size)
  pictures = 'of any size'
  if view.size:
    pictures = f'of {view.size[0]}x{view.size[1]} alone'
  print(f'{config.backbone} is taken as it is, at stride {view.stride} of '
        f'pictures {pictures}: {reason}')
  if view.size and view.size != tuple(size):
    height, width = view.size
    raise InputError(
        f'--input_size is {size[0]},{size[1]}, but {config.backbone} takes '
        f'pictures of {height}x{width} alone; give --input_size '
        f'{height},{width}')
  if size and any(length % view.stride for length in size):
    warn(f'--input_size {size[0]},{size[1]} is no multiple of the stride '
         f'{view.stride} of {config.backbone}: embeddings lie up to a cell off '
         'their pixels')


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
    for flag in ('backbone_features', 'backbone_input', 'backbone_module'):
      if getattr(config, flag):
        raise InputError(
            f'--{flag} is for networks of Keras, not for {name}; leave it out')
    return name
  if not is_file(name):
    known = keras_backbone.make_application(name, PIXEL_MEAN)
    return keras_backbone.KerasBackbone(
        name, known.source, _features(config, known.source, known.features),
        _input(config, known.input), known.has_preprocessing)
  source = network_files.load(name, config.backbone_module)
  scope = ''.join(letter if letter.isalnum() else '_'
                  for letter in source.name)
  return keras_backbone.KerasBackbone(
      scope, source, _features(
          config, source, config.backbone_features or _last_map(source, name)),
      _input(config, _input_of(config, source)))


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
  if wanted == 'stride16':
    if is_file(config.backbone):
      raise InputError(
          '--backbone_features stride16 is for names of keras.applications; '
          f'name a layer of {config.backbone}')
    wanted = keras_backbone.STRIDE_16[config.backbone]
  names = keras_graph.names_of(source)
  if wanted in names:
    return wanted
  near = difflib.get_close_matches(wanted, names, 3, 0) or list(names)[-3:]
  raise InputError(
      f'--backbone_features {wanted!r} is no layer of {config.backbone}; '
      f'near it are {", ".join(near)}')


def _last_map(source, path):
  """Returns the name of a network's last layer with a map as output."""
  shapes = {name: getattr(layer.output, 'shape', ())
            for name, layer in keras_graph.names_of(source).items()}
  maps = [name for name, shape in shapes.items()
          if len(shape) == 4 and shape[1:3] != (1, 1)]
  if not maps:
    raise InputError(
        f'the network {path} has no layer with a map of features; give '
        '--backbone another one')
  after = list(shapes)[list(shapes).index(maps[-1]) + 1:]
  tokens = [name for name in after if len(shapes[name]) == 3]
  if tokens:  # a transformer, of which the last map is the first layer
    raise InputError(
        f'the last map of {path} is that of {maps[-1]}, and {tokens[-1]} after '
        'it has tokens, not a map; name the layer with --backbone_features, '
        'or add one to the network, as network/README.md shows')
  return maps[-1]


def _input_of(config, source):
  """What a file's network wants of pictures, where no flag says so."""
  first = list(keras_graph.names_of(source).values())[:4]
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
