"""One update from a batch that comes in parts, in the memory of one part.

The embeddings of all parts are computed first, then the loss of all and its
gradient with respect to them, then each part again with the gradient that
reaches its embeddings. Segments of all parts take part in the loss, so that the
parts equal one batch of their size (the 2019 release made an update of each).
"""

import tensorflow as tf

import network


def make_train_step(state, config, loss_of_embeddings, update, compiled):
  """Returns the update of all variables from several parts.

  Args:
    state: a `train_state.TrainState`.
    config: a `training_settings.TrainConfig`.
    loss_of_embeddings: as for `train_step.make_train_step`.
    update: `train_step.update`.
    compiled: makes a function run compiled on every replica.

  Returns:
    As `train_step.make_train_step`.
  """
  gradients_of = make_gradients(state, config, loss_of_embeddings, compiled)
  finish = compiled(
      lambda *arguments: update(state, config, *arguments))

  def train_step(parts):
    gradients, loss, results = gradients_of(parts)
    return finish(gradients, loss, results), results
  return train_step


def make_gradients(state, config, loss_of_embeddings, compiled):
  """Returns a function of a list of batches, the parts.

  It returns what `train_step.gradients_of` does of one batch. Each pass is a
  compiled function of its own: in one graph, TensorFlow would find the two
  passes of a part alike and keep the first in memory. Arguments as above.
  """
  variables = state.optimizer.variables
  # A frozen backbone's do not change, nor do its weights.
  statistics = [
      variable for name, variable in state.variables.items()
      if not variable.trainable and (
          network.is_head(name) or not config.freeze_backbone)]

  def embed(inputs):
    before = [tf.identity(variable) for variable in statistics]
    embeddings = state.embed(inputs)
    for variable, value in zip(statistics, before):
      variable.assign(value)  # a part is seen again, and counts only then
    return embeddings

  def sort(parts, labels):
    whole = {name: tf.concat([part[name] for part in labels], 0)
             for name in labels[0]}
    with tf.GradientTape() as tape:
      embeddings = tf.concat(parts, 0)
      tape.watch(embeddings)
      loss, results = loss_of_embeddings(embeddings, whole, state, config)
      scaled = loss * state.loss_scale.value
    gradient = tape.gradient(scaled, embeddings)
    return tf.split(gradient, len(parts)), loss, results

  def start():
    return [tf.zeros(variable.shape) for variable in variables]

  def add(sums, inputs, of_part):
    with tf.GradientTape() as tape:
      embeddings = state.embed(inputs)
    gradients = tape.gradient(embeddings, variables, output_gradients=of_part)
    return [total + gradient for total, gradient in zip(sums, gradients)]

  embed, sort, start, add = map(compiled, (embed, sort, start, add))

  def gradients_of(batches):
    inputs, labels = zip(*map(state.split, batches))
    embeddings = [embed(part) for part in inputs]
    of_parts, loss, results = sort(embeddings, labels)
    sums = start()
    for part, of_part in zip(inputs, of_parts):
      sums = add(sums, part, of_part)
    return sums, loss, results
  return gradients_of
