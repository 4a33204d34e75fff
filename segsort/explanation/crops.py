"""Crops of training segments, each written once, with its outline inside.

A crop is a JPEG whose comment holds the outline as JSON: both are there or
neither, and a run that was stopped finds what it made.
"""

import collections
import dataclasses
import io
import json
import os

import cv2
import numpy as np
import PIL.Image

from segsort.explanation import outlines
from segsort.explanation import sources as sources_lib
from segsort.runs import files
from segsort.runs import progress

QUALITY = 75
_MARGIN = 1.3  # of a segment's box: what is around it tells what it is
_LEAST_SIDE = 24  # pixels: fewer show nothing
_SHOWN = 60  # half of the pixels on a page: where it is, not every step


@dataclasses.dataclass(frozen=True)
class Crop:
  """What a page needs to know of a crop.

  Attributes:
    size: (height, width) that the outline is in.
    outline: SVG path.
    exact: False where the outline is the segment's box.
  """
  size: tuple
  outline: str
  exact: bool


def window_of(segment, shape):
  """Returns a square (top, bottom, left, right) around a segment.

  Args:
    segment: a prototype_set.SEGMENT.
    shape: (height, width, ...) of its picture, within which the window stays;
      it is no square where the picture is narrower.
  """
  top, bottom, left, right = (
      int(segment[side]) for side in ('top', 'bottom', 'left', 'right'))
  side = max(round(max(bottom - top, right - left) * _MARGIN), _LEAST_SIDE)
  window = []
  for first, last, length in ((top, bottom, shape[0]), (left, right, shape[1])):
    extent = min(side, length)
    start = min(max((first + last - extent) // 2, 0), length - extent)
    window += [start, start + extent]
  return tuple(window)


def box_mask(segment, size):
  """Returns bool[H, W], the box of a SEGMENT in a picture of this size."""
  mask = np.zeros(size, bool)
  mask[segment['top']:segment['bottom'],
       segment['left']:segment['right']] = True
  return mask


def make_crop(image, segment, mask):
  """Cuts a segment out of its picture.

  Args:
    image: u8[H, W, 3].
    segment: its prototype_set.SEGMENT.
    mask: bool[H, W], or None: the outline is that of the box.

  Returns:
    u8[h, w, 3] and a `Crop` of that size.
  """
  top, bottom, left, right = window_of(segment, image.shape)
  exact = mask is not None
  if not exact:
    mask = box_mask(segment, image.shape[:2])
  outline = outlines.outline(mask[top:bottom, left:right], _SHOWN)
  return image[top:bottom, left:right], Crop(
      (bottom - top, right - left), outline, exact)


def shrink(pixels, longer_side):
  """Returns u8[H, W, 3] with a longer side of at most this many pixels."""
  factor = longer_side / max(pixels.shape[:2])
  if factor >= 1:
    return pixels
  size = [max(round(length * factor), 1) for length in pixels.shape[1::-1]]
  return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def encode_jpeg(pixels, comment=''):
  """Returns the bytes of a JPEG of u8[H, W, 3]."""
  data = io.BytesIO()
  PIL.Image.fromarray(pixels).save(
      data, format='JPEG', quality=QUALITY, optimize=True,
      comment=comment.encode('ascii'))
  return data.getvalue()


def path_of(folder, row):
  """The path of a prototype's crop."""
  return os.path.join(folder, 'crops', f'{row}.jpg')


def read_crop(path):
  """Returns the `Crop` that a file holds; None where there is none, or half."""
  try:
    with PIL.Image.open(path) as picture:
      picture.load()
      fields = json.loads(picture.info['comment'])
      return Crop(tuple(fields['size']), fields['outline'], fields['exact'])
  except (OSError, SyntaxError, ValueError, KeyError, TypeError):
    return None


def write_crops(rows, sources, folder, crop_size):
  """Writes the crops of prototypes that are not there yet.

  Args:
    rows: integers, which prototypes.
    sources: `sources.Sources`.
    folder: of the pages.
    crop_size: longer side.

  Returns:
    {row: Crop} of those that have one, and a list of the paths of pictures
    that are absent or not those of the prototypes.
  """
  if sources.images is None:
    return {}, []
  rows_of = collections.defaultdict(list)
  for row in sorted(rows):
    rows_of[int(sources.segments['image'][row])].append(row)
  crops, absent = {}, []
  for image, group in progress.track(rows_of.items(), desc='training segments'):
    there = {row: read_crop(path_of(folder, row)) for row in group}
    waiting = [row for row, crop in there.items() if crop is None]
    if waiting:
      made = _write_picture_crops(waiting, image, sources, folder, crop_size)
      if made is None:
        absent.append(sources.images[image])
        continue
      there.update(made)
    crops.update(there)
  return crops, absent


def _write_picture_crops(rows, image, sources, folder, crop_size):
  """Writes the crops of one picture; {row: Crop}, or None without picture."""
  path, segments = sources.images[image], sources.segments[rows]
  pixels = sources_lib.read_picture(path, segments)
  if pixels is None:
    return None
  masks = [None] * len(rows)
  if sources.segmenter is not None:
    masks = sources.segmenter.masks(path, segments)
  crops = {}
  for row, segment, mask in zip(rows, segments, masks):
    part, crops[row] = make_crop(pixels, segment, mask)
    files.write_bytes(path_of(folder, row), encode_jpeg(
        shrink(part, crop_size), json.dumps(dataclasses.asdict(crops[row]))))
  return crops
