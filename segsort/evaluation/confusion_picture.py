"""The confusion matrix as a picture: what becomes of each true class."""

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

# Shares of a row, and the colours between which they are interpolated.
SHARES = 0., 0.5, 1.
COLORS = (255, 255, 255), (107, 174, 214), (8, 48, 107)
INK, PAPER, ABSENT = (40, 40, 40), (255, 255, 255), (228, 228, 228)
LINE = 208, 208, 208
NUMBERED = 40  # with more classes, cells are too small for numbers
SIDE = 1900  # pixels of the matrix with so many classes
CAPTION = 'rows: truth (grey: absent), columns: prediction; per cent of a row'
NO_CLASS = '(no class)'


def row_shares(matrix):
  """Normalises the rows of a confusion matrix.

  Args:
    matrix: ConfusionMatrix.

  Returns:
    f64[C, C], or f64[C, C + 1] where pixels were predicted as no class; NaN
    in the rows of classes without a true pixel.
  """
  counts = matrix.counts
  if matrix.other.any():
    counts = np.concatenate([counts, matrix.other[:, np.newaxis]], 1)
  totals = counts.sum(1, keepdims=True)
  return np.where(totals > 0, counts / np.maximum(totals, 1), np.nan)


def draw(matrix, names):
  """Draws the rows, normalised, with the names of the classes.

  Args:
    matrix: ConfusionMatrix.
    names: a name per class.

  Returns:
    u8[H, W, 3].
  """
  shares = row_shares(matrix)
  columns = [*names, NO_CLASS][:shares.shape[1]]
  cell = 34 if len(names) <= NUMBERED else max(8, SIDE // len(names))
  font = PIL.ImageFont.load_default(min(14, cell - 1))
  gap = cell // 3
  left = 2 * gap + max(round(font.getlength(name)) for name in columns)
  size = np.array(shares.shape[::-1]) * cell + (left + gap, left + gap)
  caption = PIL.ImageFont.load_default(14)
  width = max(size[0], round(caption.getlength(CAPTION)) + 2 * gap)
  picture = PIL.Image.new('RGB', (int(width), int(size[1]) + 24), PAPER)
  _draw_cells(picture, shares, (left, left), cell)
  _draw_rows(picture, names, left - gap, left, cell, font)
  # Columns are named from below, which is a turn by a quarter.
  turned = picture.transpose(PIL.Image.Transpose.ROTATE_270)
  _draw_columns(turned, columns, left, gap, cell, font)
  picture = turned.transpose(PIL.Image.Transpose.ROTATE_90)
  PIL.ImageDraw.Draw(picture).text(
      (gap, picture.height - 8), CAPTION, INK, caption, anchor='ls')
  return np.array(picture)


def _draw_cells(picture, shares, corner, cell):
  """Paints a square a share, with its per cent where there is room."""
  painter = PIL.ImageDraw.Draw(picture)
  font = PIL.ImageFont.load_default(13)
  outline = LINE if len(shares) <= NUMBERED else None
  for (row, column), share in np.ndenumerate(shares):
    x, y = corner[0] + column * cell, corner[1] + row * cell
    painter.rectangle((x, y, x + cell, y + cell), cell_color(share), outline)
    if len(shares) <= NUMBERED and share >= 0.005:
      painter.text((x + cell / 2, y + cell / 2), f'{100 * share:.0f}',
                   PAPER if share > 0.6 else INK, font, anchor='mm')


def cell_color(share):
  """Returns the (red, green, blue) of a share; grey for NaN."""
  if np.isnan(share):
    return ABSENT
  return tuple(round(float(np.interp(share, SHARES, channel)))
               for channel in zip(*COLORS))


def _draw_rows(picture, names, right, top, cell, font):
  """Writes a name before each row, ending at `right`."""
  painter = PIL.ImageDraw.Draw(picture)
  for row, name in enumerate(names):
    painter.text((right, top + (row + 0.5) * cell), name, INK, font,
                 anchor='rm')


def _draw_columns(turned, names, length, gap, cell, font):
  """Writes a name above each column, on the picture turned clockwise."""
  painter = PIL.ImageDraw.Draw(turned)
  for column, name in enumerate(names):
    painter.text((turned.width - length + gap, length + (column + 0.5) * cell),
                 name, INK, font, anchor='lm')


def table(matrix, names):
  """The counts for a JSON file."""
  return {'classes': list(names),
          'counts': matrix.counts.tolist(),
          'predicted_as_no_class': matrix.other.tolist(),
          'rows': 'truth', 'columns': 'prediction'}
