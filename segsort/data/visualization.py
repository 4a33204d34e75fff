"""Pictures of labels, segments and embeddings; arrays in, u8 arrays out."""

import cv2
import numpy as np

from network.segsort import projection
from segsort.data import dataset_info

GOLDEN_RATIO = 0.618034
BACKGROUND = 250  # grey of the paper that panels are laid out on
LINE_COLOR = 255, 240, 120
CASED_FROM = 300  # pixels; in smaller pictures a casing hides small segments
TITLE_FONT = cv2.FONT_HERSHEY_SIMPLEX


def colorize(labels, palette):
  """Paints labels with a palette.

  Args:
    labels: integers [H, W]; ids beyond the palette start it again.
    palette: u8[N, 3].

  Returns:
    u8[H, W, 3].
  """
  return palette[labels % len(palette)]


def distinct_colors(num_colors):
  """Makes colours that differ clearly from their predecessors.

  Hues are golden-ratio steps, which never repeat and keep neighbours far
  apart; lightness and saturation take turns.

  Args:
    num_colors: N.

  Returns:
    u8[N, 3], RGB; the first n are the same for every N.
  """
  ids = np.arange(num_colors)
  hues = ids * GOLDEN_RATIO % 1 * 360
  saturations = np.array([0.75, 0.5, 0.95])[ids % 3]
  values = np.array([0.95, 0.75, 0.55, 0.85])[ids % 4]
  hsv = np.stack([hues, saturations, values], axis=-1).astype(np.float32)
  if not num_colors:
    return np.zeros((0, 3), np.uint8)
  rgb = cv2.cvtColor(hsv[np.newaxis], cv2.COLOR_HSV2RGB)[0]
  return (rgb * 255).round().astype(np.uint8)


def overlay(image, labels, palette, alpha=0.5):
  """Lays label colours over an image.

  Args:
    image: u8[H, W, 3].
    labels: integers [H, W].
    palette: u8[N, 3].
    alpha: weight of the colours, 0..1.

  Returns:
    u8[H, W, 3].
  """
  return _blend(image, colorize(labels, palette), alpha)


def _blend(image, colors, alpha):
  """Mixes two pictures, `alpha` of the second."""
  mixed = (1 - alpha) * image.astype(np.float32) + alpha * colors
  return mixed.round().astype(np.uint8)


def segment_boundaries(labels):
  """Finds the pixels whose right or lower neighbour has another label.

  Args:
    labels: integers [H, W].

  Returns:
    bool[H, W]; lines are one pixel wide.
  """
  boundaries = np.zeros(labels.shape, bool)
  boundaries[:, :-1] |= labels[:, :-1] != labels[:, 1:]
  boundaries[:-1] |= labels[:-1] != labels[1:]
  return boundaries


def draw_segments(image, segment_labels, alpha=0.6):
  """Washes each segment in its mean colour and outlines it.

  Args:
    image: u8[H, W, 3].
    segment_labels: integers [H, W].
    alpha: weight of the mean colours, 0..1.

  Returns:
    u8[H, W, 3].
  """
  _, ids = np.unique(segment_labels, return_inverse=True)
  ids = ids.ravel()
  sizes = np.bincount(ids)
  means = np.stack([
      np.bincount(ids, channel) / sizes
      for channel in image.reshape(-1, 3).T], axis=-1)  # [S, 3]
  washed = _blend(image, means[ids].reshape(image.shape), alpha)
  return _draw_lines(washed, segment_boundaries(segment_labels))


def _draw_lines(picture, boundaries):
  """Draws light lines; in large pictures with a dark casing, for contrast."""
  side = min(boundaries.shape)
  thickness = max(1, round(side / 400))
  lines = cv2.dilate(
      boundaries.astype(np.uint8), np.ones((thickness, thickness), np.uint8))
  drawn = picture.copy()
  if side >= CASED_FROM:
    casing = cv2.dilate(lines, np.ones((3, 3), np.uint8)) > lines
    drawn[casing] = (drawn[casing] * 0.65).astype(np.uint8)
  drawn[lines > 0] = LINE_COLOR
  return drawn


def panel(pictures, titles=None, columns=None, margin=6):
  """Lays pictures out side by side, each under its title.

  Args:
    pictures: list of u8[H, W, 3], of any sizes.
    titles: a text per picture, or None; shrunk to the picture's width.
    columns: pictures a row; all in one row if None.
    margin: pixels around each picture.

  Returns:
    u8[H, W, 3].
  """
  columns = columns or len(pictures)
  height = max(picture.shape[0] for picture in pictures)
  width = max(picture.shape[1] for picture in pictures)
  strip = 20 if titles else 0
  cell = np.array([height + strip + margin, width + margin])
  rows = -(-len(pictures) // columns)
  sheet = np.full(
      (*(cell * (rows, columns) + margin), 3), BACKGROUND, np.uint8)
  for index, picture in enumerate(pictures):
    top, left = cell * divmod(index, columns) + margin
    if titles:
      _write(sheet[top:top + strip, left:left + width], titles[index])
    top += strip
    sheet[top:top + picture.shape[0], left:left + picture.shape[1]] = picture
  return sheet


def _write(strip, text):
  """Writes `text` into a strip of a sheet, as large as it fits."""
  height, width = strip.shape[:2]
  (full_width, _), _ = cv2.getTextSize(text, TITLE_FONT, 1, 1)
  scale = min(0.45, (width - 2) / max(full_width, 1))
  # OpenCV draws on contiguous arrays only, which a part of a sheet is not.
  drawn = np.ascontiguousarray(strip)
  cv2.putText(drawn, text, (0, height - 7), TITLE_FONT, scale, (40, 40, 40), 1,
              cv2.LINE_AA)
  strip[:] = drawn


def training_pictures(image, labels, segment_labels, embeddings, palette):
  """Makes the pictures that TensorBoard shows of a training image.

  Args:
    image: u8[H, W, 3], or f32 with the pixel mean subtracted.
    labels: integers [h, w], of the image's size or smaller.
    segment_labels: integers [h, w].
    embeddings: f32[h, w, D], painted by its principal components.
    palette: u8[N, 3] for the labels.

  Returns:
    {'image', 'labels', 'segments', 'embedding'}: u8[H, W, 3] each, the
    smaller maps enlarged to the image's size.
  """
  image = _as_picture(image)
  size = image.shape[:2]
  colors = projection.pca_colors(embeddings[np.newaxis])[0].numpy()
  return {
      'image': image,
      'labels': colorize(enlarge(labels, size), palette),
      'segments': draw_segments(image, enlarge(segment_labels, size)),
      'embedding': enlarge((colors * 255).round().astype(np.uint8), size)}


def _as_picture(image):
  """Adds the pixel mean back to what a network takes; leaves u8 as it is."""
  if image.dtype == np.uint8:
    return image
  return (image + dataset_info.PIXEL_MEAN).round().clip(0, 255).astype(np.uint8)


def enlarge(array, size):
  """Repeats the pixels of a map to fill a larger one.

  Args:
    array: [h, w] or [h, w, 3].
    size: (height, width).

  Returns:
    The same type, [height, width] or [height, width, 3]; pixel (y, x) comes
    from (y * h // height, x * w // width).
  """
  rows = np.arange(size[0]) * array.shape[0] // size[0]
  columns = np.arange(size[1]) * array.shape[1] // size[1]
  return array[rows[:, np.newaxis], columns]
