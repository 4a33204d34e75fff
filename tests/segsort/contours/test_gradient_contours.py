"""The gradient detector: half-discs by loops, orientations, quality."""


import closeness
import cv2
import needs
import numpy as np
import pytest

from segsort.contours import gradient_contours
from segsort.contours import region_jobs
from segsort.contours import spectral_contours
from segsort.contours import ultrametric
from segsort.data import reading
from segsort.evaluation import region_files
from segsort.evaluation import region_metrics



def _two_halves(degrees, size=48, colors=((60, 60, 60), (190, 190, 190))):
  """An edge through the middle whose tangent is at an angle, y downwards."""
  angle = np.deg2rad(degrees)
  y, x = np.mgrid[:size, :size] - (size - 1) / 2
  return np.where((y * np.cos(angle) > x * np.sin(angle))[..., None],
                  *colors).astype(np.uint8)


@pytest.mark.parametrize('orientation', range(8))
def test_the_strongest_orientation_is_the_edges(orientation):
  image = _two_halves(orientation * 22.5)
  contours = gradient_contours.gradient_contours(image)
  middle = contours[:, 20:28, 20:28].max((1, 2))
  assert middle.argmax() == orientation
  assert middle[orientation] > 4 * middle[(orientation + 4) % 8]
  assert contours.min() >= 0 and contours.max() <= 1


@pytest.mark.parametrize('colors', [
    ((90, 90, 90), (150, 150, 150)), ((200, 80, 80), (60, 120, 170)),
    ((90, 90, 200), (130, 110, 60))])
def test_an_edge_of_brightness_or_colour_divides_the_image(colors):
  image = _two_halves(30, colors=colors)
  regions, *_ = region_jobs.oversegment(
      gradient_contours.gradient_contours(image), .2, 255)
  assert regions.max() == 1
  truth = (image[..., 0] == colors[0][0]).astype(int)
  table = region_metrics.shared_pixels(regions, truth)
  assert region_metrics.coverings(table).min() > .9


def test_an_edge_of_texture_is_found(rng):
  """Stripes across and along, of the same grey levels."""
  y, x = np.mgrid[:64, :64]
  stripes = np.where(x < 32, y // 2 % 2, x // 2 % 2) * 120 + 60
  image = np.repeat(stripes[..., None], 3, -1).astype(np.uint8)
  bins = gradient_contours.texton_bins(
      gradient_contours.lab_channels(image)['lightness'])
  vertical = gradient_contours.half_disc_gradients(bins, 5)[4, 16:48]
  assert vertical[:, 30:34].mean() > 4 * vertical[:, 12:20].mean()


def test_half_discs_against_loops(rng):
  bins = gradient_contours.soft_bins(
      rng.random((15, 15), np.float32), 4)
  gradients = gradient_contours.half_disc_gradients(bins, 3)
  kernels = gradient_contours.sector_kernels(3)
  for k in (0, 3, 4):
    sides = np.roll(kernels, -k, 0)[:8].sum(0), np.roll(kernels, -k, 0)[
        8:].sum(0)
    total = 0
    for plane in bins:
      a, b = (sum(side[v, u] * plane[4 + v, 4 + u]
                  for v in range(7) for u in range(7)) for side in sides)
      total += (a - b) ** 2 / (a + b + 1e-6) / 2
    closeness.assert_close(gradients[k, 7, 7], total)


def test_sectors_share_the_disc():
  kernels = gradient_contours.sector_kernels(5)
  np.testing.assert_allclose(kernels.sum((1, 2)), 1 / 8, atol=.01)
  # Sector 0 is right and below, 4 below and left: y grows downwards.
  centres = np.stack([(kernels * grid).sum((1, 2)) for grid in
                      np.mgrid[-5:6, -5:6]], -1)
  angles = np.arctan2(*centres.T) % (2 * np.pi)
  np.testing.assert_allclose(
      angles, (np.arange(16) + .5) * np.pi / 8, atol=.1)


def test_bins_are_shared_linearly():
  bins = gradient_contours.soft_bins(np.array([[0, .25, 1.2]], np.float32), 3)
  np.testing.assert_allclose(bins[:, 0], [[1, .5, 0], [0, .5, 0], [0, 0, 1]])


def test_affinity_falls_across_a_contour_only():
  nodes = np.zeros((6, 9), np.float32)
  nodes[:, 4] = .3
  matrix = spectral_contours.affinity_matrix(nodes).toarray()
  np.testing.assert_allclose(matrix, matrix.T)
  assert matrix[0, 1] == 1 and matrix[0, 9] == 1 and matrix[0, 6] == 0
  assert matrix[2, 5] == pytest.approx(np.exp(-3), rel=1e-5)
  assert matrix[4 * 9 + 3, 3 * 9 + 5] == pytest.approx(np.exp(-3), rel=1e-5)


def test_the_slowest_mode_tells_two_halves_apart():
  nodes = np.zeros((16, 20), np.float32)
  nodes[:, 10] = 1
  _, mode = spectral_contours.slow_modes(nodes)[0]
  left, right = mode[:, :10], mode[:, 11:]
  assert abs(left.mean() - right.mean()) > 3 * (left.std() + right.std())
  contours = spectral_contours.spectral_contours(
      np.kron(nodes, np.ones((4, 4), np.float32)), 8)
  assert contours.shape == (8, 64, 80)
  place = np.unravel_index(contours.argmax(), contours.shape)
  assert place[0] == 4 and 36 <= place[2] <= 48


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (7, 3), (30, 50)])
def test_any_size_and_no_contour_at_all(size):
  image = np.full((*size, 3), 77, np.uint8)
  contours = gradient_contours.gradient_contours(image)
  assert contours.shape == (8, *size) and np.isfinite(contours).all()
  regions, *_ = region_jobs.oversegment(contours, .1, 255)
  assert not regions.any()


def test_the_same_image_gives_the_same_contours(rng):
  image = rng.integers(0, 256, (40, 30, 3), np.uint8)
  first, again = (gradient_contours.gradient_contours(image) for _ in '12')
  np.testing.assert_array_equal(first, again)


def _covering(contours, truths):
  hierarchy = ultrametric.build_hierarchy(contours)
  segmentations = [ultrametric.cut(hierarchy, threshold)
                   for threshold in np.arange(.02, .62, .04)]
  scores = region_metrics.score_image(segmentations, truths)
  return (scores.coverings @ scores.sizes / scores.sizes.sum()).max()


@pytest.mark.slow
def test_regions_of_photographs_and_what_a_turned_orientation_costs():
  bsds = needs.shared('data/bsds500')
  right, turned = [], []
  for name in ('101087', '241048', '3096', '69015', '130026', '216081',
               '296059'):
    image = reading.read_image(str(bsds / f'images/val/{name}.jpg'))
    image = cv2.resize(image, None, fx=.5, fy=.5, interpolation=cv2.INTER_AREA)
    truths, _ = region_files.read_truth(
        str(bsds / f'groundTruth/val/{name}.mat'))
    truths = [cv2.resize(truth, image.shape[1::-1],
                         interpolation=cv2.INTER_NEAREST) for truth in truths]
    contours = gradient_contours.gradient_contours(image)
    right.append(_covering(contours, truths))
    turned.append(_covering(np.roll(contours, 4, 0), truths))
  # One picture moves by .05 for nothing; the mean of seven does not.
  assert np.mean(right) > .58
  assert np.mean(right) > np.mean(turned) + .15
