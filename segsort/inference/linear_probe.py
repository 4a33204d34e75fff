"""A softmax classifier of single vectors, learned from any number of them."""

import numpy as np
import scipy.optimize

from segsort.inference import prototype_set


def fit_linear(vectors, classes, num_classes, decay):
  """Fits a softmax classifier, in memory that does not grow with the pixels.

  Losses and gradients are summed in float64, part by part: the weights are
  those of one sum to 1e-5 of the largest.

  Args:
    vectors: f32[N, D], an array or a mapped file.
    classes: i[N] in 0..C-1.
    num_classes: C.
    decay: weight of the sum of squares, biases left out.

  Returns:
    f32[D + 1, C], the last row the biases.
  """
  penalised = np.ones((vectors.shape[1] + 1, 1))
  penalised[-1] = 0

  def loss(flat):
    weights = flat.reshape(-1, num_classes)
    value, gradient = 0., np.zeros_like(weights)
    # At once, logits and targets of COCO-Stuff would be 224 GB.
    for first, rows in prototype_set.rows_in_parts(vectors):
      of_part = cross_entropy(rows, classes[first:first + len(rows)], weights)
      value += of_part[0]
      gradient += of_part[1]
    kept = weights * penalised
    return (value / len(vectors) + decay * (kept ** 2).sum(),
            (gradient / len(vectors) + 2 * decay * kept).ravel())

  found = scipy.optimize.minimize(
      loss, np.zeros(penalised.size * num_classes), jac=True,
      method='L-BFGS-B', options={'maxiter': 500})
  return found.x.reshape(-1, num_classes).astype(np.float32)


def cross_entropy(vectors, classes, weights):
  """Sums the cross-entropy of a softmax classifier over pixels.

  Args:
    vectors: float[N, D].
    classes: i[N] in 0..C-1.
    weights: f64[D + 1, C], the last row the biases.

  Returns:
    f64, and its gradient with respect to the weights, f64[D + 1, C].
  """
  inputs = vectors.astype(np.float64)
  own = np.arange(len(vectors)), classes
  scores = inputs @ weights[:-1] + weights[-1]
  scores -= scores.max(1, keepdims=True)
  value = -scores[own].sum()
  np.exp(scores, out=scores)
  sums = scores.sum(1, keepdims=True)
  scores /= sums
  scores[own] -= 1
  return value + np.log(sums).sum(), np.concatenate(
      [inputs.T @ scores, scores.sum(0, keepdims=True)])
