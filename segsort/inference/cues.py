"""What the k-means sees of a pixel beside its embedding."""

import tensorflow as tf


def cues_of(locations, pixels, config):
  """What the k-means sees of a pixel beside its embedding.

  Args:
    locations: f32[H, W, 2].
    pixels: [H, W, 3], RGB of 0 to 255, a mean subtracted or not.
    config: a `inference_settings.RestoredSettings`.

  Returns:
    f32[H, W, 2], or f32[H, W, 5] with colours.
  """
  cues = config.location_weight * locations
  if not config.color_weight:
    return cues
  colors = tf.cast(pixels, tf.float32) * (config.color_weight / 255)
  return tf.concat([cues, colors], -1)


def num_cues(config):
  """How many channels `cues_of` returns."""
  return 5 if config.color_weight else 2
