"""Pictures and masks, read as what they mean or refused."""

import contextlib
import io
import zipfile
import zlib

import numpy as np
import PIL.Image
import PIL.ImageSequence
import tensorflow as tf

from segsort.data import picture_modes
from segsort.errors import InputError
from segsort.runs import files

# What decoders raise for files that are damaged or no pictures.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, KeyError,
              OverflowError, zipfile.BadZipFile, zlib.error,
              tf.errors.OpError)
# Formats and compressions of TIFF that change pixels, or can.
_LOSSY = {'JPEG', 'MPO', 'JPEG2000', 'WEBP', 'AVIF'}
_LOSSY_TIFF = {'jpeg', 'tiff_jpeg', 'webp'}


@contextlib.contextmanager
def _decoding(path, what):
  """Explains what goes wrong while a picture, `what`, is decoded."""
  try:
    yield
  except PIL.Image.DecompressionBombError as error:
    raise InputError(
        f'will not decode the {what} {path}: {error}; make it smaller, or drop '
        'its list line') from error
  except UNREADABLE as error:
    raise InputError(
        f'cannot decode the {what} {path}: it is corrupt or not a picture; '
        'replace the file or drop its list line') from error


def read_image(path):
  """Reads a picture as RGB.

  JPEGs go through TensorFlow's decoder: its fast inverse DCT is what the 2019
  release and its checkpoints saw, and differs from Pillow's by up to 7 levels.
  Other pictures by `picture_modes.to_rgb`.

  Args:
    path: JPEG, PNG or anything else that Pillow reads.

  Returns:
    u8[H, W, 3].

  Raises:
    InputError: missing, unreadable or corrupt.
  """
  data = files.read_bytes(path, 'image')
  with _decoding(path, 'image'):
    if data[:2] == b'\xff\xd8':
      return tf.io.decode_jpeg(data, channels=3).numpy()
    return picture_modes.to_rgb(PIL.Image.open(io.BytesIO(data)))


def open_mask(path):
  """Reads a mask of ids or of colours, as a PIL picture.

  Raises:
    InputError: missing, corrupt, of floating point, of levels that need not be
      ids, of several pages, or stored with loss, which makes other ids of some
      pixels.
  """
  data = files.read_bytes(path, 'mask')
  with _decoding(path, 'mask'):
    picture = PIL.Image.open(io.BytesIO(data))
    pages = _count_pages(picture)
    picture.load()
  compression = picture.info.get('compression')
  if picture.format in _LOSSY or (
      picture.format == 'TIFF' and compression in _LOSSY_TIFF):
    raise InputError(
        f'the mask {path} is a {picture.format}, whose compression can '
        'change ids; make it again as a PNG (converting it does not help)')
  if pages > 1:
    raise InputError(
        f'the mask {path} has {pages} pages, of which each could be the mask; '
        'save the right one alone, as a PNG')
  # Of a PNG, byte 24 has the bits a sample, byte 25 is 0 for grey.
  if picture.format == 'PNG' and data[24:26] in (b'\2\0', b'\4\0'):
    raise InputError(
        f'the mask {path} is grey with {data[24]} bits a pixel, whose values '
        'some programs take for ids and others for levels up to 255; save it '
        'with 8 bits')
  if picture.mode == 'F':
    raise InputError(
        f'the mask {path} has floating point values; masks hold one class id '
        'per pixel, as a grey or palette PNG')
  return picture


def _count_pages(picture):
  """Counts the frames of a PIL picture that was not read yet."""
  if picture.format != 'TIFF':
    return getattr(picture, 'n_frames', 1)
  # Tag 254 marks smaller copies and transparency of the same page.
  pages = sum(not page.tag_v2.get(254, 0) & 5
              for page in PIL.ImageSequence.Iterator(picture))
  picture.seek(0)
  return pages


def read_mask(path):
  """Returns i32[H, W], what `read_labels` reads."""
  return read_labels(path).astype(np.int32)


def read_labels(path):
  """Reads a label picture as numbers; palette PNGs give their indices.

  Args:
    path: a single-channel PNG, 8 or 16 bit, grey or palette.

  Returns:
    integers [H, W], u8 where the file has 8 bits.

  Raises:
    InputError: as `open_mask`, or a colour picture.
  """
  return read_indices(path)[0]


def read_indices(path):
  """Reads a label picture and its palette.

  Returns:
    What `read_labels` does, and u8[N, 3], N <= 256, or None without a palette.
  """
  picture = open_mask(path)
  mask = np.array(picture)
  if mask.ndim != 2:
    raise InputError(
        f'the mask {path} is a colour picture (mode {picture.mode}); masks '
        'hold one class id per pixel, as a grey or palette PNG')
  if picture.mode != 'P':
    return mask, None
  return mask, np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
