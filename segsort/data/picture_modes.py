"""What a picture's numbers mean as colours: grey, palette, alpha, many bits."""

import numpy as np
import PIL.Image

from segsort.data import dataset_info


def to_rgb(picture):
  """Converts a PIL picture of any mode to u8[H, W, 3].

  Transparent parts show the mean colour of the training images, which a network
  takes for nothing: it is what padding consists of. Of 16 bits the upper 8 are
  kept; floating point and 32 bit pictures are stretched from their lowest to
  their highest value.

  Raises:
    ValueError: a floating point picture with a value that is not finite.
  """
  if picture.mode.startswith(('I', 'F')):
    grey = _to_8_bit(np.array(picture), picture.mode)
    return np.repeat(grey[..., None], 3, -1)
  if picture.has_transparency_data:
    picture = picture.convert('RGBA')
    mean = tuple(round(level) for level in dataset_info.PIXEL_MEAN)
    paper = PIL.Image.new('RGBA', picture.size, (*mean, 255))
    picture = PIL.Image.alpha_composite(paper, picture)
  return np.array(picture.convert('RGB'))


def _to_8_bit(grey, mode):
  """Returns u8[H, W] of a grey picture of more bits."""
  if mode.startswith('I;16') or (
      mode == 'I' and grey.min() >= 0 and grey.max() < 2**16):
    # Not by Pillow, whose conversion cuts 16 bits off at 255.
    return (grey.astype(np.int64) >> 8).astype(np.uint8)
  grey = grey.astype(np.float64)
  lowest, highest = grey.min(), grey.max()
  if not np.isfinite([lowest, highest]).all():
    raise ValueError('not all its values are finite')
  scaled = (grey - lowest) * (255 / max(highest - lowest, 1e-12))
  return scaled.round().astype(np.uint8)
