"""Files written whole or not at all, read and walked."""

import codecs
import contextlib
import io
import json
import os
import pathlib
import threading

import numpy as np
import PIL.Image

from segsort.errors import InputError

_reading = {}  # path by thread


def walk(folder):
  """Walks a folder as os.walk does, in order and through symbolic links.

  A link to a folder that it is in is left out: it would lead round in circles.

  Yields:
    (folder, names of folders, names of files), sorted; folders that are taken
    out of their list are not entered. Nothing where there is no folder.

  Raises:
    InputError: a folder that may not be read.
  """
  above = {folder: _with_parents(folder)}
  for place, folders, names in os.walk(
      folder, onerror=_refuse_folder, followlinks=True):
    inside = above.pop(place)
    paths = {name: os.path.join(place, name) for name in folders}
    folders[:] = sorted(name for name, path in paths.items()
                        if pathlib.Path(os.path.realpath(path)) not in inside)
    for name in folders:
      above[paths[name]] = inside | _with_parents(paths[name])
    yield place, folders, sorted(names)


def _with_parents(folder):
  """Returns the set of the folders that a folder is in, and itself."""
  real = pathlib.Path(os.path.realpath(folder))
  return {real, *real.parents}


def _refuse_folder(error):
  if not isinstance(error, FileNotFoundError):
    raise InputError(
        f'cannot read the folder {error.filename}: {error.strerror}; mend its '
        'permissions or move it away') from error


@contextlib.contextmanager
def open_whole(path):
  """Opens `path` for writing bytes; it appears only when all is written.

  Args:
    path: the file; its folder is made if absent.

  Yields:
    A binary file under a temporary name in the same folder, renamed to `path`
    on success and removed on any error, a full disk or Ctrl-C included.

  Raises:
    InputError: the folder cannot be made or written to, or the disk is full.
  """
  # In the same folder: only within one file system a rename is a single step.
  partial = f'{path}.{os.getpid()}.partial'
  with writing(path):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    try:
      with open(partial, 'wb') as file:
        yield file
      os.replace(partial, path)
    finally:
      with contextlib.suppress(OSError):
        os.remove(partial)


@contextlib.contextmanager
def writing(path):
  """Explains what goes wrong while `path` is written.

  Raises:
    InputError: for any OSError inside.
  """
  try:
    yield
  except OSError as error:
    raise InputError(
        f'cannot write {path}: {error.strerror or error}; free the disk, mend '
        'the permissions, or name another folder') from error


def check_place(path):
  """Raises InputError if `path` cannot be written, before work that is long."""
  partial = f'{path}.{os.getpid()}.partial'
  with writing(path):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(partial, 'wb'):
      os.remove(partial)
    if os.path.isdir(path):
      raise IsADirectoryError(0, 'it is a folder', path)


def write_bytes(path, data):
  """Writes bytes to `path`, whole or not at all."""
  with open_whole(path) as file:
    file.write(data)


def is_whole_png(path):
  """Whether a file is there and ends as a PNG ends.

  Files are renamed into place when they are written, so this looks for what
  copies, full disks and power cuts leave: nothing, or the first part.
  """
  try:
    with open(path, 'rb') as file:
      start = file.read(8)
      file.seek(-12, os.SEEK_END)
      return (start == b'\x89PNG\r\n\x1a\n'
              and file.read() == b'\0\0\0\0IEND\xaeB`\x82')
  except OSError:
    return False


def has_bytes(path, data):
  """Whether there is a file of these bytes."""
  with contextlib.suppress(OSError), open(path, 'rb') as file:
    return file.read() == data
  return False


def write_text(path, text):
  """Writes text as UTF-8 to `path`, whole or not at all.

  Names of files that are no UTF-8 are written as the bytes that they are.
  """
  write_bytes(path, text.encode('utf-8', 'surrogateescape'))


def write_json(path, value):
  """Writes `value` as indented JSON to `path`, whole or not at all."""
  write_text(path, json.dumps(value, indent=2) + '\n')


def write_array(path, array):
  """Writes a numpy array as .npy to `path`, whole or not at all."""
  with open_whole(path) as file:
    np.save(file, array, allow_pickle=False)


def write_png(path, pixels, palette=None):
  """Writes a PNG, whole or not at all.

  Args:
    path: the file.
    pixels: u8[H, W] (grey, or indices into `palette`) or u8[H, W, 3] RGB.
    palette: u8[256, 3], or None.
  """
  picture = PIL.Image.fromarray(pixels)
  if palette is not None:
    picture.putpalette(np.asarray(palette, np.uint8).tobytes())
  data = io.BytesIO()
  picture.save(data, format='PNG')
  write_bytes(path, data.getvalue())


def read_bytes(path, what='file'):
  """Returns a file's bytes; an InputError names `what` it should have been."""
  thread = threading.get_ident()
  _reading[thread] = path
  try:
    with open(path, 'rb') as file:
      return file.read()
  except OSError as error:
    raise InputError(
        f'cannot read the {what} {path}: {error.strerror}; check the list '
        'line and --data_dir') from error
  finally:
    del _reading[thread]


def being_read():
  """Returns the paths that threads are in `read_bytes` of, sorted."""
  return sorted(set(_reading.values()))


def decode_text(data):
  """Returns the text in bytes that people saved, whatever their editor.

  Args:
    data: UTF-8, or UTF-16 with a byte order mark, which is left out. Other
      bytes stay what they are in names of files (`surrogateescape`).

  Raises:
    ValueError: they are no text.
  """
  if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
    return data.decode('utf-16')
  if b'\0' in data:
    raise ValueError('it is not text')
  return data.decode('utf-8-sig', 'surrogateescape')
