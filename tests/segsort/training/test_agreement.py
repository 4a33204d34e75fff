"""What TensorFlow's errors mean; agreement of one process with itself."""

import pytest
import small_runs
import tensorflow as tf

from segsort.training import agreement


@pytest.mark.parametrize('error, strategy, told', [
    (tf.errors.ResourceExhaustedError, 'one_device', '^out of memory .*iter_'),
    (tf.errors.UnavailableError, 'multi_worker', 'worker has left .*the same'),
    (tf.errors.UnavailableError, 'mirrored', None),
    (tf.errors.InvalidArgumentError, 'multi_worker', None)])
def test_errors_that_a_user_can_mend(error, strategy, told):
  config = small_runs.train_config(('', ''), 'runs/x', strategy=strategy)
  explained = agreement.explain(error(None, None, 'first\nsecond'), config)
  if told is None:
    assert explained is None
  else:
    assert explained.args[0].count('first') == 1
    assert '\n' not in explained.args[0]
    with pytest.raises(type(explained), match=told):
      raise explained


def test_a_process_alone_agrees_with_itself():
  agree = agreement.make_agreement(tf.distribute.get_strategy())
  assert agree(True) is True and agree(False) is False
