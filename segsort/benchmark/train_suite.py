"""What segment sorting adds to a training step of the small network."""

import tensorflow as tf

from segsort.benchmark import loss_suite
from segsort.benchmark import measure
from segsort.runs import settings as settings_lib
from segsort.training import train_state
from segsort.training import train_step


def comparisons():
  """Yields the rows: the step against its network, and a batch in parts."""
  for images, size in ((16, 96), (8, 144)):
    config = make_config(images, size)
    state = train_state.TrainState(config)
    yield measure.Comparison(
        name=f'step / network alone, {images} x {size}x{size}',
        ours=whole_step(state, config), twin=network_alone(state, config),
        aim=1 / 1.1, repeats=11)
  parts = make_config(2, 96, iter_size=8)
  whole = make_config(16, 96)
  yield measure.Comparison(
      name='--iter_size 8 x batch 2 / batch 16, 96x96',
      ours=whole_step(train_state.TrainState(parts), parts),
      twin=whole_step(train_state.TrainState(whole), whole))


def make_config(images, size, **settings):
  """The small network on crops of some size, without end."""
  return loss_suite.make_config(images, **{
      'backbone': 'resnet_small', 'num_steps': 10**6,
      'input_size': settings_lib.Size((size, size)), **settings})


def _batches(config):
  """The parts of one global batch, as the pipeline makes them."""
  _, batch, _ = loss_suite.make_batch(config, config.input_size[0], blocks=3)
  image = tf.random.stateless_normal(
      [*batch['labels'].shape, 3], [0, 1], stddev=50.)
  return [{**batch, 'image': image}] * config.iter_size


def whole_step(state, config):
  """The training step, as work to measure."""
  step = train_step.make_train_step(
      state, config, train_step.supervised_loss)
  batches = _batches(config)
  return lambda: float(step(batches)[0]['total_loss'])


def network_alone(state, config):
  """Forward and backward of the network, with the simplest loss there is."""
  @tf.function
  def compute(image):
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(state.model(image, training=True) ** 2)
    gradients = tape.gradient(loss, state.optimizer.variables)
    return tf.add_n([tf.reduce_sum(gradient) for gradient in gradients])

  image = _batches(config)[0]['image']
  return lambda: float(compute(image))
