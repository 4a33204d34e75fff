"""Class names as people call them, from a data set or from a file."""

from segsort.data import dataset_info
from segsort.errors import InputError
from segsort.explanation import page
from segsort.runs import files


def read_names(path, num_classes):
  """Reads a file with a class name a line.

  Args:
    path: the file, UTF-8; blank lines at its end count for nothing.
    num_classes: C.

  Returns:
    A tuple of C names.

  Raises:
    InputError: no such file, or another number of names.
  """
  try:
    text = files.read_bytes(path, 'class list').decode('utf-8-sig')
  except ValueError as error:
    raise InputError(
        f'{path} is not text in UTF-8 ({error}); check --class_names'
    ) from error
  names = tuple(line.strip() for line in text.rstrip().splitlines())
  if len(names) != num_classes:
    raise InputError(
        f'{path} names {len(names)} classes, but there are {num_classes}; '
        'check --class_names, --num_classes and --dataset')
  return names


def of_run(config):
  """Returns the `page.Classes` of a `flags.PrototypeFlags`."""
  names = dataset_info.class_names(config.dataset, config.classes)
  if config.class_names:
    names = read_names(config.class_names, config.classes)
  palette = dataset_info.get(config.dataset).palette
  return page.Classes(names, tuple(
      '#{:02x}{:02x}{:02x}'.format(*palette[label])
      for label in range(len(names))))
