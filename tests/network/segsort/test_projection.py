"""Principal components and the colours made of them."""

import closeness
import needs
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import projection



@pytest.fixture(name='golden')
def _golden():
  with np.load(needs.shared('golden/c5_pca.npz')) as arrays:
    return dict(arrays)


def _align(values, expected):
  """Flips columns of `values` to the signs of `expected`."""
  axes = tuple(range(values.ndim - 1))
  return values * np.where((values * expected).sum(axis=axes) < 0, -1, 1)


def _random(shape, seed=0):
  """Anisotropic points away from the origin."""
  rng = np.random.default_rng(seed)
  points = rng.standard_normal(shape) * (1 + np.arange(shape[-1]))
  return (points + 3).astype(np.float32)


def test_components_match_golden(golden):
  components = projection.principal_components(golden['embedding'], 3).numpy()
  expected = golden['principal_components3']
  closeness.assert_close(_align(components, expected), expected)


@pytest.mark.parametrize('num_components', [3, 5])
def test_projection_matches_golden(golden, num_components):
  embeddings = golden['embedding']
  components = projection.principal_components(embeddings, num_components)
  projected = projection.project(embeddings, components).numpy()
  expected = golden[f'pca{num_components}']
  closeness.assert_close(_align(projected, expected), expected)


def test_projection_on_given_components_matches_golden(golden):
  projected = projection.project(golden['embedding'],
                                 golden['given_components'])
  closeness.assert_close(projected, golden['pca_given'])


def test_components_match_numpy_svd():
  points = _random((4, 30, 7))
  flat = points.reshape(-1, 7).astype(np.float64)
  _, _, rows = np.linalg.svd(flat - flat.mean(axis=0))
  expected = rows[:4].T
  expected = expected * np.sign(
      expected[np.abs(expected).argmax(axis=0), range(4)])
  components = projection.principal_components(points, 4)
  closeness.assert_close(components, expected)


def test_components_by_hand():
  # Points on the line through (1, 0) and (1, 2): it runs along the 2nd axis.
  points = tf.constant([[1., 0.], [1., 2.], [1., 1.]])
  components = projection.principal_components(points, 2)
  closeness.assert_close(components, [[0., 1.], [1., 0.]])
  # Not centred: the common first coordinate stays in the projection.
  closeness.assert_close(
      projection.project(points, components), [[0, 1], [2, 1], [1, 1]])


def test_components_are_orthonormal_with_fixed_signs():
  components = projection.principal_components(_random((60, 9)), 9).numpy()
  closeness.assert_close(components.T @ components, np.eye(9))
  largest = components[np.abs(components).argmax(axis=0), range(9)]
  assert (largest > 0).all()


def test_components_ignore_order_and_offset():
  points = _random((80, 6))
  components = projection.principal_components(points, 3)
  shuffled = np.random.default_rng(1).permutation(points) + 10
  closeness.assert_close(
      projection.principal_components(shuffled, 3), components)


def test_projection_keeps_distances_with_all_components():
  points = _random((20, 5))
  projected = projection.project(
      points, projection.principal_components(points, 5)).numpy()
  closeness.assert_close(
      np.linalg.norm(projected[1:] - projected[0], axis=-1),
      np.linalg.norm(points[1:] - points[0], axis=-1))


def test_more_components_than_dimensions_are_refused():
  with pytest.raises(ValueError, match='4 components of 3-d embeddings'):
    projection.principal_components(tf.zeros([5, 3]), 4)


def test_colors_span_each_component_over_the_whole_batch():
  embeddings = _random((2, 5, 6, 8))
  colors = projection.pca_colors(embeddings).numpy()
  assert colors.shape == (2, 5, 6, 3)
  assert not colors.min(axis=(0, 1, 2)).any()
  closeness.assert_close(colors.max(axis=(0, 1, 2)), np.ones(3))
  projected = projection.project(
      embeddings, projection.principal_components(embeddings, 3)).numpy()
  lowest = projected.min(axis=(0, 1, 2))
  expected = (projected - lowest) / (projected.max(axis=(0, 1, 2)) - lowest)
  closeness.assert_close(colors, expected)


def test_equal_embeddings_get_equal_colors_in_different_images():
  embeddings = _random((1, 4, 4, 8))
  colors = projection.pca_colors(np.concatenate([embeddings] * 2)).numpy()
  closeness.assert_close(colors[0], colors[1])


@pytest.mark.parametrize('value', [0., 0.17677669, 1e6])
def test_constant_embeddings_are_black(value):
  colors = projection.pca_colors(tf.fill([2, 7, 9, 32], value))
  np.testing.assert_array_equal(colors, np.zeros((2, 7, 9, 3)))


def test_one_pixel_is_black():
  colors = projection.pca_colors(_random((1, 1, 1, 8)))
  np.testing.assert_array_equal(colors, np.zeros((1, 1, 1, 3)))


def test_one_dimension_fills_the_first_channel_only():
  embeddings = np.float32([[[[2.], [4.], [3.]]]])
  colors = projection.pca_colors(embeddings)
  closeness.assert_close(
      colors[0, 0], [[0, 0, 0], [1, 0, 0], [.5, 0, 0]])


def test_two_dimensions_leave_the_third_channel_black():
  colors = projection.pca_colors(_random((1, 4, 5, 2))).numpy()
  assert colors[..., :2].max(axis=(0, 1, 2)).min() == pytest.approx(1)
  assert not colors[..., 2].any()


def test_colors_inside_a_function_of_unknown_size():
  embeddings = _random((2, 3, 4, 6))
  compiled = tf.function(
      projection.pca_colors,
      input_signature=[tf.TensorSpec([None, None, None, 6])])
  closeness.assert_close(
      compiled(embeddings), projection.pca_colors(embeddings))
