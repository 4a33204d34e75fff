"""The map of prototypes: where dots and thumbnails are."""

import sys

import closeness
import numpy as np
import pytest

from segsort.errors import InputError
from segsort.explanation import page
from segsort.explanation import prototype_map
from segsort.explanation import sheet

CLASSES = page.Classes(('one', 'two', 'three'), (
    '#ff0000', '#00ff00', '#0000ff'))


@pytest.mark.parametrize('dim', (2, 5))
def test_principal_components_against_svd(rng, dim):
  features = (rng.normal(size=(40, dim)) * np.arange(1, dim + 1)).astype('f4')
  points, text = prototype_map.project(features, 'pca')
  centred = features - features.mean(0)
  _, singular, rows = np.linalg.svd(centred, full_matrices=False)
  closeness.assert_close(
      np.abs(points - points.mean(0)), np.abs(centred @ rows[:2].T))
  share = (singular[:2]**2).sum() / (singular**2).sum()
  assert f'{100 * share:.0f} % of the variance' in text


def test_one_dimension_is_a_line():
  points, _ = prototype_map.project(np.array([[1.], [-1]], np.float32), 'pca')
  assert points.shape == (2, 2) and not points[:, 1].any()


def test_tsne_without_scikit_learn_is_one_line(monkeypatch):
  monkeypatch.setitem(sys.modules, 'sklearn', None)
  with pytest.raises(InputError, match='pip install scikit-learn'):
    prototype_map.project(np.eye(8, dtype=np.float32), 'tsne')


def test_tsne_keeps_groups_together(rng):
  groups = np.repeat(np.eye(3), 10, 0) + rng.normal(size=(30, 3)) * .01
  points, _ = prototype_map.project(groups.astype(np.float32), 'tsne')
  centres = points.reshape(3, 10, 2).mean(1)
  nearest = np.linalg.norm(points[:, None] - centres, axis=-1).argmin(1)
  assert nearest.tolist() == np.repeat(range(3), 10).tolist()


def test_places_by_hand():
  points = np.array([[0, 0], [10, 1], [5, 2]] * 300, np.float32)
  places = prototype_map.place(points, size=(120, 220), margin=10)
  np.testing.assert_allclose(places[:3], [[10, 110], [210, 60], [110, 10]])
  points = np.concatenate([points, [[1e6, 1e6]]])  # one far off: at the edge
  np.testing.assert_allclose(
      prototype_map.place(points, (120, 220), 10)[-1], [210, 10])
  same = prototype_map.place(np.ones((3, 2)), (120, 220), 10)
  assert np.isfinite(same).all()


@pytest.mark.parametrize('seed', range(3))
def test_thumbnails_do_not_overlap_and_every_class_has_one(seed):
  rng = np.random.default_rng(seed)
  places = rng.uniform(0, 600, (400, 2))
  labels = rng.integers(0, 3, 400)
  suitable = rng.random(400) < .7
  rows = prototype_map.representatives(places, labels, suitable, 12, side=80)
  assert 6 <= len(rows) <= 12 and len(set(rows)) == len(rows)
  assert suitable[rows].all() and set(labels[rows]) == {0, 1, 2}
  for first in range(len(rows)):
    for second in range(first):
      apart = np.abs(places[rows[first]] - places[rows[second]])
      assert apart.max() >= 80


def test_nothing_suitable_gives_no_thumbnails():
  assert not prototype_map.representatives(
      np.zeros((3, 2)), np.zeros(3, int), np.zeros(3, bool), 5)
  assert prototype_map.representatives(
      np.zeros((3, 2)), np.zeros(3, int), np.ones(3, bool), 5) == [0]
  assert not prototype_map.representatives(
      np.zeros((3, 2)), np.zeros(3, int), np.ones(3, bool), 0)


def test_dots_and_thumbnails_are_at_their_places():
  places = np.array([[100., 200], [300, 400], [700, 500]])
  thumbnail = np.full((20, 30, 3), 77, np.uint8)
  drawn = prototype_map.draw(
      places, np.array([0, 1, 2]), {2: thumbnail}, CLASSES, 'a title')
  assert drawn.shape == (prototype_map.SIZE[0] + prototype_map.TITLE,
                         prototype_map.SIZE[1] + prototype_map.LEGEND, 3)
  top = prototype_map.TITLE
  for (x, y), color in zip(places[:2].astype(int), np.eye(3)):
    np.testing.assert_allclose(
        drawn[y + top, x], 255 - (255 - 255 * color) * .75, atol=2)
    assert (drawn[y + top, x + 6] == 255).all()
  assert (drawn[490 + top:510 + top, 685:715] == 77).all()
  assert drawn[488 + top, 700].tolist() == [0, 0, 255]  # the frame


def test_text_is_shortened_to_its_width():
  assert sheet.fit('short', 15, 300) == 'short'
  text = sheet.fit('a name that is much too long', 15, 80)
  assert text.endswith('...') and sheet.text_width(text, 15) <= 80
  assert text.startswith('a name')


def test_a_legend_begins_a_new_line_where_a_row_is_full():
  paper = sheet.Sheet(100, 400)
  assert sheet.draw_legend(paper, 5, 0, [0, 1, 2], CLASSES, 390) == 24
  assert sheet.draw_legend(paper, 5, 0, [0, 1, 2], CLASSES, 145) == 48
  assert sheet.draw_legend(paper, 5, 0, [0, 1, 2], CLASSES) == 72
  assert paper.pixels[8, 12].tolist() == [255, 0, 0]
