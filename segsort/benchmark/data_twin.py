"""The 2019 release's way of augmenting: resize all of an image, then crop."""

import tensorflow as tf

from network import layers
from network.segsort import clustering
from segsort.data import preprocessing


def view_example(image, labels, crop_size, view, num_clusters):
  """Returns a dict as `input_pipeline.supervised_batches` makes of one image.

  Args:
    image: u8[H, W, 3].
    labels: i32[H, W].
    crop_size: (height, width).
    view: as `preprocessing.draw_view` returns it.
    num_clusters: rows and columns of the grid.
  """
  scale, mirror, offset = view
  height, width = tf.unstack(tf.shape(labels))
  size = preprocessing.scaled_size([height, width], scale)
  pixels = preprocessing.subtract_mean(image)
  pixels = layers.resize_bilinear(pixels[None], size)[0]
  grid = clustering.grid_labels(height, width, num_clusters, num_clusters)
  places = tf.stack(tf.meshgrid(
      tf.range(height), tf.range(width), indexing='ij'), -1)
  maps = tf.concat([labels[..., None], grid[..., None], places], -1)
  maps = layers.resize_nearest(maps[None], size)[0]
  pixels = _crop(pixels, mirror, offset, crop_size, 0.)
  maps = _crop(maps, mirror, offset, crop_size, preprocessing.LABEL_PADDING)
  locations = tf.cast(maps[..., 2:], tf.float32)
  locations /= tf.cast([height, width], tf.float32)
  return {'image': pixels, 'labels': maps[..., 0],
          'grid_labels': maps[..., 1], 'locations': locations}


def _crop(channels, mirror, offset, crop_size, padding):
  """Mirrors, pads at the bottom and right, and crops [H, W, C]."""
  channels = tf.cond(mirror, lambda: channels[:, ::-1], lambda: channels)
  missing = tf.maximum(crop_size - tf.shape(channels)[:2], 0)
  channels = tf.pad(
      channels, [[0, missing[0]], [0, missing[1]], [0, 0]],
      constant_values=padding)
  return tf.slice(
      channels, tf.concat([offset, [0]], 0), [*crop_size, channels.shape[-1]])
