"""Which local contours enclose something: the spectral part of gPb.

Pixels of a coarse grid are alike unless a contour lies on the line between
them. The slowest modes of a random walk on that graph, the smallest
eigenvectors of its normalised Laplacian, are flat within objects and steep
between them; their oriented gradients are the contours that matter for the
whole image (Arbelaez et al., PAMI 2011; here on a grid of every
fourth pixel, for time).
"""

import cv2
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

SHRINK = 4  # pixels along a side of a node
REACH = 5  # nodes; farther ones are not compared
CONTRAST = 0.1  # contour strength at which likeness falls to 1/e
NUM_VECTORS = 12
LANCZOS_VECTORS, MAX_RESTARTS, PRECISION = 40, 400, 1e-3
SMALLEST_VALUE = 1e-4  # eigenvalues are used as if no smaller


def spectral_contours(strengths, num_orientations):
  """Finds the contours between the parts that an image falls into.

  Args:
    strengths: f32[H, W], local contours, 0..1.
    num_orientations: K.

  Returns:
    f32[K, H, W], 0 or more; 0 everywhere if the image is too small to tell.
  """
  size = strengths.shape
  nodes = _shrink(strengths)
  contours = np.zeros((num_orientations, *nodes.shape), np.float32)
  if nodes.size > 2 * LANCZOS_VECTORS:
    kernels = gradient_kernels(num_orientations)
    for value, mode in slow_modes(nodes):
      steps = [np.abs(cv2.filter2D(
          mode, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101))
               for kernel in kernels]
      # As in gPb, slower modes count more: they divide larger parts.
      contours += np.stack(steps) / np.sqrt(value)
  height, width = (side * SHRINK for side in nodes.shape)
  return np.stack([
      cv2.resize(plane, (width, height))[:size[0], :size[1]]
      for plane in contours])


def _shrink(strengths):
  """The maximum of each square of pixels, f32[h, w]: thin contours remain."""
  height, width = (-(-side // SHRINK) for side in strengths.shape)
  padded = np.pad(
      strengths, ((0, height * SHRINK - strengths.shape[0]),
                  (0, width * SHRINK - strengths.shape[1])), mode='edge')
  return padded.reshape(height, SHRINK, width, SHRINK).max((1, 3))


def slow_modes(nodes):
  """Returns the slowest modes of the random walk but for the constant.

  Args:
    nodes: f32[h, w], contour strengths.

  Returns:
    List of (eigenvalue of the normalised Laplacian, f32[h, w] in 0..1).
  """
  affinities = affinity_matrix(nodes)
  roots = scipy.sparse.diags_array(1 / np.sqrt(affinities.sum(1) + 1e-9))
  start = np.random.default_rng(0).random(nodes.size)  # the same every time
  values, vectors = largest_eigenpairs(roots @ affinities @ roots, start)
  order = np.argsort(-values)[1:]
  modes = (roots @ vectors[:, order]).T.astype(np.float32)
  modes -= modes.min(1, keepdims=True)
  modes /= modes.max(1, keepdims=True) + 1e-12
  return [(max(1 - values[index], SMALLEST_VALUE), mode.reshape(nodes.shape))
          for index, mode in zip(order, modes)]


def largest_eigenpairs(matrix, start):
  """Returns eigenvalues f64[k] and vectors f64[n, k]; those that converged."""
  try:
    return scipy.sparse.linalg.eigsh(
        matrix, NUM_VECTORS + 1, which='LA', v0=start, tol=PRECISION,
        ncv=LANCZOS_VECTORS, maxiter=MAX_RESTARTS)
  except scipy.sparse.linalg.ArpackNoConvergence as error:
    return error.eigenvalues, error.eigenvectors


def affinity_matrix(nodes):
  """Returns the sparse f64[h * w, h * w] likeness of nodes within REACH."""
  height, width = nodes.shape
  ids = np.arange(height * width).reshape(height, width)
  rows, columns, values = [], [], []
  for down in range(REACH + 1):
    for right in range(-REACH, REACH + 1):
      if (down, right) <= (0, 0) or down ** 2 + right ** 2 > REACH ** 2:
        continue
      if down >= height or abs(right) >= width:
        continue
      strongest = _strongest_between(nodes, down, right)
      left = max(0, -right)
      rows.append(ids[:height - down, left:left + width - abs(right)].ravel())
      columns.append(rows[-1] + down * width + right)
      values.append(np.exp(-strongest.ravel() / CONTRAST))
  rows, columns, values = map(np.concatenate, (rows, columns, values))
  upper = scipy.sparse.coo_array(
      (values.astype(np.float64), (rows, columns)), shape=(ids.size, ids.size))
  return (upper + upper.T).tocsr()


def _strongest_between(nodes, down, right):
  """The strongest contour on the line from each node to one further on.

  Returns f32[h - down, w - |right|], by the upper node.
  """
  height, width = nodes.shape
  steps = max(down, abs(right))
  left = max(0, -right)
  parts = []
  for step in range(steps + 1):
    y, x = round(down * step / steps), left + round(right * step / steps)
    parts.append(nodes[y:y + height - down, x:x + width - abs(right)])
  return np.max(parts, 0)


def gradient_kernels(num_orientations):
  """Returns K of f32[7, 7], derivatives across each orientation."""
  y, x = np.mgrid[-3:4, -3:4].astype(float)
  kernels = []
  for k in range(num_orientations):
    angle = k * np.pi / num_orientations
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    kernel = across * np.exp(-(along / 1.5) ** 2 / 2 - across ** 2 / 2)
    kernels.append((kernel / np.abs(kernel).sum()).astype(np.float32))
  return kernels
