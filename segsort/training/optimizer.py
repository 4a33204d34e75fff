"""TF1's momentum with polynomial decay, a faster head and L2 on weights.

Keras' SGD scales the gradient by the rate before the momentum, TF1 after it;
they differ whenever the rate changes, so the few lines are written out here.
"""

import keras
import tensorflow as tf

import network

HEAD_FACTOR = 10.  # the head learns 10 times as fast, as in the release


def polynomial_decay(base, step, num_steps, power):
  """Returns f32[]: base * (1 - step / num_steps) ** power, 0 from the end on.

  Args:
    base: the rate at step 0.
    step: i64[].
    num_steps: where the rate reaches 0.
    power: of the decay.
  """
  progress = tf.cast(step, tf.float32) / tf.cast(num_steps, tf.float32)
  return base * tf.maximum(1. - progress, 0.) ** power


def weight_penalty(variables, weight_decay):
  """Returns f32[]: the L2 term of the loss, weight_decay * sum(w^2) / 2.

  Args:
    variables: the model's, by name; only `weights` count, not biases, gamma
      and beta.
    weight_decay: the factor.
  """
  return weight_decay * tf.add_n([
      tf.nn.l2_loss(tf.convert_to_tensor(variable))
      for name, variable in variables.items() if network.is_weight(name)])


def add_weight_penalty(variables, weight_decay, gradients):
  """Adds the L2 term to gradients.

  Args:
    variables: the model's, by name.
    weight_decay: the factor.
    gradients: of the trainable variables, in their order.

  Returns:
    The penalty f32[] of these, and the gradients of loss + penalty.
  """
  trainable = [(name, variable) for name, variable in variables.items()
               if variable.trainable]
  gradients = [
      # Through the momentum, as in TF1; Keras' `weight_decay=` goes past it.
      gradient + weight_decay * tf.convert_to_tensor(variable)
      if network.is_weight(name) else gradient
      for (name, variable), gradient in zip(trainable, gradients, strict=True)]
  return weight_penalty(dict(trainable), weight_decay), gradients


class LossScale:
  """Keeps half-precision gradients above the smallest number there is.

  Attributes:
    value: f32[], what the loss is multiplied with; 1 but for float16.
    variables: of the scale, by name, for a checkpoint.
  """

  GROW_AFTER = 2000  # updates without overflow, as in Keras' own scale

  def __init__(self, mixed_precision):
    """Starts at 2^15 for 'float16'; does nothing for other precisions."""
    self.value, self.variables = tf.constant(1.), {}
    if mixed_precision == 'float16':
      same = tf.VariableAggregation.ONLY_FIRST_REPLICA
      self.value = tf.Variable(2.**15, trainable=False, aggregation=same)
      self._fine = tf.Variable(0, trainable=False, aggregation=same)
      self.variables = {'loss_scale/value': self.value,
                        'loss_scale/fine': self._fine}

  def apply(self, optimizer, gradients, rate):
    """Applies unscaled gradients, unless they overflowed.

    Returns:
      f32[], 1 if applied, 0 if skipped.
    """
    if not self.variables:
      optimizer.apply(gradients, rate)
      return tf.constant(1.)
    fine = tf.math.is_finite(tf.linalg.global_norm(gradients))
    optimizer.apply(gradients, rate, fine)
    grow = fine & (self._fine + 1 >= self.GROW_AFTER)
    factor = tf.where(fine, tf.where(grow, 2., 1.), .5)
    self.value.assign(tf.maximum(self.value * factor, 1.))
    self._fine.assign(tf.where(fine & ~grow, self._fine + 1, 0))
    return tf.cast(fine, tf.float32)


class Momentum:
  """v = momentum * v + gradient; w = w - rate * v.

  Attributes:
    slots: the v of each trainable variable, by the variable's name.
  """

  def __init__(self, variables, momentum):
    """Makes zero slots.

    Args:
      variables: the model's, by name.
      momentum: of the gradient.
    """
    self._momentum = momentum
    self._variables = {
        name: variable for name, variable in variables.items()
        if variable.trainable}
    self.slots = {
        name: tf.Variable(tf.zeros(variable.shape), trainable=False)
        for name, variable in self._variables.items()}

  @property
  def variables(self):
    """The trainable Keras variables, in the order that `apply` expects."""
    return list(self._variables.values())

  def apply(self, gradients, rate, proceed=True):
    """Updates every variable, on every device of a strategy.

    Args:
      gradients: one for each of `variables`, the same on all replicas.
      rate: f32[], of the backbone; the head's is HEAD_FACTOR times it.
      proceed: bool[]; False leaves everything as it is.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
      self._apply_all(None, gradients, rate, proceed)
    else:
      context.merge_call(self._apply_all, (gradients, rate, proceed))

  def _apply_all(self, strategy, gradients, rate, proceed):
    """Updates on one device, or (with a strategy) on each of its devices."""
    for (name, variable), gradient in zip(
        self._variables.items(), gradients, strict=True):
      if isinstance(variable, keras.Variable):
        variable = variable.value  # its tf.Variable, for strategies
      factor = HEAD_FACTOR if network.is_head(name) else 1.
      arguments = self.slots[name], gradient, rate, factor, proceed
      if strategy is None:
        self._update(variable, *arguments)
      else:
        strategy.extended.update(
            variable, self._update, arguments, group=False)

  def _update(self, variable, slot, gradient, rate, factor, proceed):
    """The update of one variable, on one device."""
    slot.assign(tf.where(proceed, self._momentum * slot + gradient, slot))
    variable.assign_sub(tf.where(proceed, rate * factor * slot, 0.))


class LossWeights:
  """Weights of the loss itself, learnt against the network: uphill.

  v = momentum * v + gradient; w = w + rate * v.

  Attributes:
    value: the weights, an f32 variable that starts at 0.
    variables: value and momentum by name, for a checkpoint.
  """

  def __init__(self, shape, momentum):
    """Makes weights of a shape."""
    self._momentum = momentum
    self.value, self._slot = (
        tf.Variable(tf.zeros(shape), trainable=False,
                    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)
        for _ in range(2))
    self.variables = {'loss_weights/value': self.value,
                      'loss_weights/slot': self._slot}

  def apply(self, gradient, rate, proceed):
    """Follows a gradient, the same on all replicas, unless told otherwise.

    Args:
      gradient: of the loss, of the weights' shape.
      rate: f32[].
      proceed: bool[]; False leaves everything as it is.
    """
    slot = self._momentum * self._slot + gradient
    self._slot.assign(tf.where(proceed, slot, self._slot))
    self.value.assign_add(tf.where(proceed, rate * slot, 0.))
