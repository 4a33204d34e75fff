"""Masks of classes: ids, a palette whose colours say which, or colours."""

import functools

import numpy as np

from segsort.data import dataset_info
from segsort.data import reading
from segsort.errors import InputError, warn

_labels_of_colors = functools.lru_cache(dataset_info.labels_of_colors)
_told = set()  # data sets


def read(path, dataset, num_classes, ignore_label):
  """Reads a mask as class ids.

  The indices of a palette are ids, whatever its colours. Only where these are
  the colours of other classes, as in a picture that was reduced to the colours
  in it (GIF, Pillow's `quantize`), they count.

  Args:
    path: of a grey or palette picture.
    dataset: name or class file, for the classes' colours.
    num_classes: C.
    ignore_label: of pixels that count for nothing.

  Returns:
    integers [H, W], u8 where the file has 8 bits; not checked.

  Raises:
    InputError: as `reading.read_labels`, or it cannot be known whether indices
      or colours tell the classes.
  """
  indices, palette = reading.read_indices(path)
  if palette is None or _is_own(palette, dataset, num_classes, ignore_label):
    return indices
  known = _labels_of_colors(dataset, num_classes, ignore_label)
  used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256))
  colors = np.full(256, -1)
  colors[:len(palette)] = dataset_info.pack_colors(palette)
  named = {index: known[colors[index]] for index in used.tolist()
           if colors[index] in known}
  other = [index for index, labels in named.items() if index not in labels]
  # A palette that was made from a picture has each colour once.
  if not other or len(set(colors[used])) < len(used) or _is_ramp(palette):
    return indices
  one_color = len(palette) > 1 and not np.ptp(palette, 0).any()
  if one_color or len(named) < len(used) or any(
      len(labels) > 1 for labels in named.values()):
    raise InputError(
        f'the mask {path} gives the index {other[0]} the color '
        f'{palette[other[0]].tolist()} of label {named[other[0]][0]} of '
        f'{dataset}, and not all of its colors are those of classes: it cannot '
        'be known which of both counts; check --dataset, or save it as a grey '
        'PNG of ids')
  _tell_once(path, dataset)
  table = np.zeros(256, np.uint8)
  table[list(named)] = [labels[0] for labels in named.values()]
  return table[indices]


def _tell_once(path, dataset):
  if dataset not in _told:
    _told.add(dataset)
    warn(f'the mask {path} has the colors of classes of {dataset}, but at '
         'other indices of its palette: colors count, here and in others like '
         'it')


def _is_own(palette, dataset, num_classes, ignore_label):
  """Whether a palette is the data set's, as of masks written here.

  Or that of another one that is built in: --dataset then says no more than the
  classes' names, and may have been left out.
  """
  labels = [*range(num_classes), ignore_label]
  names = {dataset, *dataset_info.NAMES} if (
      dataset in dataset_info.NAMES) else {dataset}
  return len(palette) > max(labels) and any(
      np.array_equal(palette[labels], dataset_info.get(name).palette[labels])
      for name in names)


def _is_ramp(palette):
  """Whether colours are grey levels of their index, as without a palette."""
  levels = np.arange(len(palette), dtype=np.uint8)
  return len(palette) > 1 and (palette == levels[:, None]).all()


def read_ids_or_colors(path, config):
  """Reads a mask of ids or of colours.

  Args:
    path: of a picture.
    config: a `dataset_flags.ClassSettings`.

  Returns:
    i32[H, W].

  Raises:
    InputError: unreadable, a colour of no class, or one that is transparent.
  """
  picture = reading.open_mask(path)
  if picture.mode not in ('RGB', 'RGBA'):
    return read(path, config.dataset, config.classes,
                config.ignore_label).astype(np.int32)
  if picture.mode == 'RGBA':
    pixels = np.array(picture)
    # Black is what programs put where nothing was painted.
    hidden = (pixels[..., 3] == 0) & pixels[..., :3].any(-1)
    if hidden.any():
      raise InputError(
          f'the mask {path} has {hidden.sum()} transparent pixels, whose '
          f'color, as {pixels[hidden][0, :3].tolist()}, nobody sees; fill them '
          'with that of a class or of ignored pixels, and save it without '
          'transparency')
  packed = dataset_info.pack_colors(np.array(picture.convert('RGB')))
  known = _ids_of_colors(config.dataset, config.classes, config.ignore_label)
  colors, places = np.unique(packed, return_inverse=True)
  unknown = [color for color in colors.tolist() if color not in known]
  if unknown:
    raise InputError(
        f'the mask {path} has {(packed == unknown[0]).sum()} pixels of the '
        f'color {list(unknown[0].to_bytes(3, "big"))}, which no class of '
        f'{config.dataset} has; give it to one, or as "ignore_color"')
  ids = np.array([known[color] for color in colors.tolist()], np.int32)
  return ids[places.reshape(packed.shape)]


@functools.lru_cache
def _ids_of_colors(dataset, num_classes, ignore_label):
  """Returns {0xRRGGBB: id} of the classes and of ignored pixels."""
  known = dataset_info.labels_of_colors(dataset, num_classes, ignore_label)
  for labels in known.values():
    if len(labels) > 1:
      raise InputError(
          f'the labels {labels[0]} and {labels[1]} of {dataset} have the same '
          'color, so that masks of colors cannot tell them apart; give each '
          'its own')
  return {color: labels[0] for color, labels in known.items()}
