"""Weights from any checkpoint into a checkpoint of their own."""

import dataclasses
import os
import time

import network
from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.checkpoints import keras_weights
from segsort.checkpoints import network_settings
from segsort.checkpoints import tf1_checkpoint
from segsort.errors import InputError
from segsort.runs import run_record
from segsort.runs import settings as settings_lib


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertConfig(network_settings.NetworkSettings):
  """A checkpoint's weights, alone in a checkpoint of their own."""

  INHERITED = network_settings.OF_NETWORK

  restore_from: str = settings_lib.setting(
      text='checkpoint: a prefix, a TF1 single file, a folder, or weights of '
      'Keras')
  output: str = settings_lib.setting(text='prefix of the new checkpoint')
  not_restore_classifier: bool = settings_lib.setting(False,
                                                      'leave the head out')
  skip: str = settings_lib.setting(
      '', 'comma-separated parts of checkpoint names that may be missing or '
      'left over')


def convert_checkpoint(config):
  """Writes a checkpoint's weights, and nothing else, under the TF1 names.

  Prints a line per variable: used, missing, left over or ignored, and its
  shape. A config.json beside the output tells later stages the architecture.

  Args:
    config: a `ConvertConfig`.

  Raises:
    InputError: a checkpoint that does not fit, or an output that exists.
  """
  output = config.output.removesuffix('.index')
  if os.path.exists(f'{output}.index'):
    raise InputError(f'{output} exists; name another --output')
  started = time.monotonic()
  model = backbones.build_model(config)
  variables = network.named_variables(model)
  of_keras = keras_weights.is_meant(config.restore_from)
  if of_keras:
    path, tensors = keras_weights.load(model, config, config.restore_from)
  else:
    path = checkpoint.resolve(config.restore_from)
    tensors = checkpoint.load(path)
  match = checkpoint.assign_weights(
      variables, tensors, path, skip=config.skip,
      skip_head=config.not_restore_classifier or of_keras)
  print('\n'.join(tf1_checkpoint.table(match, variables, tensors)))
  checkpoint.save(output, {name: variables[name] for name in match.used})
  folder = os.path.dirname(output) or '.'
  if not os.path.exists(os.path.join(folder, 'config.json')):
    run_record.write_run(folder, config)
  size = os.path.getsize(f'{output}.data-00000-of-00001')
  print(f'{len(match.used)} variables, {size / 2**20:.1f} MB, in '
        f'{time.monotonic() - started:.1f} s: {output}')
