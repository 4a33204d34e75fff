"""Prototype sets written image by image, to be gone on with after any stop.

While a set is written, its files are NAME.partial, to which each image appends.
The last line of prototype_images.jsonl.partial says up to where they count:
what a killed process wrote after it is cut off. In the end the files get their
names, the features last: a folder with prototype_features.npy is finished.
"""

import contextlib
import json
import os

import numpy as np

from segsort.inference import prototype_set
from segsort.runs import files
from segsort.runs import folder_lock


class PrototypeWriter:
  """Appends to the prototype set in a folder; a context manager.

  Attributes:
    images: what is known of the images done: dicts of `image`, its path, and
      `prototypes`, their number.
  """

  def __init__(self, folder, embedding_dim):
    """Goes on with a set, or starts one.

    Args:
      folder: exists.
      embedding_dim: D.

    Raises:
      InputError: another process is writing there, or the folder cannot be
        written to.
    """
    self._folder = folder
    self._dim = embedding_dim
    self._files = {}

  def __enter__(self):
    with contextlib.ExitStack() as opened:
      opened.enter_context(folder_lock.alone(
          self._folder, 'writer',
          'give each its own --shard_index of --num_shards'))
      for name in (prototype_set.IMAGES, *prototype_set.ARRAYS):
        path = os.path.join(self._folder, name)
        with files.writing(path):
          if os.path.exists(path):  # a kill between the last renames
            os.replace(path, f'{path}.partial')
          # Unbuffered: what a kill leaves is what was appended.
          self._files[name] = opened.enter_context(
              open(f'{path}.partial', 'ab+', buffering=0))
      self._cut()
      self._close = opened.pop_all().close
    return self

  def __exit__(self, *unused):
    self._close()

  def _cut(self):
    """Cuts all files to the images that are whole in each of them."""
    with files.writing(self._folder):
      self.images = self._whole_images()
      lines = sum(len(_line(image)) for image in self.images)
      self._files[prototype_set.IMAGES].truncate(lines)
      for name in prototype_set.ARRAYS:
        header = self._header(name, 0)
        if not self.images:
          self._files[name].truncate(0)
          _write(self._files[name], header)
        self._files[name].truncate(
            len(header) + self.num_prototypes * self._item(name).itemsize)

  def _whole_images(self):
    """The images whose line and rows are there, from the first on."""
    rows = min((os.fstat(self._files[name].fileno()).st_size
                - len(self._header(name, 0))) // self._item(name).itemsize
               for name in prototype_set.ARRAYS)
    images, used = [], 0
    file = self._files[prototype_set.IMAGES]
    file.seek(0)
    for line in file.read().split(b'\n')[:-1]:
      with contextlib.suppress(ValueError):
        image = json.loads(line)
        used += image['prototypes']
        if used <= rows and _line(image) == line + b'\n':
          images.append(image)
          continue
      break
    return images

  @property
  def num_prototypes(self):
    """How many prototypes the images done have."""
    return sum(image['prototypes'] for image in self.images)

  def _item(self, name):
    """The dtype of one row of an array."""
    row = prototype_set.ARRAYS[name]
    if name == prototype_set.FEATURES:
      return np.dtype((row, (self._dim,)))
    return np.dtype(row)

  def _header(self, name, num_rows):
    """What numpy writes before `num_rows` rows: as long for any number."""
    item = self._item(name)
    return prototype_set.npy_header(item.base, (num_rows, *item.shape))

  def append(self, image, features, labels, segments):
    """Appends the prototypes of one image; the order is the caller's.

    Args:
      image: its path.
      features: f32[S, D].
      labels: i32[S].
      segments: prototype_set.SEGMENT[S]; their `image` is set here.

    Raises:
      InputError: the disk is full.
    """
    segments = segments.copy()
    segments['image'] = len(self.images)
    self.append_rows([{'image': image, 'prototypes': len(labels)}],
                     features, labels, segments)

  def append_rows(self, images, features, labels, segments):
    """Appends the prototypes of several images, for which arguments see above.

    Args:
      images: as the attribute.
      features: f32[S, D].
      labels: i32[S].
      segments: prototype_set.SEGMENT[S].
    """
    arrays = dict(zip(prototype_set.ARRAYS, (features, labels, segments)))
    for name, rows in arrays.items():
      with files.writing(os.path.join(self._folder, name)):
        _write(self._files[name], np.ascontiguousarray(
            rows, self._item(name).base).tobytes())
    # After the rows: a line says that they are whole.
    with files.writing(os.path.join(self._folder, prototype_set.IMAGES)):
      _write(self._files[prototype_set.IMAGES], b''.join(map(_line, images)))
    self.images += images

  def finish(self):
    """Gives the files their headers and their names, the features' last."""
    for name in prototype_set.ARRAYS:
      with files.writing(os.path.join(self._folder, name)):
        # A file opened for appending writes at its end, wherever it was sent.
        with open(self._files[name].name, 'rb+') as file:
          file.write(self._header(name, self.num_prototypes))
          file.flush()
          # On the disk before it has its name, which says that it is finished.
          os.fsync(file.fileno())
    for name in (*reversed(prototype_set.ARRAYS), prototype_set.IMAGES):
      if name != prototype_set.FEATURES:
        self._rename(name)
    self._rename(prototype_set.FEATURES)

  def _rename(self, name):
    path = os.path.join(self._folder, name)
    with files.writing(path):
      os.replace(f'{path}.partial', path)


def _line(image):
  """What prototype_images.jsonl says of an image."""
  return json.dumps(image).encode('utf-8') + b'\n'


def _write(file, data):
  """Writes all bytes; an unbuffered file may take a part."""
  view = memoryview(data)
  while view:
    view = view[file.write(view):]
