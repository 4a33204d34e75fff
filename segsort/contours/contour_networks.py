"""The network that a training of contours is of, and where it starts."""

import dataclasses

import network
from network import contour_model
from network import keras_backbone
from network import keras_graph
from segsort.checkpoints import backbones
from segsort.checkpoints import starting_weights
from segsort.data.dataset_info import PIXEL_MEAN
from segsort.errors import InputError

# Our own small network, and all that `backbones.find` knows of Keras.
NAMES = backbones.Names(('', *keras_backbone.APPLICATIONS))


def build(config):
  """Builds the network of --backbone, of random weights.

  Args:
    config: a `contour_settings.ContourTrainConfig`.

  Returns:
    A keras.Model of `contour_model`.

  Raises:
    InputError: a file that does not load, or a network that cannot be rebuilt.
  """
  if not config.backbone:
    return contour_model.build_contour_model()
  backbone = backbones.find(config)
  # Contour networks take pixels as they are.
  pixels = keras_backbone.after_mean(
      backbone.input, [-value for value in PIXEL_MEAN])
  try:
    return contour_model.build_on_backbone(
        dataclasses.replace(backbone, input=pixels))
  except keras_graph.NoRuleError as error:
    raise InputError(
        f'--backbone {config.backbone}: {error}; contours need a network of '
        'convolutions, as VGG16') from error


def start(model, config):
  """Gives a network's backbone the weights of --restore_from, or of its file.

  Raises:
    InputError: weights that are not there or do not fit.
  """
  if not config.backbone:
    return
  scope = f'{backbones.find(config).name}/'
  variables = {name: variable for name, variable
               in network.named_variables(model).items()
               if name.startswith(scope)}
  if not starting_weights.take(model, variables, config, skip_head=True):
    print(f'{config.backbone} starts from random weights; --restore_from '
          'imagenet or FILE gives it others')
