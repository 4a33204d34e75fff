"""Pictures and masks of one's own, from two folders to lists.

    DATA_DIR/images/X.jpg       of any format, in subfolders as well; only read
    DATA_DIR/masks/X.png        under the same names; only read
    DATA_DIR/segcls/X.png       written: class ids, palette
    LIST_DIR/all.txt            every image
    LIST_DIR/{train,val}.txt    those with a mask

A mask holds class ids, or the colours of the classes. The lines of `all` name
the mask that an image has or could have: training without labels finds its
regions by that name.
"""

import dataclasses
import functools
import hashlib
import os


from segsort.data import class_masks
from segsort.data import class_shares
from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import pictures
from segsort.data.class_file import SUFFIX
from segsort.data.dataset_flags import ClassSettings
from segsort.data.datasets import dataset_layout
from segsort.data.datasets.dataset_layout import MaskJob
from segsort.errors import InputError, warn
from segsort.runs import files
from segsort.runs.settings import setting

WRITTEN = 'segcls'


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnConfig(ClassSettings):
  """Where the pictures and masks are, and how they are divided."""

  NOT_NEGATIVE = (*ClassSettings.NOT_NEGATIVE, 'val_share')
  BELOW = {**ClassSettings.BELOW, 'val_share': 1}

  data_dir: str = setting(
      text='folder that has the pictures; list lines start from here')
  image_dir: str = setting('', 'the pictures; if empty, images in --data_dir')
  mask_dir: str = setting('', 'the masks; if empty, masks in --data_dir')
  list_dir: str = setting('', 'folder for the lists; if empty, --data_dir')
  val_share: float = setting(0.2, 'of the images with a mask, for val.txt')
  random_seed: int = setting(1, 'of the division into train and val')

  @property
  def folders(self):
    """(pictures, masks, lists)."""
    return (self.image_dir or os.path.join(self.data_dir, 'images'),
            self.mask_dir or os.path.join(self.data_dir, 'masks'),
            self.list_dir or self.data_dir)


def prepare(config):
  """Writes masks and lists of your own pictures.

  Args:
    config: an OwnConfig.

  Raises:
    InputError: no pictures, or a name, a picture or a mask that will not do.
  """
  image_dir, mask_dir, list_dir = config.folders
  output = os.path.join(config.data_dir, WRITTEN)
  if os.path.realpath(mask_dir) == os.path.realpath(output):
    raise InputError(
        f'the masks are in {output}, where those that training reads are '
        'written; rename the folder, say masks, or train with lists of yours')
  examples = find_images(image_dir, config.data_dir, [mask_dir, output])
  lines = {example.name: _line(example, config.data_dir)
           for example in examples}
  dataset_layout.write_list(list_dir, 'all', list(lines.values()))
  jobs = find_masks(examples, image_dir, mask_dir, config)
  if not jobs:
    print(f'no masks in {mask_dir}: train.txt and val.txt are not written')
    return
  info = dataset_info.get(config.dataset)
  dataset_layout.convert_masks(
      list(jobs.values()), functools.partial(
          class_masks.read_ids_or_colors, config=config),
      num_classes=config.classes, palette=info.palette,
      ignore_label=config.ignore_label)
  class_shares.tell([job.output for job in jobs.values()], config)
  for split, names in divide(
      list(jobs), config.val_share, config.random_seed).items():
    if names:
      dataset_layout.write_list(
          list_dir, split, [lines[name] for name in names])


def find_images(image_dir, data_dir, leave_out=()):
  """Lists the pictures, whose names must do for lists and results.

  Args:
    image_dir: folder of pictures in `data_dir`, subfolders included.
    data_dir: what list lines are relative to.
    leave_out: folders within `image_dir` that hold masks.

  Returns:
    A list of `image_list.Example` by path; the name is that of the file, as
    `folder-file` where files in several folders are called alike.

  Raises:
    InputError: none, or names with spaces, alike, or outside of `data_dir`.
  """
  if os.path.relpath(image_dir, data_dir).split(os.sep)[0] == os.pardir:
    raise InputError(
        f'the pictures in {image_dir} are not in --data_dir {data_dir}, which '
        'list lines are relative to; move them there')
  found = pictures.find_pictures(image_dir, leave_out)
  names = [os.path.splitext(os.path.basename(example.image))[0]
           for example in found]
  if len(set(names)) < len(names):
    names = [image_list.flatten(os.path.relpath(example.image, image_dir))
             for example in found]
  examples = [dataclasses.replace(example, name=name)
              for example, name in zip(found, names)]
  for example in examples:
    if len(os.path.relpath(example.image, data_dir).split()) > 1:
      raise InputError(
          f'the picture {example.image!r} has a space in its name, at which '
          'list lines are divided; rename it')
  image_list.check_names(examples)
  pictures.check_pictures([example.image for example in examples])
  return examples


def _line(example, data_dir):
  """The list line of a picture, whether it has a mask or not."""
  image = os.path.relpath(example.image, data_dir).replace(os.sep, '/')
  return f'/{image} /{WRITTEN}/{example.name}.png'


def find_masks(examples, image_dir, mask_dir, config):
  """Finds the masks of pictures.

  Args:
    examples: what `find_images` returned.
    image_dir: folder of the pictures.
    mask_dir: folder of the masks, under the same names but for the suffix.
    config: an OwnConfig.

  Returns:
    {name: MaskJob} of the pictures that have one.

  Raises:
    InputError: a picture has two masks.
  """
  found = {}
  for place, _, names in files.walk(mask_dir):
    for stem, suffix in map(os.path.splitext, names):
      if suffix.lower() in pictures.SUFFIXES and not stem.startswith('.'):
        path = os.path.join(place, stem)
        other = found.setdefault(os.path.relpath(path, mask_dir), path + suffix)
        if other != path + suffix:
          raise InputError(
              f'{other} and {path + suffix} are both masks of one picture; '
              'move one of them away')
  jobs = {}
  for example in examples:
    stem = os.path.splitext(os.path.relpath(example.image, image_dir))[0]
    if stem in found:
      jobs[example.name] = MaskJob(
          source=found.pop(stem), image=example.image,
          output=os.path.join(config.data_dir, WRITTEN, f'{example.name}.png'),
          classes=config.dataset if config.dataset.endswith(SUFFIX) else '')
  if found:
    warn(f'{len(found)} masks, the first {min(found.values())}, have no '
         f'picture of that name in {image_dir}')
  if jobs and len(jobs) < len(examples):
    print(f'{len(examples) - len(jobs)} of {len(examples)} pictures have no '
          'mask: they are in all.txt alone')
  return jobs


def divide(names, val_share, seed):
  """Divides images into train and val, each image much the same every time.

  Args:
    names: of images; one more or less leaves most others where they were.
    val_share: of them, at least one and never all.
    seed: of the division.

  Returns:
    {'train': names, 'val': names}, in order.
  """
  def rank(name):
    return hashlib.sha256(os.fsencode(f'{seed}/{name}')).digest()
  num_val = 0
  if val_share > 0:
    num_val = min(max(round(val_share * len(names)), 1), len(names) - 1)
  val = set(sorted(names, key=rank)[:num_val])
  return {'train': [name for name in names if name not in val],
          'val': [name for name in names if name in val]}
