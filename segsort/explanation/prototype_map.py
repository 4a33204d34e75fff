"""A prototype set as a map: a dot a prototype, pictures where there is room."""

import warnings

import cv2
import numpy as np
import scipy.cluster.vq

from network.segsort import projection
from segsort.errors import InputError
from segsort.explanation import sheet as sheet_lib

SIZE = 1000, 1400  # of the map (height, width)
THUMBNAIL = 84
MARGIN, LEGEND, TITLE = 50, 240, 52  # half a thumbnail, and some
_RADIUS = 3
_OPACITY = 0.75
_SCALE = 4  # dots are drawn larger and made smaller, for smooth edges
_OUTLIERS = 0.5  # per cent at each end of an axis that are drawn at its edge


def project(features, kind):
  """Lays prototypes out in the plane.

  Args:
    features: f32[M, D].
    kind: 'pca' or 'tsne'.

  Returns:
    f32[M, 2], and what to say of it.

  Raises:
    InputError: t-SNE without scikit-learn, or of too few prototypes.
  """
  if kind == 'tsne':
    return _tsne(features), 't-SNE of cosine distances'
  axes = min(2, features.shape[1])
  components = projection.principal_components(features, axes)
  points = projection.project(features, components).numpy()
  share = points.var(0).sum() / max(features.var(0).sum(), 1e-12)
  return (np.pad(points, [[0, 0], [0, 2 - axes]]),
          f'two principal components, {100 * share:.0f} % of the variance')


def _tsne(features):
  """t-SNE by scikit-learn, the same every time."""
  try:
    from sklearn import manifold
  except ImportError as error:
    raise InputError(
        f'--projection tsne: cannot import scikit-learn ({error}); run `pip '
        'install scikit-learn`, or leave --projection pca') from error
  if len(features) < 4:
    raise InputError(
        f'--projection tsne: {len(features)} prototypes are too few; leave '
        '--projection pca')
  return manifold.TSNE(
      metric='cosine', init='pca', random_state=0,
      perplexity=min(30, (len(features) - 1) / 3)).fit_transform(features)


def place(points, size=SIZE, margin=MARGIN):
  """Scales points to a map, each axis by itself.

  Args:
    points: f32[M, 2] (x, y).
    size: (height, width).
    margin: pixels at all sides.

  Returns:
    f32[M, 2] in pixels (x, y); y grows downwards. The farthest outliers are
    moved to the edge.
  """
  lowest, highest = np.percentile(points, [_OUTLIERS, 100 - _OUTLIERS], axis=0)
  shares = (points - lowest) / np.maximum(highest - lowest, 1e-9)
  shares = shares.clip(0, 1) * [1, -1] + [0, 1]
  room = np.array(size[::-1]) - 2 * margin
  return margin + shares * room


def representatives(places, labels, suitable, number, side=THUMBNAIL):
  """Chooses prototypes to show, none over another.

  Each class in turn gives the one nearest to a k-means centre of its dots,
  those of its densest places first.

  Args:
    places: f32[M, 2], in pixels.
    labels: i32[M].
    suitable: bool[M], which may be shown.
    number: how many at most.
    side: of a picture, which is centred on its dot.

  Returns:
    A list of rows.
  """
  present = np.unique(labels[suitable])
  queues = [_by_density(places, np.flatnonzero((labels == label) & suitable),
                        2 * number // len(present) + 1) for label in present]
  chosen = []
  while any(queues):
    for queue in queues:
      while queue and len(chosen) < number:
        row = queue.pop(0)
        apart = np.abs(places[chosen] - places[row]).max(1) >= side
        if apart.all():
          chosen.append(row)
          break
    if len(chosen) >= number:
      break
  return chosen


def _by_density(places, rows, number):
  """Rows nearest to the k-means centres of some places, dense ones first."""
  number = min(number, len(np.unique(places[rows], axis=0)))
  if number == 1:
    centres, members = places[rows[:1]], np.zeros(len(rows), int)
  else:
    with warnings.catch_warnings():  # of an empty cluster: it gives a row less
      warnings.simplefilter('ignore', UserWarning)
      centres, members = scipy.cluster.vq.kmeans2(
          places[rows].astype(np.float64), number, minit='++', seed=0)
  order = np.argsort(-np.bincount(members, minlength=number), kind='stable')
  nearest = [rows[((places[rows] - centres[one])**2).sum(1).argmin()]
             for one in order]
  return list(dict.fromkeys(int(row) for row in nearest))


def draw(places, labels, thumbnails, classes, title):
  """Draws the map with its legend.

  Args:
    places: f32[M, 2], of `place`.
    labels: i32[M].
    thumbnails: {row: u8[h, w, 3]}, at most THUMBNAIL a side.
    classes: `page.Classes`.
    title: one line.

  Returns:
    u8[H, W, 3].
  """
  sheet = sheet_lib.Sheet(SIZE[0] + TITLE, SIZE[1] + LEGEND)
  places = places + [0, TITLE]
  _draw_dots(sheet, places, labels, classes)
  sheet.write(MARGIN, 16, title, 20, width=SIZE[1] + LEGEND - 2 * MARGIN)
  present, counts = np.unique(labels, return_counts=True)
  top = sheet_lib.draw_legend(
      sheet, SIZE[1] + 8, TITLE + MARGIN, present, classes)
  sheet.write(SIZE[1] + 8, top + 8, f'{counts.sum():,} prototypes', 15,
              sheet_lib.FAINT)
  for row, pixels in thumbnails.items():
    half = np.array(pixels.shape[1::-1]) // 2
    left, upper = (places[row] - half).round().astype(int)
    sheet.paste(left, upper, pixels, classes.colors[labels[row]])
  return sheet.pixels


def _draw_dots(sheet, places, labels, classes):
  """Draws the dots in an order that favours no class."""
  height, width = sheet.pixels.shape[:2]
  colors = np.full((height * _SCALE, width * _SCALE, 3), 255, np.uint8)
  weights = np.zeros(colors.shape[:2], np.uint8)
  for row in np.random.default_rng(0).permutation(len(labels)):
    center = (places[row] * _SCALE).round().astype(int).tolist()
    color = classes.colors[labels[row]]
    rgb = [int(color[start:start + 2], 16) for start in (1, 3, 5)]
    cv2.circle(colors, center, _RADIUS * _SCALE, rgb, -1)
    cv2.circle(weights, center, _RADIUS * _SCALE, 255, -1)
  size = width, height
  weights = cv2.resize(weights, size, interpolation=cv2.INTER_AREA)
  colors = cv2.resize(colors, size, interpolation=cv2.INTER_AREA)
  sheet.blend(colors, weights.astype(np.float32) / 255 * _OPACITY)
