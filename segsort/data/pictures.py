"""Pictures as people have them: any common format, found in folders.

Lists of a data set go through `reading.read_image`, which leaves a picture as
it lies; this is for one's own photographs, which are turned.
"""

import io
import os

import numpy as np
import PIL.Image
import PIL.ImageOps
import tensorflow as tf

from segsort.data import image_list
from segsort.data import picture_modes
from segsort.data import reading
from segsort.errors import InputError, warn
from segsort.runs import files
from segsort.runs import progress

SUFFIXES = (
    '.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.bmp', '.gif', '.tif', '.tiff',
    '.webp', '.ppm', '.pgm', '.pbm', '.pnm', '.tga')
NAMED = 5  # broken pictures in a message
FEWEST_LEVELS = 16  # 12 bits in a file of 16 have no more
ORIENTATION = 0x0112  # the EXIF tag
# What a tag from 1 on says must be done to stand upright: rows and columns
# exchanged, then top and bottom, then left and right.
_TURNS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0),
          (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))


def find_pictures(folder, leave_out=()):
  """Lists the pictures of a folder and its subfolders, by their suffix.

  Args:
    folder: hidden files and folders in it are skipped.
    leave_out: folders within `folder` that are not searched, as of results.

  Returns:
    A list of `image_list.Example`, sorted by path; the name keeps the
    subfolder, and the suffix where two pictures differ in nothing else.

  Raises:
    InputError: no such folder, or no pictures in it.
  """
  if not os.path.isdir(folder):
    raise InputError(f'there is no folder {folder}; check --image_dir')
  paths = sorted(
      os.path.relpath(os.path.join(place, name), folder)
      for place, name in _visible(folder, leave_out)
      if name.lower().endswith(SUFFIXES))
  if not paths:
    raise InputError(
        f'no pictures in {folder}: no file there ends in one of '
        f'{" ".join(SUFFIXES)}; check --image_dir')
  return [
      image_list.Example(os.path.join(folder, path), '', '', name,
                         os.path.join(folder, path))
      for path, name in zip(paths, image_list.result_names(paths))]


def _visible(folder, leave_out):
  """Yields (folder, file name) of all files that are not hidden."""
  leave_out = set(map(os.path.realpath, leave_out))
  for place, folders, names in files.walk(folder):
    folders[:] = [
        name for name in folders if not name.startswith('.')
        and os.path.realpath(os.path.join(place, name)) not in leave_out]
    for name in names:
      if not name.startswith('.'):
        yield place, name


def read_picture(path):
  """Reads a picture as people see it.

  The first frame, upright by its EXIF orientation, its colours by
  `picture_modes.to_rgb`.

  Args:
    path: of any format that Pillow reads. JPEGs in RGB or grey go through
      TensorFlow's decoder, as those of lists do.

  Returns:
    u8[H, W, 3] RGB.

  Raises:
    InputError: missing, unreadable or corrupt.
  """
  data = files.read_bytes(path, 'picture')
  try:
    picture = PIL.Image.open(io.BytesIO(data))
    if picture.format in ('JPEG', 'MPO') and picture.mode in ('RGB', 'L'):
      return turn(tf.io.decode_jpeg(data, channels=3).numpy(),
                  picture.getexif().get(ORIENTATION, 1))
    return picture_modes.to_rgb(PIL.ImageOps.exif_transpose(picture))
  except PIL.Image.DecompressionBombError as error:
    raise InputError(
        f'will not decode the picture {path}: {error}; make it smaller'
    ) from error
  except reading.UNREADABLE as error:
    raise InputError(
        f'cannot decode the picture {path}: it is corrupt or not a picture; '
        'replace or remove it') from error


def turn(pixels, orientation):
  """Turns and mirrors [H, W, ...] as an EXIF orientation says, 1 to 8."""
  if orientation not in range(1, 9):
    return pixels  # a broken tag says nothing
  transposed, upside_down, mirrored = _TURNS[orientation - 1]
  if transposed:
    pixels = np.swapaxes(pixels, 0, 1)
  pixels = pixels[::-1] if upside_down else pixels
  pixels = pixels[:, ::-1] if mirrored else pixels
  return np.ascontiguousarray(pixels)


def check_pictures(paths):
  """Warns of pictures that training would see lying on their side, or black.

  Raises:
    InputError: names all that cannot be decoded.
  """
  broken, turned, flat = [], [], []
  for path in progress.track(paths, desc='pictures', unit='image'):
    try:
      if np.ptp(reading.read_image(path)) < FEWEST_LEVELS:
        flat.append(path)
      if _orientation(path) != 1:
        turned.append(path)
    except (InputError, *reading.UNREADABLE, PIL.Image.DecompressionBombError):
      broken.append(path)
  if broken:
    more = ', ...' if len(broken) > NAMED else ''
    raise InputError(
        f'cannot decode {len(broken)} of {len(paths)} pictures: '
        f'{", ".join(broken[:NAMED])}{more}; they are corrupt, not pictures, '
        'or too large: replace or remove them')
  if turned:
    warn(f'{len(turned)} pictures, the first {turned[0]}, stand upright by an '
         'EXIF tag alone, which training does not read; turn them for good')
  if flat:
    warn(f'{len(flat)} of {len(paths)} pictures, the first {flat[0]}, have '
         f'less than {FEWEST_LEVELS} of 256 levels: empty, or of fewer bits '
         'than their file could hold, of which the upper 8 count; stretch them')


def _orientation(path):
  """The EXIF orientation of a picture; 1, upright, if there is none."""
  with PIL.Image.open(path) as picture:
    return picture.getexif().get(ORIENTATION, 1)


def how_to_fit(path, size, mask_size, otherwise):
  """Says how to mend a picture and a mask that have not the same size.

  Args:
    path: of the picture.
    size: its (height, width), as it lies.
    mask_size: that of the mask.
    otherwise: what to do if the mask does not fit the picture stood upright.
  """
  # Tags from 5 on exchange rows and columns.
  if size[::-1] != mask_size or _orientation(path) not in range(5, 9):
    return otherwise
  return ('the mask fits the picture as its EXIF tag turns it, which lists do '
          'not heed; turn the picture for good, as mogrify -auto-orient does')
