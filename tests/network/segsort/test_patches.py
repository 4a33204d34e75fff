"""Patches against the resized embeddings that they stand for."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network import layers
from network.segsort import patches as patches_lib


def _values(patches):
  """f32[H, W, D], pixel by pixel from the slots."""
  slots = tf.einsum(
      'tad,aq->tqd', patches.vectors, patches_lib.basis(patches.side))
  flat = tf.reshape(slots, [-1, slots.shape[-1]])
  return tf.gather(flat, patches_lib.slots_of_pixels(patches)).numpy()


@pytest.mark.parametrize('answer, window, size', (
    ((3, 4), (24, 32), (24, 32)), ((4, 2), (25, 16), (25, 16)),
    ((3, 5), (24, 37), (13, 30)), ((1, 1), (8, 8), (5, 1)),
    ((5, 4), (13, 4), (13, 4)), ((6, 3), (4, 9), (4, 9))))
def test_a_window_is_that_of_the_resize(rng, answer, window, size):
  raw = rng.normal(size=(*answer, 3)).astype(np.float32)
  expected = layers.resize_bilinear(raw[None], window)[0, :size[0], :size[1]]
  closeness.assert_close(
      _values(patches_lib.of_window(tf.constant(raw), window, size)), expected)


def test_windows_that_overlap_are_summed(rng):
  window, size, tops, lefts = (16, 20), (29, 38), (0, 7, 14), (0, 19)
  raw = rng.normal(size=(3, 2, 2, 3, 4)).astype(np.float32)
  expected = np.zeros([30, 39, 4], np.float32)
  for row, top in enumerate(tops):
    for column, left in enumerate(lefts):
      expected[top:top + 16, left:left + 20] += layers.resize_bilinear(
          raw[row, column][None], window)[0]
  answers = tf.reshape(tf.transpose(raw, [0, 2, 1, 3, 4]), [6, 6, 4])
  found = _values(patches_lib.make(
      answers, patches_lib.cut_axis(size[0], 16, 2, tops),
      patches_lib.cut_axis(size[1], 20, 3, lefts)))
  closeness.assert_close(found, expected[:29, :38])


def test_an_axis_is_cut_where_cells_begin():
  alone = patches_lib.cut_axis(20, 20, 3)  # 6.67 pixels a cell
  assert alone.starts.numpy().tolist() == [0, 7, 14]
  assert alone.lengths.numpy().tolist() == [7, 7, 6]
  # Cells of 4 pixels from 0, and from 6 on; the first window ends at 8.
  overlapping = patches_lib.cut_axis(13, 8, 2, (0, 6))
  assert overlapping.starts.numpy().tolist() == [0, 4, 6, 8, 10]
  assert overlapping.part.numpy().tolist() == [0] * 4 + [1] * 2 + [
      2] * 2 + [3] * 2 + [4] * 3


def test_slots_and_pixels_lead_to_each_other(rng):
  patches = patches_lib.of_window(
      tf.constant(rng.normal(size=(3, 4, 2)), tf.float32), (20, 31), (17, 31))
  pixels = patches_lib.pixels_of_slots(patches).numpy().ravel()
  slots = patches_lib.slots_of_pixels(patches).numpy().ravel()
  np.testing.assert_array_equal(pixels[slots], np.arange(17 * 31))
  assert (pixels >= 0).sum() == 17 * 31


def test_lengths_are_those_of_pixels_even_where_vectors_cancel():
  # From 1 to -1 with .001 beside it: the shortest is of .0141 % of the length.
  raw = tf.constant([[[1, 1e-3], [-1, 1e-3]]], tf.float32)
  patches = patches_lib.of_window(raw, (1, 16), (1, 16))
  found = patches_lib.inverse_lengths(
      patches.vectors, patches_lib.basis(patches.side)).numpy()[:, :8]
  expected = layers.resize_bilinear(raw[None], (1, 16))[0, 0]
  closeness.assert_close(
      1 / found.ravel(), np.linalg.norm(expected, axis=-1))


def test_a_vector_of_zero_has_no_inverse():
  found = patches_lib.inverse_lengths(
      tf.zeros([2, 4, 3]), patches_lib.basis(2))
  np.testing.assert_array_equal(found, np.zeros([2, 4]))
