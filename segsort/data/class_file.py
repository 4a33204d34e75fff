"""The classes of a data set of one's own, in a JSON file.

    {"classes": [{"name": "ground", "color": [128, 64, 0]}, {"name": "leaf"}],
     "ignore_label": 255, "ignore_color": [0, 0, 0]}

Class 0 is the first, and so on. What has no colour gets that of PASCAL VOC's
map; the ignore label, of pixels that count for nothing, is 255 if there is
none. An entry may have an "id", its place, as those in the legend.json that
inference writes.
"""

import json

from segsort.errors import InputError

SUFFIX = '.json'
MOST_CLASSES = 255  # ids have 8 bits, and one is for ignored pixels
_EXAMPLE = '{"classes": [{"name": "ground", "color": [128, 64, 0]}]}'


def read(path):
  """Reads a class file.

  Args:
    path: of the JSON.

  Returns:
    A tuple of names; a list of colours [red, green, blue] or None by label,
    that of the ignore label included; the ignore label.

  Raises:
    InputError: unreadable, or not as above; the message says where.
  """
  try:
    with open(path, encoding='utf-8-sig') as file:
      table = json.load(file)
  except OSError as error:
    raise InputError(
        f'cannot read the class file {path}: {error.strerror}; check '
        '--dataset') from error
  except ValueError as error:
    raise InputError(
        f'the class file {path} is not JSON ({error}); expected as '
        f'{_EXAMPLE}') from error
  if not isinstance(table, dict) or not isinstance(
      table.get('classes'), list) or not table['classes']:
    raise InputError(
        f'the class file {path} has no list "classes"; expected as {_EXAMPLE}')
  _refuse_unknown(table, ('classes', 'ignore_label', 'ignore_color'),
                  f'the class file {path}')
  entries = table['classes']
  if len(entries) > MOST_CLASSES:
    raise InputError(
        f'the class file {path} has {len(entries)} classes; masks of 8 bits '
        f'hold at most {MOST_CLASSES}')
  for label, entry in enumerate(entries):
    _check_entry(entry, label, path)
  names = tuple(entry['name'] for entry in entries)
  _refuse_twins(names, path)
  ignore_label = _ignore_label(table, path)
  colors = [entry.get('color') for entry in entries]
  if 'ignore_color' in table:
    _check_color(table['ignore_color'], f'"ignore_color" in {path}')
    colors += [None] * (ignore_label + 1 - len(colors))
    colors[ignore_label] = table['ignore_color']
  return names, colors, ignore_label


def _ignore_label(table, path):
  label = table.get('ignore_label', 255)
  if not _is_byte(label):
    raise InputError(
        f'the class file {path} has the ignore_label {label!r}; it must be a '
        'number from 0 to 255')
  return label


def _check_entry(entry, label, path):
  """Raises InputError unless an entry is a class with this number."""
  where = f'class {label} of the class file {path}'
  if not isinstance(entry, dict) or not isinstance(
      entry.get('name'), str) or not entry['name'].strip():
    raise InputError(
        f'{where} has no name; expected as {{"name": "ground"}}')
  _refuse_unknown(entry, ('name', 'color', 'id'), where)
  if entry.get('id', label) != label:
    raise InputError(
        f'{where} has the id {entry["id"]!r}; the list must be in the order of '
        'ids, from 0 on, without gaps')
  if entry.get('color') is not None:
    _check_color(entry['color'], where)


def _check_color(color, where):
  if not (isinstance(color, list) and len(color) == 3 and all(
      map(_is_byte, color))):
    raise InputError(
        f'{where} has the color {color!r}; expected [red, green, blue], each '
        'from 0 to 255')


def _is_byte(value):
  return type(value) is int and 0 <= value <= 255  # True is no number here


def _refuse_unknown(table, known, where):
  unknown = sorted(set(table) - set(known))
  if unknown:
    raise InputError(
        f'{where} has an unknown entry {unknown[0]!r}; known are '
        + ', '.join(known))


def _refuse_twins(names, path):
  twins = [name for name in names if names.count(name) > 1]
  if twins:
    raise InputError(
        f'the class file {path} has two classes {twins[0]!r}; scores go by '
        'name, so rename one')
