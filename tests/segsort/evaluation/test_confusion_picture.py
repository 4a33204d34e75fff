"""The confusion matrix as a picture and as a table."""

import numpy as np
import pytest

from segsort.evaluation import confusion_picture
from segsort.evaluation.confusion_matrix import ConfusionMatrix


def _matrix(counts, other=None):
  matrix = ConfusionMatrix(len(counts))
  matrix.counts[:] = counts
  if other:
    matrix.other[:] = other
  return matrix


def test_rows_are_normalised():
  shares = confusion_picture.row_shares(_matrix([[3, 1], [0, 0]]))
  np.testing.assert_array_equal(shares, [[.75, .25], [np.nan, np.nan]])


def test_pixels_of_no_class_get_a_column():
  shares = confusion_picture.row_shares(_matrix([[3, 1], [0, 2]], [4, 0]))
  np.testing.assert_array_equal(shares, [[.375, .125, .5], [0, 1, 0]])


def test_colours_go_from_white_to_dark():
  assert confusion_picture.cell_color(0.) == (255, 255, 255)
  assert confusion_picture.cell_color(1.) == (8, 48, 107)
  assert confusion_picture.cell_color(.25) == (181, 214, 234)
  assert confusion_picture.cell_color(np.nan) == confusion_picture.ABSENT


@pytest.mark.parametrize('num_classes', [1, 2, 21, 60])
def test_cells_are_painted_where_they_belong(num_classes):
  """A cell's corner has its colour: right of the diagonal is half of a row."""
  matrix = _matrix(np.eye(num_classes, dtype=int) * 2)
  for row in range(num_classes - 1):
    matrix.counts[row, row:row + 2] = 1
  names = [f'class {i}' for i in range(num_classes)]
  picture = confusion_picture.draw(matrix, names)
  cell = 34 if num_classes <= 40 else 1900 // num_classes
  dark = (picture == confusion_picture.cell_color(1.)).all(-1)
  half = (picture == confusion_picture.cell_color(.5)).all(-1)
  assert np.ptp(np.argwhere(dark)[:, 0]) <= cell  # the last class alone
  if num_classes > 1:
    rows, columns = np.argwhere(half).T
    size = (num_classes - 1) * cell
    assert abs(np.ptp(rows) - size) <= 2
    assert abs(np.ptp(columns) - size - cell) <= 2
  assert picture.dtype == np.uint8 and (picture[:5] == 255).all()


def test_names_make_room_for_themselves():
  matrix = _matrix(np.eye(2, dtype=int))
  short, long = (confusion_picture.draw(matrix, [name, 'b']).shape
                 for name in ('a', 'a name that is longer than the others are'))
  assert long[0] - short[0] == pytest.approx(long[1] - short[1], abs=250)
  assert long[0] > short[0] + 200


def test_table():
  table = confusion_picture.table(_matrix([[3, 1], [0, 2]], [4, 0]), ('a', 'b'))
  assert table == {
      'classes': ['a', 'b'], 'counts': [[3, 1], [0, 2]],
      'predicted_as_no_class': [4, 0], 'rows': 'truth',
      'columns': 'prediction'}
