"""The plain twin of the loss computes what ours computes."""

import closeness
import pytest
import tensorflow as tf

from segsort.benchmark import loss_suite
from segsort.benchmark import loss_twin
from segsort.training import train_step


@pytest.mark.parametrize('size', [10, 21])
def test_twin_and_ours_agree_in_loss_and_gradient(size):
  config = loss_suite.make_config(2)
  raw, batch, state = loss_suite.make_batch(config, size)
  results = []
  for loss_of in (
      lambda raw: train_step.supervised_loss(raw, batch, state, config)[0],
      lambda raw: loss_twin.supervised_loss(
          raw, batch, state.bank.read(), config)):
    with tf.GradientTape() as tape:
      tape.watch(raw)
      loss = loss_of(raw)
    results.append((float(loss), tape.gradient(loss, raw).numpy()))
  (ours, our_gradient), (twin, twin_gradient) = results
  closeness.assert_close(ours, twin)
  closeness.assert_close(our_gradient, twin_gradient)


def test_the_batch_is_like_one_of_an_untrained_network():
  config = loss_suite.make_config(4)
  raw, batch, state = loss_suite.make_batch(config, 42)
  _, results = train_step.supervised_loss(raw, batch, state, config)
  assert 50 < int(results['num_segments']) / 4 < 75
  assert state.bank.fill_fraction() == 1
