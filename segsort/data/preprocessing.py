"""Random rotations, colours, scale, mirror and crop; labels follow their image.

Of scale, mirror and crop only the crop is resampled: each output row and column
knows where in the original image it comes from. The sampling is that of
TensorFlow's legacy resize (source = i * in / out; labels: floor), applied to
the whole image and then cropped, to float rounding.
"""

import tensorflow as tf

from segsort.data.dataset_info import PIXEL_MEAN

# What the 2019 release pads all label channels with.
LABEL_PADDING = 255


def subtract_mean(image):
  """Returns f32[..., 3] from u8[..., 3] RGB: zero-mean, the network's input."""
  return tf.cast(image, tf.float32) - tf.constant(PIXEL_MEAN)


def rotate(image, labels, seed):
  """Rotates an image by 0, 90, 180 or 270 degrees, drawn from a seed.

  Args:
    image: u8[H, W, 3].
    labels: i32[H, W], rotated with it.
    seed: i32[2].

  Returns:
    u8[h, w, 3] and i32[h, w]; (h, w) is (H, W) or (W, H).
  """
  quarters = tf.random.stateless_uniform([], seed, 0, 4, tf.int32)
  image = tf.image.rot90(image, quarters)
  labels = tf.image.rot90(labels[..., None], quarters)[..., 0]
  return tf.ensure_shape(image, [None, None, 3]), labels


def recolor(image, seed):
  """Changes an image's colours so that they tell little, drawn from a seed.

  Red, green and blue change places. Half of the pictures lose their colours,
  the others keep 0 to 1.3 times their saturation. Then all values are
  multiplied by .6 to 1.2, changed by up to 30, and those of each channel by up
  to 20, so that grey pictures have a tint.

  Args:
    image: u8[H, W, 3].
    seed: i32[2].

  Returns:
    u8[H, W, 3], values beyond 0..255 cut off.
  """
  draws = tf.random.stateless_uniform([10], seed)
  pixels = tf.gather(tf.cast(image, tf.float32), tf.argsort(draws[:3]), axis=2)
  grey = tf.reduce_mean(pixels, 2, keepdims=True)
  saturation = tf.where(draws[3] < .5, 0., 1.3 * draws[4])
  gain = .6 + .6 * draws[5]
  shift = 60 * (draws[6] - .5) + 40 * (draws[7:] - .5)
  pixels = (grey + (pixels - grey) * saturation) * gain + shift
  return tf.cast(tf.round(tf.clip_by_value(pixels, 0, 255)), tf.uint8)


def scaled_size(size, scale):
  """Returns i32[2]: (height, width) times a scale, truncated, at least 1."""
  # In float32 as the release: other products truncate to other sizes.
  scaled = tf.cast(size, tf.float32) * tf.cast(scale, tf.float32)
  return tf.maximum(tf.cast(scaled, tf.int32), 1)


def draw_view(size, crop_size, seed, *, random_scale, random_mirror,
              random_crop, stride=1):
  """Draws how an image is seen, the same for the same seed.

  Args:
    size: i32[2], (height, width) of the image.
    crop_size: (height, width).
    seed: i32[2].
    random_scale: by 0.5 to 2, else 1.
    random_mirror: half of the time, else never.
    random_crop: anywhere, else at the centre.
    stride: offsets are multiples of it.

  Returns:
    scale f32[], mirror bool[], offset i32[2] of the crop in the scaled image,
    which is padded at the bottom and right where it is smaller.
  """
  draws = tf.random.stateless_uniform([4], seed)
  scale = 0.5 + 1.5 * draws[0] if random_scale else tf.constant(1.)
  mirror = draws[1] < 0.5 if random_mirror else tf.constant(False)
  room = tf.maximum(scaled_size(size, scale) - tf.constant(crop_size), 0)
  offset = room // 2
  if random_crop:
    offset = tf.cast(draws[2:] * tf.cast(room + 1, tf.float32), tf.int32)
    # A draw next to 1 may round up to room + 1.
    offset = tf.minimum(offset, room)
  return scale, mirror, offset // stride * stride


def _sample_axis(size, scaled, offset, length, mirror):
  """Where the pixels of one axis of a crop come from.

  Args:
    size: i32[], of the image; scaled: i32[], after scaling.
    offset: i32[], of the crop; length: of the crop.
    mirror: bool[], flips the scaled image.

  Returns:
    position f32[length] in the image, inside bool[length].
  """
  index = tf.range(length) + offset
  inside = index < scaled
  # After `inside`: a mirror image has its padding on the right as well.
  index = tf.where(mirror, scaled - 1 - index, index)
  ratio = tf.cast(size, tf.float32) / tf.cast(scaled, tf.float32)
  limit = tf.cast(size - 1, tf.float32)
  position = tf.cast(index, tf.float32) * ratio
  return tf.clip_by_value(position, 0., limit), inside


def _interpolate(image, position, axis):
  """Linear interpolation of f32[H, W, 3] along one axis."""
  lower = tf.floor(position)
  weight = position - lower
  lower = tf.cast(lower, tf.int32)
  upper = tf.minimum(lower + 1, tf.shape(image)[axis] - 1)
  weight = weight[:, None, None] if axis == 0 else weight[None, :, None]
  below = tf.gather(image, lower, axis=axis)
  return below + (tf.gather(image, upper, axis=axis) - below) * weight


def view_example(image, labels, crop_size, view, padding=LABEL_PADDING):
  """Sees an image and its label maps through one scale, mirror and crop.

  Args:
    image: u8[H, W, 3].
    labels: a tuple of i32[H, W].
    crop_size: (height, width).
    view: as `draw_view` returns it.
    padding: the label outside the picture.

  Returns:
    image: f32[h, w, 3], mean-subtracted, 0 outside the picture.
    labels: the tuple as i32[h, w], `padding` outside.
    locations: f32[h, w, 2], row / H and column / W in the original image;
      `padding` / H and / W outside, where nothing may use them.
  """
  scale, mirror, offset = view
  size = tf.shape(image)[:2]
  scaled = scaled_size(size, scale)
  # The crop alone is resampled: 129 instead of 85 images a second and core,
  # and within .005 grey levels of the whole.
  rows, row_inside = _sample_axis(
      size[0], scaled[0], offset[0], crop_size[0], tf.constant(False))
  columns, column_inside = _sample_axis(
      size[1], scaled[1], offset[1], crop_size[1], mirror)
  inside = row_inside[:, None] & column_inside[None, :]

  # The mean goes first, as in the release: padding of 0 is the mean colour.
  pixels = _interpolate(subtract_mean(image), columns, 1)
  pixels = tf.where(inside[..., None], _interpolate(pixels, rows, 0), 0.)

  def nearest(values):
    values = tf.gather(tf.gather(values, tf.cast(rows, tf.int32)),
                       tf.cast(columns, tf.int32), axis=1)
    return tf.where(inside, values, padding)

  at_row, at_column = tf.meshgrid(
      tf.range(size[0]), tf.range(size[1]), indexing='ij')
  locations = tf.stack([nearest(at_row) / size[0],
                        nearest(at_column) / size[1]], -1)
  return (pixels, tuple(nearest(values) for values in labels),
          tf.cast(locations, tf.float32))
