"""Where a network starts: a checkpoint, weights of Keras, or its own."""

from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.checkpoints import keras_weights


def origin_of(config):
  """Returns the checkpoint or file that weights come from, '' for none.

  Args:
    config: a `network_settings.NetworkSettings` with restore_from.
  """
  if not config.restore_from and backbones.is_file(config.backbone):
    return config.backbone
  return config.restore_from


def has_new_head(config, skip_head):
  """Whether weights are restored, but not those of the head.

  Args:
    config: a `network_settings.NetworkSettings` with restore_from.
    skip_head: as of `take`.
  """
  origin = origin_of(config)
  return bool(origin) and (skip_head or keras_weights.is_meant(origin))


def take(model, variables, config, skip_head):
  """Gives a network the weights of --restore_from, or of a .keras backbone.

  Args:
    model: of `backbones.build_model`.
    variables: the model's by name.
    config: a `network_settings.NetworkSettings` with restore_from and skip.
    skip_head: leaves the head as it is initialised.

  Returns:
    Whether there were any.

  Raises:
    InputError: a checkpoint or file that is not there or does not fit.
  """
  origin = origin_of(config)
  if not origin:
    return False
  if keras_weights.is_meant(origin):
    keras_weights.assign(model, variables, config, origin)
    return True
  path = checkpoint.resolve(origin)
  checkpoint.assign_weights(
      variables, checkpoint.load(path), path, skip=config.skip,
      skip_head=skip_head)
  return True
