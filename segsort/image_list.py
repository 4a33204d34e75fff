"""List files: `image mask` a line, as in the 2019 release."""

import dataclasses
import os

from segsort import files
from segsort.errors import InputError


_HOW_TO_MEND = {
    'oversegmentation': 'make them with: python '
    'pyscripts/make_oversegmentation.py --data_list {data_list} --data_dir '
    '{data_dir}'}


@dataclasses.dataclass(frozen=True)
class Example:
  """One line of a list, as paths that can be opened.

  Attributes:
    image: the picture.
    mask: its class ids, or '' where the line has none.
    oversegmentation: its regions: the third column, or the mask's path with
      the folder `segcls` exchanged for `hed`; '' where there is neither.
    name: the image's file name without folder and extension.
    where: `list:line`, for messages.
  """
  image: str
  mask: str
  oversegmentation: str
  name: str
  where: str


def read_list(path, data_dir, needs=('image',)):
  """Reads a list file and checks that what it names is there.

  Args:
    path: the list; blank lines are skipped, the last line may lack its end.
    data_dir: the folder that lines are relative to; a leading slash is fine.
    needs: fields of `Example` whose files must exist.

  Returns:
    A list of `Example`.

  Raises:
    InputError: no list, no lines, a wrong number of columns, a missing file.
  """
  try:
    with open(path, 'rb') as file:
      lines = files.decode_text(file.read()).splitlines()
  except (OSError, ValueError) as error:
    raise InputError(
        f'cannot read the list {path}: {error}; check --data_list') from error
  examples = [
      _parse(line.split(), data_dir, f'{path}:{number}', needs)
      for number, line in enumerate(lines, 1) if line.strip()]
  if not examples:
    raise InputError(f'the list {path} is empty; give one with a line an image')
  _check_files(examples, needs, data_dir)
  return examples


def _parse(columns, data_dir, where, needs):
  """One line's columns to an `Example`."""
  least = 2 if {'mask', 'oversegmentation'} & set(needs) else 1
  if not least <= len(columns) <= 3:
    expected = '1 to 3' if least == 1 else '2 or 3'
    raise InputError(
        f'{where}: {len(columns)} columns, expected {expected}: '
        '`image mask [oversegmentation]`, without spaces in names')
  image, mask, regions = (columns + ['', ''])[:3]
  if 'segcls' in mask and not regions:
    regions = mask.replace('segcls', 'hed')
  image, mask, regions = (
      os.path.join(data_dir, column.lstrip('/')) if column else ''
      for column in (image, mask, regions))
  name = os.path.splitext(os.path.basename(image))[0]
  return Example(image, mask, regions, name, where)


def _check_files(examples, needs, data_dir):
  """Raises for the first missing file, and says how many there are."""
  missing = [
      (example.where, getattr(example, need), need) for example in examples
      for need in needs if not os.path.isfile(getattr(example, need))]
  if missing:
    where, path, need = missing[0]
    place = f'at {path}' if path else (
        'named: neither a third column nor `segcls` in the mask\'s path')
    mend = _HOW_TO_MEND.get(need, 'check --data_dir, or prepare the data')
    raise InputError(
        f'{where}: no {need} {place} ({len(missing)} of '
        f'{len(examples) * len(needs)} files of this list are missing); '
        + mend.format(
            data_list=where.rpartition(':')[0], data_dir=data_dir))


def check_names(examples):
  """Raises InputError where one result would overwrite another."""
  seen = {}
  for example in examples:
    if example.name in seen:
      raise InputError(
          f'{example.where}: a second image named {example.name} (first: '
          f'{seen[example.name]}); results go by name, so rename one')
    seen[example.name] = example.where
