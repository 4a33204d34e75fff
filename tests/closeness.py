"""Bounds that hold on any processor.

A float32 holds 24 bits. Kernels of another processor add the same terms in
another order or in wider registers, so that a sum of them is off by some units
of 2^-24 of the *largest* magnitude among them, however small it comes out.
Hence two kinds of bounds, and no other for floats that a kernel computed:

`assert_close`: what takes one pass (a loss, a gradient, prototypes), as a
fraction of the largest magnitude of the tensor.

`NoiseFloor`: what magnifies rounding from step to step (training, batch norm
over few pixels), as a multiple of what the same run does under weights that are
off by a rounding error.
"""

import numpy as np
import tensorflow as tf

# 84 units in the last place of the largest magnitude. Sums here have up to some
# ten thousand terms: in one order or another they are off by 1 to 20 units.
FLOATS = 1e-5
# A weight's own rounding error is up to 6e-8 of it; a layer adds some of them.
PERTURBATION = 2e-7
# The floor is one draw of what another processor does, hence a multiple of it.
FLOORS = 3
# Two cosines of some ten terms, each off by up to 8 units of 2^-24.
LEAD = 1e-6


def error(ours, expected):
  """Returns the largest difference over the largest expected magnitude.

  Args:
    ours: array or tensor.
    expected: array or tensor of the same shape.

  Returns:
    A float; NaN, which no bound covers, where either holds one. Where zeros are
    expected, the largest difference as it is.

  Raises:
    AssertionError: the shapes differ.
  """
  ours, expected = np.asarray(ours, float), np.asarray(expected, float)
  assert ours.shape == expected.shape, f'{ours.shape}, not {expected.shape}'
  if not expected.size:
    return 0.
  return float(np.abs(ours - expected).max()
               / (np.abs(expected).max() or 1.))


def assert_close(ours, expected, fraction=FLOATS, what=''):
  """Asserts that `error` is at most a fraction.

  Args:
    ours: array or tensor.
    expected: array or tensor of the same shape.
    fraction: of the largest expected magnitude; another than FLOATS has its
      reason beside the call.
    what: what is compared, for the message.
  """
  found = error(ours, expected)
  assert found <= fraction, (
      f'{what or "tensor"}: off by {found:.3g} of its largest magnitude, more '
      f'than {fraction:.3g}\n{np.asarray(ours)}\nnot\n{np.asarray(expected)}')


def leaders(cosines, number):
  """Returns the indices of the highest cosines of each row, for twins.

  What is level but for rounding takes either turn: labels and neighbours of
  such data would be equal on some processors only.

  Args:
    cosines: float[..., N], or other scores of magnitude 1.
    number: how many of a row.

  Returns:
    i[..., number], the highest first.

  Raises:
    AssertionError: one of them is closer than LEAD to the next.
  """
  cosines = np.asarray(cosines, float)
  order = np.argsort(-cosines, -1, kind='stable')[..., :number + 1]
  leads = -np.diff(np.take_along_axis(cosines, order, -1))
  assert (leads > LEAD).all(), f'a lead of {leads.min():.3g}: other data'
  return order[..., :number]


def perturbed(values, rng):
  """Returns f32 values, each off by some rounding errors."""
  noise = rng.standard_normal(np.shape(values), np.float32)
  return np.asarray(values) * (1 + np.float32(PERTURBATION) * noise)


class NoiseFloor:
  """How far apart equal runs are whose weights differ by rounding errors.

  Quantities of one kind, say all gradients, share one floor, the largest among
  them: a single number may come out equal by chance.
  """

  def __init__(self, run, twin):
    """Takes the results of a run and of its perturbed twin, name to array."""
    assert run.keys() == twin.keys()
    self._errors = {name: error(twin[name], run[name]) for name in run}

  def bound(self, names, detects):
    """Returns what two processors may differ by in quantities of a kind.

    Args:
      names: of the quantities.
      detects: what a real error makes at the least; all as fractions of the
        largest magnitude.

    Raises:
      AssertionError: the run magnifies rounding to as much as that, and could
        not tell an error from it: it needs a better conditioned network.
    """
    bound = FLOORS * max(self._errors[name] for name in names) + FLOATS
    assert bound < detects, f'noise of {bound:.3g} hides an error of {detects}'
    return bound


def normalize_exactly(vectors):
  """As `clustering.normalize`, equal vectors to equal ones in every row.

  An inverse root is only close to the true one, and what comes out of the last
  rows of an array may differ from the others by a bit.
  """
  return tf.math.divide_no_nan(
      vectors, tf.norm(vectors, axis=-1, keepdims=True))
