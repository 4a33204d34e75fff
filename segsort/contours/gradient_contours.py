"""Contours without a model: gradients of brightness, colour and texture.

After Martin, Fowlkes and Malik (PAMI 2004) and gPb (Arbelaez et al., PAMI
2011): a disc around each pixel is cut in half at K orientations, and the two
halves' histograms of lightness, of the two colour axes of Lab and of textons
are compared (chi-squared). Discs of 5 pixels on a pyramid of three levels stand
for radii of 5, 10 and 20; lightness also has one of 3. A logistic function of
their sum, with what `spectral_contours` makes of it added, is the strength.
Strengths are not thinned here: the watershed of `ultrametric` keeps their
ridges, which is non-maximum suppression that leaves closed contours.

Shapes: K orientations (of `ultrametric`)  H height  W width  N bins.
"""

import cv2
import numpy as np

from segsort.contours import spectral_contours

NUM_ORIENTATIONS = 8
NUM_BINS = {'lightness': 12, 'red_green': 16, 'blue_yellow': 16}
NUM_TEXTONS = 24
# Weights of discs of 5, 10 and 20 pixels (and 3), by logistic regression (none
# negative, decay 1e-4) at each pixel's strongest orientation: pixels next to a
# contour of half of the people against those more than 4 pixels from anybody's,
# in their natural proportion. From the 40 BSDS500 images that region scores are
# checked on; fitted to every other image and scored on the rest, the coverings
# are .554 and .613.
WEIGHTS = {
    'lightness': (0.95, 1.05, 1.14),
    'red_green': (1.57, 1.23, 0.88),
    'blue_yellow': (2.23, 1.45, 1.26),
    'textons': (1.89, 0.84, 1.47)}
FINE_WEIGHT = 2.18  # of lightness in discs of 3 pixels
BIAS = -6.81
# Not tuned: a change of the contours that nobody sees moves the covering of
# those images by .02.
SPECTRAL_WEIGHT, SPECTRAL_BIAS = 1.5, -0.9
FINE_RADIUS, RADIUS = 3, 5
SMOOTH_ALONG, SMOOTH_ACROSS = 2., .7  # pixels
TEXTON_SIGMA, TEXTON_ELONGATION = 1.4, 2.5
TEXTON_SAMPLES = 8000  # pixels that the textons are learned from
TEXTON_CONTRAST = 0.03  # responses are compressed above this


def gradient_contours(image):
  """Finds the strength of contours at each pixel and orientation.

  Args:
    image: u8[H, W, 3] RGB.

  Returns:
    f32[K, H, W], 0..1.
  """
  total = local_logits(image)
  lines = smooth_along(_logistic(total)).max(0)
  spectral = spectral_contours.spectral_contours(lines, NUM_ORIENTATIONS)
  total += SPECTRAL_WEIGHT * np.log1p(spectral) + SPECTRAL_BIAS
  return _logistic(total)


def smooth_along(contours):
  """Averages f32[K, H, W] along each orientation: lines stay, specks go."""
  y, x = np.mgrid[-6:7, -6:7].astype(float)
  smoothed = []
  for k, plane in enumerate(contours):
    angle = k * np.pi / len(contours)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-(along / SMOOTH_ALONG) ** 2 / 2
                    - (across / SMOOTH_ACROSS) ** 2 / 2)
    smoothed.append(_filter(plane, (kernel / kernel.sum()).astype(np.float32)))
  return np.stack(smoothed)


def _logistic(logits):
  return 1 / (1 + np.exp(-logits))


def local_logits(image):
  """Returns f32[K, H, W], the weighted sum of the gradients of u8[H, W, 3]."""
  size = image.shape[:2]
  channels = lab_channels(image)
  total = np.full((NUM_ORIENTATIONS, *size), BIAS, np.float32)
  for name, weights in WEIGHTS.items():
    if name == 'textons':
      bins = texton_bins(channels['lightness'])
    else:
      bins = soft_bins(channels[name], NUM_BINS[name])
    if name == 'lightness':
      total += FINE_WEIGHT * half_disc_gradients(bins, FINE_RADIUS)
    for weight in weights:
      total += weight * _resize(half_disc_gradients(bins, RADIUS), size,
                                cv2.INTER_LINEAR)
      half = [(length + 1) // 2 for length in bins[0].shape]
      bins = _resize(bins, half, cv2.INTER_AREA)
  return total


def _resize(maps, size, interpolation):
  """Resizes each map of f32[N, h, w] to (height, width)."""
  return np.stack([
      cv2.resize(plane, tuple(size)[::-1], interpolation=interpolation)
      for plane in maps])


def lab_channels(image):
  """Returns lightness, red_green and blue_yellow: f32[H, W], about 0..1."""
  lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
  # The range of both colour axes is that of gPb, -73 to 95.
  return {'lightness': lab[..., 0] / 100,
          'red_green': (lab[..., 1] + 73) / 168,
          'blue_yellow': (lab[..., 2] + 73) / 168}


def soft_bins(channel, num_bins):
  """Divides each pixel between the two nearest bins.

  Args:
    channel: f32[H, W], clipped to 0..1.
    num_bins: N.

  Returns:
    f32[N, H, W], summing to 1 over the bins.
  """
  place = np.clip(channel, 0, 1) * (num_bins - 1)
  centres = np.arange(num_bins, dtype=np.float32)[:, None, None]
  return np.maximum(1 - np.abs(place - centres), 0).astype(np.float32)


def sector_kernels(radius, oversampling=9):
  """Cuts a disc into 2K sectors, clockwise from the right.

  Pixels on a cut count to both sides with the area that lies there.

  Args:
    radius: of the disc in pixels.
    oversampling: points along a pixel's side.

  Returns:
    f32[2K, 2 * radius + 1, 2 * radius + 1]; K successive ones sum to about 1.
  """
  size, count = 2 * radius + 1, 2 * NUM_ORIENTATIONS
  points = (np.arange(size * oversampling) + .5) / oversampling - size / 2
  y, x = np.meshgrid(points, points, indexing='ij')
  sectors = np.floor(np.arctan2(y, x) / np.pi * NUM_ORIENTATIONS) % count
  inside = np.hypot(x, y) <= radius + .5
  kernels = np.stack([
      (inside & (sectors == k)).reshape(
          size, oversampling, size, oversampling).mean((1, 3))
      for k in range(count)]).astype(np.float32)
  kernels[kernels < .06] = 0  # OpenCV passes over zeros
  return kernels / kernels.sum() * 2


def half_disc_gradients(bins, radius):
  """Compares the histograms of the two halves of each pixel's disc.

  Args:
    bins: f32[N, H, W].
    radius: of the disc.

  Returns:
    f32[K, H, W], chi-squared distances, 0..1.
  """
  kernels = sector_kernels(radius)
  distances = np.zeros((NUM_ORIENTATIONS, *bins.shape[1:]), np.float32)
  for plane in bins:
    if not plane.any():
      continue
    sums = [_filter(plane, kernel) for kernel in kernels]
    whole = np.sum(sums, 0)
    below = np.sum(sums[:NUM_ORIENTATIONS], 0)
    for k in range(NUM_ORIENTATIONS):
      difference = 2 * below - whole
      distances[k] += difference * difference / (whole + 1e-6)
      # The half turns by one sector: one comes in, its opposite goes out.
      below += sums[k + NUM_ORIENTATIONS] - sums[k]
  return distances / 2


def _filter(plane, kernel):
  return cv2.filter2D(
      plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)


def texton_bins(lightness):
  """Assigns pixels to the image's own typical filter responses.

  Args:
    lightness: f32[H, W].

  Returns:
    f32[N, H, W], one-hot.
  """
  responses = np.stack(
      [_filter(lightness, kernel) for kernel in texton_filters()], -1)
  size = np.linalg.norm(responses, axis=-1, keepdims=True)
  responses *= np.log1p(size / TEXTON_CONTRAST) / np.maximum(size, 1e-6)
  vectors = responses.reshape(-1, responses.shape[-1])
  sample = np.ascontiguousarray(
      vectors[::max(1, len(vectors) // TEXTON_SAMPLES)])
  if len(sample) == 1:
    sample = np.repeat(sample, 2, 0)  # OpenCV takes one row for a column
  cv2.setRNGSeed(0)  # the same textons every time
  stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1e-3)
  _, _, centres = cv2.kmeans(
      sample, min(NUM_TEXTONS, len(sample)), None, stop, 1,
      cv2.KMEANS_PP_CENTERS)
  distances = (centres ** 2).sum(1) - 2 * vectors @ centres.T
  labels = distances.argmin(1).reshape(lightness.shape)
  return (labels == np.arange(len(centres))[:, None, None]).astype(np.float32)


def texton_filters():
  """Returns odd and even filters of K orientations, and a round one.

  Each f32[R, R], of mean 0 and absolute sum 1.
  """
  reach = int(np.ceil(4.5 * TEXTON_SIGMA))
  y, x = np.mgrid[-reach:reach + 1, -reach:reach + 1] / TEXTON_SIGMA
  filters = []
  for k in range(NUM_ORIENTATIONS):
    angle = k * np.pi / NUM_ORIENTATIONS
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    bell = np.exp(-(along / TEXTON_ELONGATION) ** 2 / 2 - across ** 2 / 2)
    filters += [bell * across, bell * (across ** 2 - 1)]
  centre, surround = (np.exp(-(x ** 2 + y ** 2) / (2 * scale ** 2))
                      for scale in (1, 1.6))
  filters.append(centre / centre.sum() - surround / surround.sum())
  filters = [kernel - kernel.mean() for kernel in filters]
  return [(kernel / np.abs(kernel).sum()).astype(np.float32)
          for kernel in filters]
