"""What a region looks like, whatever its colours, direction and contrast.

Bar and edge filters of several sizes on the lightness, divided by its own
contrast nearby. Of the directions of a filter only the strongest and a middle
response are kept, so that a turned texture is the same texture. A region is the
histogram of the textons that its pixels are nearest to (Leung and Malik 2001;
Varma and Zisserman 2005), here with textons of all images.

Shapes: R responses  T textons  H height  W width.
"""

import cv2
import numpy as np

NUM_DIRECTIONS = 8
SIGMAS = .8, 1.4, 2.4  # pixels, across a filter
ELONGATION = 2.5
CONTRAST_SIGMA = 8.  # pixels that a contrast is measured over
LEAST_CONTRAST = .03  # of a lightness of 0..1: noise below stays small
COLOR_BINS = 4  # along each axis of Lab


def bar_filters(sigma):
  """Returns f32[2 * NUM_DIRECTIONS, N, N]: edges and bars of each direction.

  Each has mean 0 and absolute sum 1.
  """
  reach = int(np.ceil(4 * sigma))
  y, x = np.mgrid[-reach:reach + 1, -reach:reach + 1] / sigma
  filters = []
  for k in range(NUM_DIRECTIONS):
    angle = k * np.pi / NUM_DIRECTIONS
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    bell = np.exp(-(along / ELONGATION) ** 2 / 2 - across ** 2 / 2)
    filters += [bell * across, bell * (across ** 2 - 1)]
  filters = np.stack(filters)
  filters -= filters.mean((1, 2), keepdims=True)
  filters /= np.abs(filters).sum((1, 2), keepdims=True)
  return filters.astype(np.float32)


def texture_responses(lightness):
  """Filters an image.

  Args:
    lightness: f32[H, W], 0..1.

  Returns:
    f32[R, H, W], 0 or more: for each size the strongest edge and bar of all
    directions, then the median ones.
  """
  mean = cv2.GaussianBlur(lightness, (0, 0), CONTRAST_SIGMA)
  spread = cv2.GaussianBlur(
      (lightness - mean) ** 2, (0, 0), CONTRAST_SIGMA)
  even = (lightness - mean) / (np.sqrt(spread) + LEAST_CONTRAST)
  responses = []
  for sigma in SIGMAS:
    found = np.stack([
        np.abs(cv2.filter2D(even, cv2.CV_32F, kernel))
        for kernel in bar_filters(sigma)])
    found = found.reshape(NUM_DIRECTIONS, 2, *lightness.shape)
    responses += [*found.max(0), *np.sort(found, 0)[NUM_DIRECTIONS // 2]]
  return np.stack(responses)


def nearest_textons(responses, textons):
  """Returns i[H, W], the nearest of f32[T, R] to each pixel's f32[R, H, W]."""
  vectors = responses.reshape(len(responses), -1).T
  distances = (textons ** 2).sum(1) - 2 * vectors @ textons.T
  return distances.argmin(1).reshape(responses.shape[1:])


def color_bins(lab):
  """Returns i[H, W] below COLOR_BINS ** 3: the cell of Lab, f32[3, H, W]."""
  cells = np.clip((lab * COLOR_BINS).astype(int), 0, COLOR_BINS - 1)
  return (cells[0] * COLOR_BINS + cells[1]) * COLOR_BINS + cells[2]


def region_histograms(regions, words, num_words):
  """Describes each region by how often each word occurs in it.

  Args:
    regions: i[H, W] from 0 on.
    words: i[H, W] in 0..num_words-1.
    num_words: T.

  Returns:
    f32[regions, T], square roots of shares: their distances are Hellinger's.
  """
  count = int(regions.max()) + 1
  table = np.bincount(
      (regions.astype(np.int64) * num_words + words).ravel(),
      minlength=count * num_words).reshape(count, num_words)
  shares = table / np.maximum(table.sum(1, keepdims=True), 1)
  return np.sqrt(shares).astype(np.float32)
