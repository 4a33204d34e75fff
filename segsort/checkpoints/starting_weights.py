"""Where a network starts: a checkpoint, weights of Keras, or its own."""

from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.checkpoints import keras_weights


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
  origin = config.restore_from
  if not origin and backbones.is_file(config.backbone):
    origin = config.backbone
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
