"""Drawings of textured objects on textured grounds: the demo's pictures.

A class is a shape filled with a texture (`dataset_info.DEMO_CLASSES`). Every
colour in a picture, background included, comes from one distribution, so that
colour says nothing about the class; scale, rotation, occlusion, illumination,
shadows, blur and noise vary. Each picture depends only on the seed, its split
and its number.

Coordinates (x, y) are pixels of the finished picture; drawing happens `SCALE`
times larger and is averaged down.
"""

import cv2
import numpy as np

SIZE = (96, 128)  # height, width; every fourth picture is portrait
SCALE = 3  # supersampling
COLOUR_JITTER = 20  # of an object's colours against its picture's, 0..255
VERSION = 2  # raise it when the picture of a seed changes

# Textures: (x, y) f32[H, W] in periods, centre (0, 0) -> f32[H, W], 0 or 1.


def _stripes(x, y, rng):
  del y, rng
  return x % 1 < 0.5


def _checks(x, y, rng):
  del rng
  return (np.floor(x * 1.5) + np.floor(y * 1.5)) % 2


def _dots(x, y, rng):
  del rng
  y = y * 1.15  # rows of a triangular lattice lie closer than its columns
  x = x + 0.5 * (np.floor(y) % 2)
  return np.hypot(x % 1 - 0.5, (y % 1 - 0.5) / 1.15) < 0.29


def _rings(x, y, rng):
  del rng
  return np.hypot(x, y) % 1 < 0.5


def _bricks(x, y, rng):
  del rng
  row = np.floor(y * 1.4)
  return (y * 1.4 % 1 < 0.25) | ((x * 0.8 + 0.5 * (row % 2)) % 1 < 0.16)


def _zigzags(x, y, rng):
  del rng
  return (x * 0.9 + 1.4 * np.abs(y * 0.55 % 1 - 0.5)) % 1 < 0.5


def _grains(x, y, rng):
  grains = rng.random((64, 64)) < 0.5
  rows, columns = np.floor(y * 3.5), np.floor(x * 3.5)
  return grains[rows.astype(int) % 64, columns.astype(int) % 64]


TEXTURES = (_stripes, _checks, _dots, _rings, _bricks, _zigzags, _grains)
PERIODS = 5.5, 9., 7.5, 8., 10., 11., 6.5  # pixels, a tenth more or less


def _regular(corners, inner=1.):
  """A star of outer radius 1; with `inner` 1 a regular polygon."""
  angles = np.arange(2 * corners) * np.pi / corners
  radii = np.where(np.arange(2 * corners) % 2, inner, 1.)
  if inner == 1:
    angles, radii = angles[::2], radii[::2]
  return np.stack([np.sin(angles), -np.cos(angles)], 1) * radii[:, None]


def _blob(rng):
  """A wavy closed line about 1 from the centre."""
  angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
  radii = np.ones(72)
  for waves in (2, 3, 5):
    radii += rng.uniform(0.05, 0.13) * np.cos(
        waves * angles + rng.uniform(0, 2 * np.pi))
  return _regular(72) * 0.95 * radii[:, None]


def _outline(class_id, rng):
  """Returns the corners (x, y) of a class's shape, f64[N, 2], about unit."""
  box = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
  house = np.array([(0, -1.1), (1, -.25), (.8, -.25), (.8, .9), (-.8, .9),
                    (-.8, -.25), (-1, -.25)])
  return (
      box * (1, rng.uniform(0.7, 0.9)), _regular(6), _regular(3) * 1.35,
      _regular(60) * 0.95, house, _regular(6, 0.68) * 1.1,
      _blob(rng))[class_id - 1]


def _two_colours(rng):
  """Draws a dark and a light RGB colour, f64[2, 3] of 0..255."""
  while True:
    colours = rng.uniform(15, 240, (2, 3))
    if np.diff(colours.mean(axis=1))[0] > 70:
      return colours


def _grid(size):
  """Returns x, y of every supersampled pixel, each f64[SCALE H, SCALE W]."""
  y, x = np.indices((size[0] * SCALE, size[1] * SCALE))
  return (x + 0.5) / SCALE, (y + 0.5) / SCALE


def _turn(x, y, angle):
  """Rotates coordinates."""
  return (x * np.cos(angle) + y * np.sin(angle),
          y * np.cos(angle) - x * np.sin(angle))


def _clouds(size, rng):
  """A smooth random field of 0..1 for the background, f64[SCALE H, SCALE W]."""
  field = 0.
  for cells, weight in ((3, 1.), (6, 0.6), (12, 0.3)):
    noise = rng.random((cells, cells * 4 // 3 + 1))
    field = field + weight * cv2.resize(
        noise, (size[1] * SCALE, size[0] * SCALE),
        interpolation=cv2.INTER_CUBIC)
  low, high = field.min(), field.max()
  return (field - low) / (high - low)


def _draw_object(canvas, class_id, place, colours, rng):
  """Paints one object with its shadow over the canvas, in place.

  Args:
    canvas: f64[SCALE H, SCALE W, 3].
    class_id: 1..7.
    place: (x, y, radius) of the shape.
    colours: f64[2, 3], RGB of the texture's lows and highs.
    rng: numpy generator.

  Returns:
    bool[SCALE H, SCALE W], the object's pixels.
  """
  size = (canvas.shape[0] // SCALE, canvas.shape[1] // SCALE)
  centre, radius = place[:2], place[2]
  angle = rng.uniform(0, 2 * np.pi)
  corners = np.stack(_turn(*(_outline(class_id, rng).T * radius), angle), 1)
  corners = np.round((corners + centre) * SCALE * 16).astype(np.int32)
  inside = np.zeros(canvas.shape[:2], np.uint8)
  cv2.fillPoly(inside, [corners], 1, shift=4)
  x, y = _grid(size)
  dx, dy = x - centre[0], y - centre[1]
  period = PERIODS[class_id - 1] * rng.uniform(0.9, 1.1)
  texture = TEXTURES[class_id - 1](
      *_turn(dx / period, dy / period, rng.uniform(0, 2 * np.pi)), rng)
  dark, light = colours + rng.uniform(-COLOUR_JITTER, COLOUR_JITTER, (2, 3))
  painted = dark + np.asarray(texture, np.float64)[..., None] * (light - dark)
  # Lit from one side, so that it looks round.
  shade = 1 + 0.25 * (_turn(dx, dy, rng.uniform(0, 2 * np.pi))[0] / radius)
  shadow = np.roll(inside, (2 * SCALE, 2 * SCALE), (0, 1)).astype(np.float64)
  canvas *= 1 - 0.5 * cv2.GaussianBlur(shadow, (0, 0), 2. * SCALE)[..., None]
  inside = inside.astype(bool)
  canvas[inside] = (painted * shade[..., None])[inside]
  return inside


def _place(size, num_objects, rng):
  """Draws (x, y, radius) of objects that overlap in part, not wholly."""
  placed = []
  for _ in range(1000):
    radius = rng.uniform(0.21, 0.36) * min(size)
    x, y = (rng.uniform(0.5 * radius, side - 0.5 * radius)
            for side in (size[1], size[0]))
    if all(np.hypot(x - x0, y - y0) > 0.75 * (radius + radius0)
           for x0, y0, radius0 in placed):
      placed.append((x, y, radius))
    if len(placed) == num_objects:
      break
  return placed


def _photograph(canvas, rng):
  """Illumination, blur and noise; returns u8[H, W, 3]."""
  size = (canvas.shape[0] // SCALE, canvas.shape[1] // SCALE)
  along = _turn(*_grid(size), rng.uniform(0, 2 * np.pi))[0]
  along = (along - along.mean()) / np.ptp(along)
  canvas = canvas * (1 + rng.uniform(0, 0.7) * along)[..., None]
  canvas = cv2.GaussianBlur(canvas, (0, 0), SCALE * rng.uniform(0.2, 0.6))
  picture = cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA)
  picture += rng.normal(0, rng.uniform(1, 6), picture.shape)
  return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _outlined(owners, class_ids):
  """Labels from object numbers, with VOC's thin ignored line round objects.

  Args:
    owners: u8[SCALE H, SCALE W], the number of the object on top, 0 for none.
    class_ids: the class of each number, 0 first.

  Returns:
    u8[H, W]: class ids; 255 on both sides of every object's border.
  """
  centres = owners[SCALE // 2::SCALE, SCALE // 2::SCALE]
  cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
  inner = cv2.erode(centres, cross) == cv2.dilate(centres, cross)
  return np.where(inner, np.asarray(class_ids)[centres], 255).astype(np.uint8)


def draw(random_seed, split, number):
  """Draws one picture.

  Args:
    random_seed: of the data set.
    split: 'train' or 'val'.
    number: of the picture in its split.

  Returns:
    The picture u8[H, W, 3] and its labels u8[H, W].
  """
  rng = np.random.default_rng((random_seed, split == 'val', number))
  size = SIZE[::-1] if number % 4 == 3 else SIZE
  # One pair of colours a picture: they tell neither classes nor objects apart.
  dark, light = _two_colours(rng)
  canvas = dark + _clouds(size, rng)[..., None] * (light - dark)
  owners = np.zeros(canvas.shape[:2], np.uint8)
  places = _place(size, rng.integers(2, 5), rng)
  class_ids = [0, *rng.integers(1, len(TEXTURES) + 1, len(places))]
  for order, place in enumerate(places, start=1):
    inside = _draw_object(canvas, class_ids[order], place, (dark, light), rng)
    owners[inside] = order
  return _photograph(canvas, rng), _outlined(owners, class_ids)
