"""Five steps of a tiny network on 1, 2 or 4 parts of a CPU; run as a script.

    python tests/segsort/replica_runs.py REPLICAS OUTPUT.npz

With TF_CONFIG in the environment, as one of several processes. On one replica
each run has a twin, whose weights differ by rounding errors: what other devices
may differ by (`closeness.NoiseFloor`).

A process for each number: the CPU is split before TensorFlow starts on it, and
collective operations of two strategies would meet in one.
"""

import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.dirname(TESTS)]

import closeness  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import network  # noqa: E402
from network import layers  # noqa: E402
from segsort.training import distribution  # noqa: E402
from segsort.training import softmax_training  # noqa: E402
from segsort.training import train_state  # noqa: E402
from segsort.training import train_step  # noqa: E402
from segsort.training import training_settings  # noqa: E402

STEPS, IMAGES, SIZE = 5, 4, 16
KINDS = 'supervised', 'unsupervised', 'grouped', 'adaptive'


def tiny_model(backbone, unused_head, embedding_dim, synchronized, **unused):
  """Output stride 8, one synchronised batch norm, a `weights` and a head."""
  images = keras.Input((None, None, 3))
  features = layers.conv_bn_relu(
      images, 8, 3, name=f'{backbone}.conv1', stride=2,
      normalise=layers.batch_norm(.9, synchronized))
  features = keras.layers.AveragePooling2D(4, padding='same')(features)
  return keras.Model(images, layers.project(
      features, embedding_dim, 1, name=f'{backbone}.block5.fc1_voc12'))


def make_batches(rng, kind):
  """Five batches, the same for every number of replicas."""
  size = SIZE, SIZE
  if kind == 'adaptive':  # wide enough for pairs at each distance
    size = 4 * SIZE, 4 * SIZE
  for _ in range(STEPS):
    batch = {'image': rng.normal(0, 50, (IMAGES, *size, 3)).astype(np.float32)}
    if kind in ('supervised', 'adaptive'):
      labels = rng.integers(0, 3, (IMAGES, *size)).astype(np.int32)
      labels[0, :, :size[1] // 2] = 255  # unequal numbers of pixels
      yield {**batch, 'labels': labels,
             'grid_labels': rng.integers(0, 4, (IMAGES, *size), np.int32),
             'locations': rng.random((IMAGES, *size, 2), np.float32)}
    else:
      regions = rng.integers(0, 3, (IMAGES, *size)).astype(np.int32)
      regions[1, 8:] = -1
      yield {**batch, 'oversegmentation': regions}


def well_conditioned(variables):
  """Makes the embeddings of the untrained network as long as 1 or so.

  A gradient is as large as the embedding is short: at the initial length, .01,
  five steps would carry the weights to 26, and each rounding error along.
  """
  for name, variable in variables.items():
    if name.endswith('fc1_voc12/weights'):
      variable.assign(100. * tf.convert_to_tensor(variable))


def make_run(kind):
  """Returns the config and the loss of a kind of training."""
  shared = dict(
      data_list='', data_dir='', snapshot_dir='', num_classes=3,
      batch_size=IMAGES, num_steps=STEPS, learning_rate=.05,
      backbone='resnet_small')
  sorting = dict(num_clusters=2, num_banks=2, embedding_dim=6)
  if kind == 'supervised':
    return (training_settings.TrainConfig(**shared, **sorting),
            train_step.supervised_loss)
  if kind == 'adaptive':
    return (softmax_training.TrainSoftmaxConfig(**shared, affinity=kind),
            softmax_training.affinity_loss)
  return (training_settings.TrainUnsupConfig(
      **shared, **sorting, grouped=kind == 'grouped'),
          train_step.unsupervised_loss)


def run(strategy, kind, twin=False):
  """Returns losses, norms, weights and bank after five steps, by name.

  Args:
    strategy: a tf.distribute.Strategy.
    kind: of `KINDS`.
    twin: whether the weights start off by rounding errors.
  """
  config, loss = make_run(kind)
  with strategy.scope():
    state = train_state.TrainState(config)
  well_conditioned(state.variables)
  if twin:
    rng = np.random.default_rng(1)
    for variable in state.variables.values():
      variable.assign(closeness.perturbed(
          tf.convert_to_tensor(variable), rng))
  step = train_step.make_train_step(state, config, loss, strategy)
  losses, norms, segments, gradients = [], [], [], {}
  first, processes = distribution.share_of(strategy)
  own = slice(first * IMAGES // processes, (first + 1) * IMAGES // processes)
  for batch in make_batches(np.random.default_rng(0), kind):
    batch = {name: value[own] for name, value in batch.items()}
    metrics, _ = step([distribution.spread(strategy, batch)])
    metrics = {name: float(strategy.experimental_local_results(value)[0])
               for name, value in metrics.items()}
    losses.append(metrics[f'{config.LOSS}_loss'])
    norms.append(metrics['gradient_norm'])
    segments.append(metrics.get('segments_per_image', 0))
    if not gradients:  # the momentum after one step
      gradients = {f'gradient of {name}': slot.numpy() for name, slot in
                   state.optimizer.slots.items()}
  return {'losses': losses, 'norms': norms, 'segments': segments, 'traces':
          step.experimental_get_tracing_count(), **gradients, **{
              name: tf.convert_to_tensor(value).numpy()
              for name, value in state.tensors().items()}}


def main(count, path):
  """Writes the results of all losses on `count` replicas."""
  network.build_embedding_model = tiny_model
  results = {}
  strategy = distribution.make_strategy(training_settings.TrainConfig(
      data_list='', data_dir='', snapshot_dir='', batch_size=IMAGES,
      strategy='multi_worker' if 'TF_CONFIG' in os.environ else 'mirrored',
      logical_devices=count))
  for kind in KINDS:
    for twin in (False, True) if count == 1 else (False,):
      for name, value in run(strategy, kind, twin).items():
        results[f'{kind}{" twin" * twin}|{name}'] = value
  np.savez(path, **results)


if __name__ == '__main__':
  main(int(sys.argv[1]), sys.argv[2])
