"""A training run: from a list of images to its last checkpoint.

`train_step` has the loss and the update; the loop here adds time and files.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

import network
from segsort.checkpoints import checkpoint
from segsort.data import batching
from segsort.data import class_shares
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import InputError, warn
from segsort.inference import feature_cache
from segsort.runs import folder_lock
from segsort.runs import interruption
from segsort.runs import progress
from segsort.runs import run_record
from segsort.training import agreement
from segsort.training import distribution
from segsort.training import run_inputs
from segsort.training import run_log
from segsort.training import train_state
from segsort.training import train_step


def train(config):
  """Trains an embedding network from labelled images."""
  train_network(
      config, ('image', 'mask'), input_pipeline.supervised_batches,
      train_step.supervised_loss)


def train_unsupervised(config):
  """Trains an embedding network from oversegmentations, without labels."""
  train_network(
      config, ('image', 'oversegmentation'),
      input_pipeline.unsupervised_batches, train_step.unsupervised_loss)


def train_network(config, needs, make_batches, loss_of_embeddings):
  """Starts a run, or goes on with it, to its last step.

  Args:
    config: a `training_settings.TrainConfig`.
    needs: the columns of the list, see `image_list.read_list`.
    make_batches: as `input_pipeline.supervised_batches`.
    loss_of_embeddings: as `train_step.supervised_loss`.
  """
  examples = image_list.read_list(config.data_list, config.data_dir, needs)
  strategy = distribution.make_strategy(config)
  set_numerics(config, strategy)
  with contextlib.ExitStack() as stack:
    if distribution.is_chief(strategy):
      stack.enter_context(folder_lock.alone(
          config.snapshot_dir, instead='name another --snapshot_dir'))
    _run(config, examples, needs, strategy, make_batches, loss_of_embeddings)


def _run(config, examples, needs, strategy, make_batches, loss_of_embeddings):
  """As `train_network`, of a list that is read, alone in the run's folder."""
  with strategy.scope():
    state = train_state.TrainState(config)
    finished = train_state.start_or_resume(state, config)
  with agreement.explained(config):
    agreement.check_same_start(
        strategy, config.num_steps if finished else int(state.step.numpy()),
        config)
  if finished:
    return
  chief = distribution.is_chief(strategy)
  if chief:
    if 'mask' in needs:
      class_shares.tell([example.mask for example in examples], config)
    run_record.write_run(
        config.snapshot_dir, config, **run_inputs.inputs_of(config))
    if not config.num_steps:  # untrained: what training has to beat
      _save(state, config, 0)
  first, share = int(state.step.numpy()), distribution.share_of(strategy)
  features = _cached_features(state, examples, config)
  batches = batching.Batches(
      make_batches(examples, config, first, share, features))
  step_function = train_step.make_train_step(
      state, config, loss_of_embeddings, strategy)
  agree = agreement.make_agreement(strategy)
  log = run_log.RunLog(config, first, chief)
  with log, interruption.Signals() as signals, batches:
    def on_wait():
      if signals.out_of_patience():  # between two steps
        if chief:
          _save(state, config, int(state.step.numpy()))
        log.close()
        signals.leave(
            config.snapshot_dir, int(state.step.numpy()), hanging=True)

    for inputs, done in _steps(state, config, batches, log, on_wait):
      with agreement.explained(config):
        metrics, results = step_function(
            [distribution.spread(strategy, batch) for batch in inputs])
        metrics, results = _local(strategy, metrics), _local(strategy, results)
        # Waits for the step, so that its errors are explained here.
        metrics = {name: float(value) for name, value in metrics.items()}
        # Asked of all after every step: none may wait for one that has left.
        stopped = agree(signals.came()) and done < config.num_steps
      _check(metrics, done - 1, inputs, examples, config)
      log.add(metrics)
      # The log before the checkpoint: a run that goes on cuts lines of later
      # steps, but cannot bring back what is missing of earlier ones.
      if done % config.update_tb_every == 0 or done == config.num_steps:
        log.write(done, inputs[0], results)
      last = stopped or done == config.num_steps
      if chief and (last or done % config.save_pred_every == 0):
        _save(state, config, done)
      if stopped:
        signals.leave(config.snapshot_dir, done)
  print(f'trained {config.num_steps} steps: '
        f'{checkpoint.checkpoint_path(config.snapshot_dir, config.num_steps)}')


def _cached_features(state, examples, config):
  """The features of a frozen backbone; None without --cache_features."""
  if not config.cache_features:
    return None
  return feature_cache.TrainingFeatures(
      feature_cache.FeatureCache(state.model, config.cache_features), examples,
      config.input_size)


def set_numerics(config, strategy):
  """Precision, determinism and what TensorFlow cannot compile.

  Raises:
    InputError: If the settings do not go together; nothing is set then.
  """
  if config.jit_compile and strategy.num_replicas_in_sync > 1:
    raise InputError(
        '--jit_compile and several devices do not go together: TensorFlow '
        'does not compile gathers over replicas; leave one of them out')
  if config.jit_compile and config.deterministic:
    raise InputError(
        '--jit_compile and --deterministic do not go together: TensorFlow has '
        'no deterministic compiled max-pool gradient; leave one of them out')
  network.allow_tensor_float_32(config.tensor_float_32)
  policy = config.mixed_precision
  keras.mixed_precision.set_global_policy(
      policy if policy == 'float32' else f'mixed_{policy}')
  if config.deterministic:
    tf.config.experimental.enable_op_determinism()


def _steps(state, config, batches, log, on_wait):
  """Yields the inputs of each step, and the updates done after it.

  Shows how far the run is, with what `log` has of the step.
  """
  first = int(state.step.numpy())
  steps = progress.track(
      range(first, config.num_steps), initial=first, total=config.num_steps,
      desc='training')
  for step in steps:
    yield batches.take(config.iter_size, on_wait), step + 1
    steps.set_postfix(log.latest(), refresh=False)


def _local(strategy, results):
  """The first of this process's replicas' results."""
  return {name: strategy.experimental_local_results(value)[0]
          for name, value in results.items()}


def _check(metrics, step, inputs, examples, config):
  """Stops where a number is not finite, or pixels had no room."""
  def names():
    return ', '.join(examples[index].name for batch in inputs
                     for index in batch['index'].numpy())

  if not np.isfinite(list(metrics.values())).all():
    saved = checkpoint.steps_in(config.snapshot_dir)
    last = (checkpoint.checkpoint_path(config.snapshot_dir, saved[-1])
            if saved else 'none yet')
    raise InputError(
        f'step {step}: {metrics}, not finite, on images {names()}; last '
        f'checkpoint: {last}; lower --learning_rate or look at these images')
  room = config.max_segments * config.batch_size * config.iter_size
  if config.jit_compile and metrics.get('most_segments', 0) > room:
    raise InputError(
        f"step {step}: {metrics['most_segments']:.0f} segments in the images "
        f'{names()}, but room for {room}, so pixels were dropped; raise '
        f'--max_segments above {config.max_segments}')
  if metrics['skipped_updates']:
    warn(f'step {step}: float16 overflow, update skipped, loss scale halved')


def _save(state, config, step):
  """Writes a checkpoint and drops those beyond --max_to_keep."""
  checkpoint.save(checkpoint.checkpoint_path(config.snapshot_dir, step),
                  state.tensors())
  checkpoint.keep_newest(config.snapshot_dir, config.max_to_keep, step)
