"""The programs that are exported: training steps, the loss, and inference.

Each is a function of a dict of tensors that reads and writes variables, with
what fills them where it is run. Shapes are the paper's, or as asked for.
"""

import dataclasses
import types
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import labelling
from network.segsort import memory_bank
from network.segsort import patches as patches_lib
from segsort.benchmark import loss_suite
from segsort.benchmark import program_inputs as inputs_lib
from segsort.training import train_state
from segsort.training import train_step
from segsort.training import training

# Settings of training by name
PRECISIONS = {
    'float32': {}, 'tf32': {'tensor_float_32': True},
    'bfloat16': {'mixed_precision': 'bfloat16'}}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
  """What the programs are of; the defaults are the paper's."""

  backbone: str = 'resnet_v1_101'
  head: str = 'pspnet'
  embedding_dim: int = 32
  batch_size: int = 8
  crop: int = 336
  num_clusters: int = 5
  num_banks: int = 2
  window: int = 720  # of inference
  prototypes: int = 5000
  neighbours: int = 21


@dataclasses.dataclass(kw_only=True)
class Program:
  """One function, and how its arguments and variables are filled.

  Attributes:
    name: ends with the precision.
    function: of a dict of tensors to a dict of results. Traced as it is.
    inputs: a dict of what is given in place of `function`'s tensors.
    variables: by name, those that it reads.
    fills: by the name of an input or variable, see `run_stablehlo`.
    images: that one call takes.
    check: names of results to be compared, for each call.
    reference: `function` where nothing is compiled; None: itself.
    updates: whether it writes its variables, all of them.
  """

  name: str
  function: Callable
  inputs: dict
  variables: dict
  fills: dict
  images: int
  check: tuple = ()
  reference: Callable | None = None
  updates: bool = False


def make_programs(sizes, precision):
  """Yields the `Program`s of one precision.

  Args:
    sizes: a `Sizes`.
    precision: a key of PRECISIONS.
  """
  settings = PRECISIONS[precision]
  config = loss_suite.make_config(
      sizes.batch_size, backbone=sizes.backbone, head=sizes.head,
      embedding_dim=sizes.embedding_dim, num_clusters=sizes.num_clusters,
      num_banks=sizes.num_banks, jit_compile=True, num_steps=10**6, **settings)
  # As training does; whoever exports is alone in its process.
  training.set_numerics(config, tf.distribute.get_strategy())
  inputs, files = inputs_lib.draw_batch(config, sizes)
  if precision == 'float32':
    yield _loss(config, inputs, files, sizes)
  state = train_state.TrainState(config)
  yield _training(state, config, inputs, files, sizes, precision)
  yield _network_alone(state, inputs, files, sizes, precision)
  yield from _inference(state, sizes, precision)


def _loss(config, inputs, files, sizes):
  """k-means, prototypes and loss of raw embeddings, with the gradient."""
  small = -(-sizes.crop // 8)
  bank = memory_bank.MemoryBank(
      config.num_banks, sizes.batch_size * sizes.num_clusters**2,
      sizes.embedding_dim)
  bank_fills, bank_files = inputs_lib.bank_fills(bank)
  state = types.SimpleNamespace(bank=bank)

  def function(tensors):
    raw = tensors['raw']
    with tf.GradientTape() as tape:
      tape.watch(raw)
      loss, _ = train_step.supervised_loss(raw, tensors, state, config)
    gradient = tape.gradient(loss, raw)
    return {'loss': loss, 'gradient': gradient,
            'gradient_norm': tf.norm(gradient)}
  raw = inputs_lib.draw_regions(inputs['labels'], small, sizes.embedding_dim)
  return Program(
      name='loss_float32', function=function,
      inputs={**inputs, 'raw': raw, **bank_files},
      variables={'memory_bank/prototypes': bank.prototypes,
                 'memory_bank/labels': bank.labels},
      fills={**files, **bank_fills, 'raw': ['file', 'raw']},
      images=sizes.batch_size, check=(('loss', 'gradient_norm'),))


def _training(state, config, inputs, files, sizes, precision):
  """The whole training step: what `train_segsort.py --jit_compile` runs."""
  bank_fills, bank_files = inputs_lib.bank_fills(state.bank)

  def make_step(config):
    step = train_step.make_train_step(
        state, config, train_step.supervised_loss)

    def function(tensors):
      metrics, _ = step([tensors])
      return {name: metrics[name] for name in (
          'total_loss', 'gradient_norm', 'weight_penalty')}
    return function
  return Program(
      name=f'train_step_{precision}', function=make_step(config),
      reference=make_step(dataclasses.replace(config, jit_compile=False)),
      updates=True,
      inputs={**inputs, **_image_input(sizes), **bank_files},
      variables=state.tensors(),
      fills={**files, **inputs_lib.weight_fills(state), **bank_fills,
             'image': ['normal', 50., 5]},
      images=sizes.batch_size,
      # What the bank takes in is drawn, by each device in its own way; the
      # penalty of the second step says that all weights were updated.
      check=(('total_loss', 'gradient_norm'), ('weight_penalty',)))


def _image_input(sizes):
  return {'image': np.zeros(
      [sizes.batch_size, sizes.crop, sizes.crop, 3], np.float32)}


def _network_alone(state, unused_inputs, unused_files, sizes, precision):
  """Forward and backward of the network, with the simplest loss there is."""
  def function(tensors):
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(state.model(tensors['image'], training=True) ** 2)
    gradients = tape.gradient(loss, state.optimizer.variables)
    return {'gradient_sum': tf.add_n([
        tf.reduce_sum(tf.abs(gradient)) for gradient in gradients])}
  return Program(
      name=f'network_step_{precision}', function=function,
      inputs=_image_input(sizes), variables=state.variables,
      fills={**inputs_lib.weight_fills(state), 'image': ['normal', 50., 5]},
      images=sizes.batch_size)


def _inference(state, sizes, precision):
  """One image that is one window: the network alone, and up to labels."""
  window = (sizes.window,) * 2
  cells = -(-sizes.window // 8)
  axis = patches_lib.cut_axis(sizes.window, sizes.window, cells)
  side = int(np.max(axis.lengths))
  rng = np.random.default_rng(2)
  inputs = {
      # Not noise: of that, k-means finds no clusters that rounding leaves.
      'image': inputs_lib.draw_blocks(rng, sizes.window),
      'prototypes': np.zeros(
          [sizes.prototypes, sizes.embedding_dim], np.float32),
      'prototype_labels': rng.integers(
          0, 21, sizes.prototypes).astype(np.int32),
      **{f'axis_{name}': value.numpy() for name, value in zip(
          axis._fields, axis)}}
  fills = {name: ['file', name] for name in inputs}
  fills.update(inputs_lib.weight_fills(state), prototypes=['normal', 1., 8])

  def answer(tensors):
    return tf.cast(state.model(tensors['image'], training=False), tf.float32)

  def label(tensors):
    cut = patches_lib.Axis(*(
        tensors[f'axis_{name}'] for name in axis._fields))
    patches = patches_lib.make(answer(tensors)[0], cut, cut)
    return {'labels': labelling.label_patches(
        patches._replace(side=tf.constant(side)),
        clustering.location_features(*window),
        clustering.normalize(tensors['prototypes']),
        tensors['prototype_labels'], num_clusters=sizes.num_clusters,
        iterations=10, num_neighbours=sizes.neighbours, num_classes=21)[
            'labels']}
  yield Program(
      name=f'inference_{precision}', function=label, inputs=inputs,
      variables=state.variables, fills=fills, images=1, check=(('labels',),))
  yield Program(
      name=f'network_{precision}', images=1, variables=state.variables,
      function=lambda tensors: {'answer': answer(tensors)},
      inputs={'image': inputs['image']},
      fills={**inputs_lib.weight_fills(state), 'image': fills['image']})
