"""Region scores: by hand, by brute force, and on published contour maps."""

import itertools

import needs
import numpy as np
import pytest

from segsort.evaluation import region_evaluation
from segsort.evaluation import region_metrics



def test_halves_against_quarters_by_hand():
  halves = np.array([[0, 0, 1, 1]])
  truth = np.array([[0, 1, 2, 2]])
  table = region_metrics.shared_pixels(halves, truth)
  np.testing.assert_array_equal(table, [[1, 1, 0], [0, 0, 2]])
  np.testing.assert_allclose(region_metrics.coverings(table), [.5, .5, 1])
  # One of six pairs is together in the first and apart in the second.
  assert region_metrics.rand_index(table) == pytest.approx(5 / 6)
  # H(truth | halves): half of the pixels need one bit.
  assert region_metrics.variation_of_information(table) == pytest.approx(.5)


def test_against_loops_over_pairs(rng):
  a, b = rng.integers(0, 4, (2, 5, 6))
  table = region_metrics.shared_pixels(a, b)
  pairs = list(itertools.combinations(range(30), 2))
  agree = sum((a.flat[i] == a.flat[j]) == (b.flat[i] == b.flat[j])
              for i, j in pairs)
  assert region_metrics.rand_index(table) == pytest.approx(agree / len(pairs))
  for label in range(4):
    best = max(((a == other) & (b == label)).sum()
               / ((a == other) | (b == label)).sum() for other in range(4))
    assert region_metrics.coverings(table)[label] == pytest.approx(best)
  same = region_metrics.shared_pixels(a, a)
  assert region_metrics.rand_index(same) == 1
  assert region_metrics.variation_of_information(same) == pytest.approx(0)
  np.testing.assert_array_equal(region_metrics.coverings(same), 1)


def test_merged_tables_are_those_of_the_merged_regions(rng):
  fine = region_metrics.number_regions(rng.integers(0, 6, (8, 9)))
  coarse = region_metrics.number_regions(fine // 2)
  truths = [rng.integers(0, 3, (8, 9)) for _ in range(2)]
  both = region_metrics.score_image([fine, coarse], truths)
  alone = region_metrics.score_image([coarse], truths)
  np.testing.assert_allclose(both.rand[1:], alone.rand)
  np.testing.assert_allclose(both.coverings[1:], alone.coverings)
  np.testing.assert_allclose(both.variation[1:], alone.variation)


def test_best_thresholds_by_hand():
  def image(sizes, coverings, rand, variation):
    return region_metrics.ImageScores(*map(
        np.array, (sizes, coverings, rand, variation)))
  scores = [image([2., 2.], [[1, 0], [.5, .4]], [.9, .8], [1., 2.]),
            image([4.], [[.2], [.6]], [.5, .8], [3., 1.])]
  summary = region_metrics.summarize(scores, [.1, .2])
  # Threshold .1: 2 + .8 of 8 pixels; .2: 1.8 + 2.4.
  assert summary['covering'] == pytest.approx({
      'ods': 4.2 / 8, 'ods_threshold': .2, 'ois': 4.4 / 8,
      'at_last': .5, 'best': (2 + .8 + 2.4) / 8})
  assert summary['rand'] == pytest.approx(
      {'ods': .8, 'ods_threshold': .2, 'ois': .85, 'at_last': .5})
  assert summary['variation'] == pytest.approx(
      {'ods': 1.5, 'ods_threshold': .2, 'ois': 1., 'at_last': .5})


@pytest.mark.slow
def test_published_contour_maps_have_their_scores(capsys):
  """gPb-owt-ucm on all 40 images, as its authors' benchmark scores it."""
  bsds = needs.shared('data/bsds500')
  scores = region_evaluation.evaluate_regions(
      region_evaluation.EvalRegionsConfig(
          pred_dir=str(bsds / 'ucm2/val'), gt_dir=str(bsds / 'groundTruth/val'),
          num_workers=1))
  assert round(scores['covering']['ods'], 4) == .6037
  assert round(scores['covering']['ois'], 4) == .6599
  assert round(scores['covering']['best'], 4) == .7536
  assert round(scores['rand']['ods'], 4) == .8123
  assert round(scores['rand']['ois'], 4) == .8661
  assert round(scores['variation']['ods'], 3) == 1.608
  assert round(scores['variation']['ois'], 3) == 1.476
  captured = capsys.readouterr()
  assert '(at 0.18), OIS 0.6599, best 0.7536' in captured.out
  # Some images would be better with a threshold above the 0.6 of the flag.
  assert 'is the last one, 0.6: ' in captured.err
