"""What the preparation of every downloaded data set does: lists, links, masks.

The user's own files are read and linked to, never moved or changed.
"""

import dataclasses
import os
import shutil

import numpy as np
import PIL.Image

from segsort.data import pictures
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import input_records
from segsort.runs import progress


@dataclasses.dataclass(frozen=True)
class MaskJob:
  """One mask to write.

  Attributes:
    source: the annotation as downloaded.
    image: the picture that it belongs to.
    output: the PNG to write.
    classes: a class file that it is read by, or ''.
  """
  source: str
  image: str
  output: str
  classes: str = ''


def read_lines(path):
  """Returns (line number, line) of a text file, without the empty lines.

  Raises:
    InputError: unreadable, or not text.
  """
  try:
    lines = files.decode_text(files.read_bytes(path, 'list')).splitlines()
  except ValueError as error:
    raise InputError(
        f'the list {path} is not text; unpack the data set again') from error
  return [(number, line.strip())
          for number, line in enumerate(lines, start=1) if line.strip()]


def write_list(list_dir, split, lines):
  """Writes LIST_DIR/SPLIT.txt and says so."""
  path = os.path.join(list_dir, f'{split}.txt')
  files.write_text(path, ''.join(f'{line}\n' for line in lines))
  print(f'{path}: {len(lines)} images')


def note_size(split, num_images, published):
  """Says so where a split is not of its published number of images."""
  if num_images != published:
    print(f'note: {split}.txt has {num_images} images, not the published '
          f'{published}: a sample, or incomplete?')


def link_folder(source, path):
  """Makes `path` lead to the folder `source`, by a link or else by a copy.

  Args:
    source: an existing folder.
    path: the new name; left alone if it leads there, or is a folder, already.

  Raises:
    InputError: the source is missing, or `path` leads elsewhere.
  """
  if not os.path.isdir(source):
    raise InputError(
        f'there is no folder {source}; unpack the data set again, or name '
        'its folder')
  if os.path.islink(path) and os.path.realpath(path) != os.path.realpath(
      source):
    raise InputError(
        f'{path} is a link to {os.readlink(path)}, not to {source}; remove '
        'the link or give another --data_dir')
  if os.path.isdir(path):
    return
  try:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
      os.symlink(_link_target(source, path), path)
    except OSError:  # a file system without links
      print(f'copying {source} to {path}')
      shutil.copytree(source, f'{path}.partial', dirs_exist_ok=True)
      os.replace(f'{path}.partial', path)
  except OSError as error:
    raise InputError(
        f'cannot make {path}: {error.strerror or error}; mend the permissions '
        'or give another --data_dir') from error


def _link_target(source, path):
  """Relative where both lie side by side, so that they can move together."""
  source, folder = os.path.realpath(source), os.path.realpath(
      os.path.dirname(path))
  relative = os.path.relpath(source, folder)
  return relative if relative.count(os.pardir) <= 1 else source


def convert_masks(jobs, read, *, num_classes, palette=None, desc='masks',
                  ignore_label=255):
  """Writes the masks that are not written yet, or of other content by now.

  What they were made of is in inputs.jsonl beside them (`input_records`).

  Args:
    jobs: MaskJobs.
    read: function from a source's path to its labels, i32[H, W].
    num_classes: labels are below this, or the ignore label.
    palette: u8[256, 3] of the written PNGs; grey levels if None.
    desc: what progress is called.
    ignore_label: of pixels that count for nothing.

  Raises:
    InputError: names the first file that is missing, corrupt, of another size
      than its image, or has an unknown label.
  """
  waiting = _unwritten(jobs)
  for job in progress.track(waiting, total=len(jobs), desc=desc, unit='mask',
                            initial=len(jobs) - len(waiting)):
    folder, name = os.path.split(job.output)
    before = input_records.stamp(*_made_of(job))
    labels = read(job.source)
    _check_labels(labels, job, num_classes, ignore_label)
    os.makedirs(folder, exist_ok=True)
    input_records.append(
        input_records.record_path(folder), name, _made_of(job), before)
    files.write_png(job.output, labels.astype(np.uint8), palette)


def _made_of(job):
  """The files that a mask is made of."""
  return [path for path in (job.source, job.classes) if path]


def _unwritten(jobs):
  """Returns the jobs whose output is not there, or of other content.

  Of an output without a record, somebody's own or of an earlier version, only
  times can tell.
  """
  by_folder = {}
  for job in jobs:
    folder, name = os.path.split(job.output)
    by_folder.setdefault(folder, {})[name] = job
  waiting = []
  for folder, named in by_folder.items():
    recorded, changed = input_records.compare(
        folder, {name: _made_of(job) for name, job in named.items()})
    waiting += [
        job for name, job in named.items()
        if name in changed or not files.is_whole_png(job.output)
        or name not in recorded and _is_older(job)]
  return waiting


def _is_older(job):
  """Whether the output is older than what it would be made of."""
  return os.path.getmtime(job.output) < max(
      map(os.path.getmtime, _made_of(job)))


def _check_labels(labels, job, num_classes, ignore_label):
  size = _image_size(job.image)
  if labels.shape != size:
    raise InputError(
        f'the mask {job.source} is {labels.shape[0]}x{labels.shape[1]} '
        f'(height x width), its image {job.image} {size[0]}x{size[1]}; '
        + pictures.how_to_fit(
            job.image, size, labels.shape, 'get both files again'))
  unknown = labels[(labels != ignore_label) & (
      (labels < 0) | (labels >= num_classes))]
  if unknown.size:
    raise InputError(
        f'the mask {job.source} has the label {unknown[0]}; expected 0 to '
        f'{num_classes - 1} or {ignore_label} (ignored)')


def _image_size(path):
  """Returns an image's (height, width), from its header alone."""
  try:
    with PIL.Image.open(path) as image:
      return image.size[::-1]
  except (OSError, SyntaxError, ValueError) as error:
    raise InputError(
        f'cannot read the image {path}: it is missing or corrupt; unpack the '
        'data set again') from error
