"""Which classes the masks of a data set have, told before hours are spent."""

import numpy as np

from segsort.data import class_masks
from segsort.data import dataset_info
from segsort.errors import warn

MOST_READ = 100  # masks: a second or two, however large the data set
MOST_NAMED = 10  # classes


def tell(paths, config):
  """Prints which classes have no pixel and what share of pixels is ignored.

  Warns where there is no more than one class, so that nothing can be learnt.

  Args:
    paths: of masks; of more than MOST_READ as many are read, evenly spread.
    config: a `dataset_flags.ClassSettings`.

  Raises:
    InputError: a mask cannot be read.
  """
  chosen = [paths[len(paths) * i // MOST_READ] for i in range(MOST_READ)] if (
      len(paths) > MOST_READ) else paths
  counts, ignored, total = _count(chosen, config)
  names = dataset_info.class_names(config.dataset, config.classes)
  absent = [name for name, count in zip(names, counts) if not count]
  where = f'{len(paths)} masks' if chosen is paths else (
      f'a sample of {len(chosen)} of {len(paths)} masks')
  print(f'{where}: {100 * ignored / max(total, 1):.1f} % of the pixels are '
        f'ignored, {len(absent) or "none"} of {len(names)} classes '
        f'{"has" if len(absent) == 1 else "have"} no pixel'
        + (f': {_named(absent)}' if absent else ''))
  if len(absent) >= len(names) - 1:
    found = [name for name in names if name not in absent]
    held = f'one class only, {found[0]}' if found else 'no class at all'
    warn(f'{where} hold {held}, beside {100 * ignored / max(total, 1):.1f} % '
         f'of pixels with the ignore label {config.ignore_label}: there is '
         'nothing to tell apart; check the ids in them, as '
         f'{chosen[0]}, --dataset and --ignore_label')


def _count(paths, config):
  """Counts i64[C] pixels of classes, ignored ones, and all."""
  counts, ignored, total = np.zeros(config.classes, np.int64), 0, 0
  for path in paths:
    labels = class_masks.read(
        path, config.dataset, config.classes, config.ignore_label)
    known = labels != config.ignore_label
    ignored += labels.size - np.count_nonzero(known)
    total += labels.size
    # Others are refused where they are used, with their list line.
    known &= (labels >= 0) & (labels < config.classes)
    counts += np.bincount(
        labels[known].astype(np.int64), minlength=config.classes)
  return counts, ignored, total


def _named(names):
  more = ', ...' if len(names) > MOST_NAMED else ''
  return ', '.join(names[:MOST_NAMED]) + more
