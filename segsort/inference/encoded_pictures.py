"""Bytes of a picture to its pixels, inside of a graph."""

import tensorflow as tf


def decode(data):
  """Decodes a JPEG, PNG, BMP or GIF file, the first frame.

  Args:
    data: string[], its bytes.

  Returns:
    u8[H, W, 3], as stored: not turned as EXIF says, transparency ignored.
  """
  pixels = tf.cond(
      _is_palette_bmp(data), lambda: _decode_palette_bmp(data),
      lambda: tf.io.decode_image(data, channels=3, expand_animations=False))
  return tf.ensure_shape(pixels, [None, None, 3])


def _is_palette_bmp(data):
  """Whether 8 bits a pixel mean colours, which TensorFlow takes for grey."""
  padded = tf.strings.join([tf.strings.substr(data, 0, 30), 30 * '\0'])
  return tf.equal(tf.strings.join(
      [tf.strings.substr(padded, 0, 2), tf.strings.substr(padded, 28, 2)]),
                  b'BM\x08\0')


def _decode_palette_bmp(data):
  def number_at(place):
    return tf.io.decode_raw(tf.strings.substr(data, place, 4), tf.int32)[0]

  # 14 bytes of file header; the next header begins with its own length.
  start, end = 14 + number_at(14), number_at(10)  # after the second header
  colors = tf.reshape(tf.io.decode_raw(
      tf.strings.substr(data, start, end - start), tf.uint8), [-1, 4])
  indices = tf.io.decode_bmp(data)[..., 0]
  return tf.gather(colors[:, 2::-1], tf.cast(indices, tf.int32))  # stored BGR
