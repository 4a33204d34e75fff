"""What the 2019 TF1 release computed differently, behind `--tf1_compat`.

The default path never comes here; only a stage that was given `--tf1_compat`
does. Functions are named after the stage that they belong to. How it scored is
in `segsort/evaluation/evaluation_compat.py`.
"""

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from segsort.data import preprocessing


def extraction_locations(size, window):
  """The release's location features of extraction: 0 to 1, both included.

  They span the image padded to the window, and are then dealt out to the
  pixels of the image one after the other: where the image is narrower than
  the window, to the wrong ones.

  Args:
    size: (height, width) of the image.
    window: (height, width).

  Returns:
    f32[H, W, 2].
  """
  height, width = size
  padded = inclusive_locations(max(height, window[0]), max(width, window[1]))
  dealt = padded.reshape(-1, 2)[:height * width]
  return dealt.reshape(height, width, 2)


def inclusive_locations(height, width):
  """Returns f32[H, W, 2]: row / (height - 1) and column / (width - 1)."""
  axes = np.linspace(0, 1, height), np.linspace(0, 1, width)
  return np.stack(np.meshgrid(*axes, indexing='ij'), -1).astype(np.float32)


def inference_is_multi(config):
  """Tells which of the release's two scripts a command line means.

  inference_segsort.py labels one window, inference_segsort_msc.py slides it.
  Only the latter had --strides, --flip_aug and --scale_aug.

  Args:
    config: a `inference_settings.InferenceConfig`.
  """
  return config.scale_aug or config.flip_aug or any(config.strides)


def inference_embed(embedder, image):
  """One window, padded or cut at the centre, is all that single-scale sees.

  Padding is clustered like the image, at the location 255 / height,
  255 / width. Of a larger image only the centre gets labels.

  Args:
    embedder: an `embedding.Embedder`.
    image: u8[H, W, 3].

  Returns:
    f32[h, w, D] embeddings of unit length and f32[h, w, 2] locations, of the
    window.
  """
  pixels, locations, _ = inference_view(image, embedder.window)
  (_, raw), = embedder.windows(pixels)
  return clustering.normalize(raw), locations


def inference_view(image, window, labels=()):
  """Pads or cuts a picture as the release's reader does at test time.

  Args:
    image: u8[H, W, 3].
    window: (height, width).
    labels: a tuple of i32[H, W], to go the same way.

  Returns:
    f32[h, w, 3] pixels, mean-subtracted; f32[h, w, 2] locations; the labels.
  """
  view = preprocessing.draw_view(
      tf.shape(image)[:2], window, [0, 0], random_scale=False,
      random_mirror=False, random_crop=False)
  pixels, labels, locations = preprocessing.view_example(
      image, labels, window, view)
  return pixels, locations, labels


def inference_locate(place, size):
  """Locations within the window, whose padding is clustered as well.

  Args:
    place: (top, bottom, left, right) of the window.
    size: (height, width) of the image, which plays no part.

  Returns:
    The place, and f32[h, w, 2] locations.
  """
  del size
  top, bottom, left, right = place
  return place, clustering.location_features(bottom - top, right - left)
