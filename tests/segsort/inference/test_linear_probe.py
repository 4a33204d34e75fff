"""The linear probe against loops, in parts and by hand."""

import closeness
import numpy as np
import pytest

from network.segsort import retrieval
from segsort.inference import linear_probe


def test_a_linear_probe_separates_what_is_separable(rng):
  centres = np.eye(3, 5)
  classes = rng.integers(0, 3, 200)
  vectors = centres[classes] + .1 * rng.normal(size=(200, 5))
  weights = linear_probe.fit_linear(vectors, classes, 4, 1e-4)
  assert weights.shape == (6, 4)
  predicted = (vectors @ weights[:-1] + weights[-1]).argmax(1)
  np.testing.assert_array_equal(predicted, classes)


def test_the_loss_of_the_probe_is_that_of_loops(rng):
  vectors, weights = rng.normal(size=(9, 3)), rng.normal(size=(4, 5))
  classes = rng.integers(0, 5, 9)
  value, gradient = linear_probe.cross_entropy(vectors, classes, weights)

  def twin(weights):
    total = 0.
    for vector, label in zip(vectors, classes):
      odds = [np.exp(vector @ weights[:-1, c] + weights[-1, c])
              for c in range(5)]
      total -= np.log(odds[label] / sum(odds))
    return total

  assert value == pytest.approx(twin(weights), rel=1e-12)
  for place in np.ndindex(4, 5):
    step = np.zeros((4, 5))
    step[place] = 1e-5
    assert gradient[place] == pytest.approx(
        (twin(weights + step) - twin(weights - step)) / 2e-5, abs=1e-8)


def test_a_probe_learned_in_parts_is_that_of_all_pixels(rng, monkeypatch):
  """To the 1e-5 that its docstring states, with classes that overlap."""
  classes = rng.integers(0, 3, 200)
  vectors = (np.eye(3, 5)[classes] + .5 * rng.normal(size=(200, 5))).astype(
      np.float32)
  whole = linear_probe.fit_linear(vectors, classes, 4, 1e-4)
  lengths, cross_entropy = set(), linear_probe.cross_entropy

  def of_part(rows, *others):
    lengths.add(len(rows))
    return cross_entropy(rows, *others)

  monkeypatch.setattr(retrieval, 'CHUNK', 7)
  monkeypatch.setattr(linear_probe, 'cross_entropy', of_part)
  closeness.assert_close(
      linear_probe.fit_linear(vectors, classes, 4, 1e-4), whole)
  assert lengths == {7, 200 % 7}


def test_decay_spares_the_biases():
  """Without inputs the biases alone give the classes' shares."""
  classes = np.array([0, 0, 0, 1])
  weights = linear_probe.fit_linear(np.zeros((4, 2)), classes, 2, .5)
  assert weights[2, 0] - weights[2, 1] == pytest.approx(np.log(3), abs=1e-3)
  np.testing.assert_allclose(weights[:2], 0, atol=1e-6)
