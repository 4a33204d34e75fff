"""Sheets of paper with pictures, dots and lettering on them.

OpenCV's letters are strokes and know no accents; Pillow brings a font along.
"""

import functools

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

PAPER, INK, FAINT = '#ffffff', '#1c2026', '#5c6570'
CELL = 128, 152  # (height, width) of a picture in rows and columns
GAP, TITLE = 10, 26


@functools.cache
def font(size):
  """The font of Pillow; an older Pillow has one size only."""
  try:
    return PIL.ImageFont.load_default(size)
  except TypeError:
    return PIL.ImageFont.load_default()


class Sheet:
  """A picture to draw on, in pixels (x, y) from the top left."""

  def __init__(self, height, width):
    """Starts with white paper."""
    self._picture = PIL.Image.new('RGB', (width, height), PAPER)
    self._draw = PIL.ImageDraw.Draw(self._picture)

  def write(self, x, y, text, size=15, color=INK, anchor='la', width=None):
    """Writes text, shortened to a width of pixels where one is given.

    Args:
      x: of the anchor.
      y: of the anchor.
      text: one line.
      size: of the letters.
      color: `#rrggbb`.
      anchor: Pillow's, as `la` for left and ascender, `mm` for the middle.
      width: in pixels.
    """
    if width is not None:
      text = fit(text, size, width)
    self._draw.text((x, y), text, color, font(size), anchor)

  def paste(self, x, y, pixels, frame=None, thickness=3):
    """Puts u8[H, W, 3] down, in a frame of a colour where one is given."""
    height, width = pixels.shape[:2]
    if frame is not None:
      self._draw.rectangle(
          (x - thickness, y - thickness, x + width + thickness - 1,
           y + height + thickness - 1), frame)
    self._picture.paste(PIL.Image.fromarray(pixels), (x, y))

  def fill(self, x, y, width, height, color):
    """Fills a box."""
    self._draw.rectangle(
        (x, y, x + width - 1, y + height - 1), color, FAINT)

  def blend(self, colors, weights):
    """Lays colours u8[H, W, 3] over all, with weights f32[H, W] in 0..1."""
    below = np.asarray(self._picture, np.float32)
    mixed = below + (colors - below) * weights[..., None]
    self._picture.paste(PIL.Image.fromarray(mixed.round().astype(np.uint8)))

  @property
  def pixels(self):
    """u8[H, W, 3]."""
    return np.array(self._picture)


def text_width(text, size):
  """Returns the pixels that a line takes."""
  return font(size).getlength(text)


def fit(text, size, width):
  """Returns text, with an ellipsis where it takes more than `width` pixels."""
  if text_width(text, size) <= width:
    return text
  while text and text_width(f'{text}...', size) > width:
    text = text[:-1]
  return f'{text}...'


def draw_legend(sheet, x, y, labels, classes, width=None):
  """Writes classes and their colours, one below the other or in a row.

  Args:
    sheet: a `Sheet`.
    x: of the left side.
    y: of the top.
    labels: which classes.
    classes: `page.Classes`.
    width: of a row, after which the next begins; None: one class a line.

  Returns:
    The y below it.
  """
  left = x
  for label in labels:
    name = classes.names[label]
    needed = 24 + round(text_width(name, 15)) + 18
    if left > x and (width is None or left + needed > x + width):
      left, y = x, y + 24
    sheet.fill(left, y + 2, 14, 14, classes.colors[label])
    sheet.write(left + 21, y, name)
    left += needed
  return y + 24


def lay_out(rows, titles, space=0):
  """Puts pictures into rows and columns on a sheet.

  Args:
    rows: lists of u8[H, W, 3], None for what is not known.
    titles: of the columns.
    space: height that is left free below.

  Returns:
    A `Sheet`, its width and where the free space starts.
  """
  heights = [scale_to(row[0], CELL).shape[0] for row in rows]
  width = GAP + len(titles) * (CELL[1] + GAP)
  sheet = Sheet(
      TITLE + sum(heights) + len(rows) * GAP + space, width)
  top = TITLE
  for column, title in enumerate(titles):
    sheet.write(GAP + column * (CELL[1] + GAP) + CELL[1] // 2, 5, title,
                anchor='ma')
  for row, height in zip(rows, heights):
    for column, pixels in enumerate(row):
      if pixels is not None:
        pixels = scale_to(pixels, CELL)
        left = GAP + column * (CELL[1] + GAP)
        sheet.paste(left + (CELL[1] - pixels.shape[1]) // 2, top, pixels)
    top += height + GAP
  return sheet, width, top


def scale_to(pixels, size):
  """Returns u8[h, w, 3], as large as it fits into (height, width)."""
  height, width = size_to_fit(pixels.shape, size)
  kind = cv2.INTER_CUBIC if height > pixels.shape[0] else cv2.INTER_AREA
  return cv2.resize(pixels, (width, height), interpolation=kind)


def size_to_fit(shape, size):
  """Returns (height, width) of what has a shape, made to fit into a size."""
  factor = min(have / want for have, want in zip(size, shape))
  return [max(round(length * factor), 1) for length in shape[:2]]
