"""The row of the evaluation suite compares two ways to one result."""

import numpy as np

from segsort.benchmark import evaluation_suite


def test_both_ways_count_the_same(monkeypatch):
  monkeypatch.setattr(evaluation_suite, 'PAIRS', 4)
  rows = 0
  for row in evaluation_suite.comparisons():
    matrix, (true, predicted, hits) = row.ours(), row.twin()
    np.testing.assert_array_equal(true, matrix.true_pixels)
    np.testing.assert_array_equal(predicted, matrix.predicted_pixels)
    np.testing.assert_array_equal(hits, np.diag(matrix.counts))
    # Most pixels have a class; borders are ignored, and predictions differ.
    assert 4 * 375 * 500 > true.sum() > hits.sum() > 2 * 375 * 500
    rows += 1
  assert rows == 1
