"""List files: `image mask` a line, as in the 2019 release."""

import collections
import dataclasses
import os

from segsort.errors import InputError, warn
from segsort.runs import files


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
    name: the image's file name without folder and extension; with the folders
      where those are needed to tell it from others of the list.
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
    InputError: no list, no lines, a wrong number of columns, a missing file,
      an image that is its own mask.
  """
  try:
    with open(path, 'rb') as file:
      lines = files.decode_text(file.read()).splitlines()
  except (OSError, ValueError) as error:
    raise InputError(
        f'cannot read the list {path}: {error}; check --data_list') from error
  examples = tell_apart([
      _parse(line.split(), data_dir, f'{path}:{number}', needs)
      for number, line in enumerate(lines, 1) if line.strip()])
  if not examples:
    raise InputError(f'the list {path} is empty; give one with a line an image')
  _check_files(examples, needs, data_dir)
  again = len(examples) - len({example.image for example in examples})
  if again:
    warn(f'{again} of {len(examples)} lines of {path} name an image that an '
         'earlier line names: it counts more than once')
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
  # Of a list without labels, the second column only fills its place.
  if image == regions or (image == mask and 'mask' in needs):
    raise InputError(
        f'{where}: {image} is the image and its own mask; name the picture '
        'first, then the mask')
  return Example(image, mask, regions, _name_of(image, mask), where)


def _stem(path):
  return os.path.splitext(os.path.basename(path))[0]


def _name_of(image, mask):
  """The image's name; that of its mask if this is `FOLDER-NAME`, see `flatten`.

  So each line says what its results are called: a picture has one name in all
  lists, and its mask that of its results.
  """
  name, own = _stem(image), _stem(mask)
  if own.endswith(f'-{name}') and flatten(image).endswith(f'-{own}'):
    return own
  return name


def flatten(path):
  """Returns a file name for a path: `a-b` for `a/b.png`."""
  return os.path.splitext(path)[0].replace(os.sep, '-')


def tell_apart(examples):
  """Returns the examples, with folders in their names if some are alike."""
  images = [example.image for example in examples]
  if len({example.name for example in examples}) == len(examples) or (
      len(set(images)) < len(images)):  # a line twice, see `check_names`
    return examples
  shared = os.path.commonpath(map(os.path.dirname, images))
  names = result_names([os.path.relpath(image, shared) for image in images])
  return [dataclasses.replace(example, name=name)
          for example, name in zip(examples, names)]


def result_names(paths):
  """Names results after pictures, no two alike on any file system.

  Args:
    paths: list of different paths.

  Returns:
    A name per path: without the suffix, as `a/b` for `a/b.png`; with it where
    another picture has, or could then have, the same name, as `b.jpg`.
  """
  stems = [os.path.splitext(path)[0] for path in paths]
  taken = collections.Counter(
      name.casefold() for name in (*stems, *paths))
  return [stem if taken[stem.casefold()] == 1 else path
          for path, stem in zip(paths, stems)]


def with_regions(examples, folder):
  """Takes the oversegmentations of a folder, as make_oversegmentation.py names
  them.

  Args:
    examples: list of `Example`.
    folder: with a NAME.png for each of them.

  Returns:
    A list of `Example`.

  Raises:
    InputError: a file is missing.
  """
  examples = [
      dataclasses.replace(example, oversegmentation=os.path.join(
          folder, f'{example.name}.png')) for example in examples]
  missing = [example for example in examples
             if not os.path.isfile(example.oversegmentation)]
  if missing:
    raise InputError(
        f'{missing[0].where}: no regions at {missing[0].oversegmentation} '
        f'({len(missing)} of {len(examples)} files are missing); check '
        '--regions_dir, or make them with pyscripts/make_oversegmentation.py '
        f'--save_dir {folder}')
  return examples


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
