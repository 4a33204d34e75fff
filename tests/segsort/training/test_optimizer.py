"""TF1's momentum against numpy, the decay and the penalty by hand."""

import closeness
import keras
import numpy as np
import pytest
import tensorflow as tf

from segsort.training import optimizer

NAMES = ('net/conv1/weights', 'net/conv1/BatchNorm/gamma', 'net/fc1_c0/weights',
         'net/block5/conv1/BatchNorm/beta')


def _variables(rng):
  variables = {
      name: keras.Variable(rng.normal(size=(3, 2)).astype(np.float32))
      for name in NAMES}
  variables['net/conv1/BatchNorm/moving_mean'] = keras.Variable(
      np.ones(2, np.float32), trainable=False)
  return variables


@pytest.mark.parametrize('compiled', (False, True))
def test_updates_equal_tf1_momentum_while_the_rate_changes(rng, compiled):
  variables = _variables(rng)
  momentum = optimizer.Momentum(variables, .9)
  apply = tf.function(momentum.apply) if compiled else momentum.apply
  weights = {name: variables[name].numpy().astype(float) for name in NAMES}
  slots = {name: 0. for name in NAMES}
  for step in range(6):
    rate = .1 * (1 - step / 6) ** .9
    gradients = rng.normal(size=(4, 3, 2)).astype(np.float32)
    apply([tf.constant(g) for g in gradients], optimizer.polynomial_decay(
        .1, tf.constant(step, tf.int64), 6, .9))
    for name, gradient in zip(NAMES, gradients):
      slots[name] = .9 * slots[name] + gradient
      factor = 10 if 'fc1_c' in name or 'block5' in name else 1
      weights[name] -= rate * factor * slots[name]
  for name in NAMES:
    closeness.assert_close(variables[name], weights[name])
    closeness.assert_close(momentum.slots[name], slots[name])
  assert list(momentum.slots) == list(NAMES)
  assert variables['net/conv1/BatchNorm/moving_mean'].numpy().tolist() == [1, 1]


def test_a_missing_gradient_is_no_silent_shift(rng):
  momentum = optimizer.Momentum(_variables(rng), .9)
  with pytest.raises(ValueError):
    momentum.apply([tf.zeros([3, 2])] * 3, .1)


@pytest.mark.parametrize('step, expected', (
    (0, 2e-3), (15000, 2e-3 * .5 ** .9), (30000, 0.), (31000, 0.)))
def test_polynomial_decay_by_hand(step, expected):
  rate = optimizer.polynomial_decay(
      2e-3, tf.constant(step, tf.int64), 30000, .9)
  np.testing.assert_allclose(rate, expected, rtol=1e-5)  # 0 is 0 exactly


def test_a_power_of_zero_keeps_the_rate():
  assert float(optimizer.polynomial_decay(.5, 9, 10, 0.)) == .5


def test_the_penalty_is_on_weights_alone(rng):
  variables = _variables(rng)
  expected = sum((variables[name].numpy() ** 2).sum() for name in NAMES
                 if name.endswith('/weights'))
  closeness.assert_close(
      optimizer.weight_penalty(variables, 5e-4), 5e-4 * expected / 2)
  with tf.GradientTape() as tape:
    penalty = optimizer.weight_penalty(variables, .1)
  gradients = tape.gradient(penalty, [variables[name] for name in NAMES])
  for name, gradient in zip(NAMES, gradients):
    if name.endswith('/weights'):
      closeness.assert_close(gradient, .1 * variables[name].numpy())
    else:
      assert gradient is None


def test_weights_of_the_loss_go_uphill_with_momentum(rng):
  weights = optimizer.LossWeights((2, 3), .9)
  value = slot = np.zeros((2, 3))
  for step in range(5):
    gradient, rate = rng.normal(size=(2, 3)).astype(np.float32), .1 / (step + 1)
    proceed = step != 2
    weights.apply(tf.constant(gradient), rate, tf.constant(proceed))
    if proceed:
      slot = .9 * slot + gradient
      value = value + rate * slot
  closeness.assert_close(weights.value, value)
  closeness.assert_close(weights.variables['loss_weights/slot'], slot)
