"""The rows of the golden check: one per stored quantity."""

import contextlib
import json
import os

import numpy as np

from segsort.data import reading
from segsort.errors import InputError

EXACT = 0.
FLOATS = 1e-5  # of the largest magnitude: cases c1 to c5, c9 and c10


class Report:
  """Prints rows and counts them.

  Attributes:
    passed: rows within their tolerance.
    failed: the others.
    left_out: what was not compared, because no error could be told there.
    worst: {case: (error / tolerance, key)} of the inexact rows that passed.
  """

  def __init__(self, folder):
    """Takes the folder of golden files."""
    self.folder = folder
    self.passed = self.failed = self.left_out = 0
    self.worst = {}

  def row(self, case, key, error, tolerance, note=''):
    """Prints and counts one row; an error that is not a number fails."""
    ok = bool(error <= tolerance)
    self.passed += ok
    self.failed += not ok
    if ok and tolerance:
      self.worst[case] = max(
          self.worst.get(case, (0., '')), (error / tolerance, key))
    print(f'{case:5s} {key:68s} {error:9.2e} {tolerance:8.1e} '
          f'{"ok" if ok else "FAIL"}{"  " + note if note else ""}')

  def leave_out(self, case, key, note):
    """Prints and counts what is not compared, and says why."""
    self.left_out += 1
    print(f'{case:5s} {key:68s} left out  {note}')

  def fail(self, case, key, note):
    """Prints and counts what could not even be compared."""
    self.row(case, key, np.inf, EXACT, note)

  @contextlib.contextmanager
  def guard(self, case, key):
    """Turns whatever goes wrong inside into one failing row."""
    try:
      yield
    except Exception as error:  # noqa: BLE001  (a check must go on)
      lines = str(error).splitlines() or ['']
      self.fail(case, key, f'{type(error).__name__}: {lines[0][:150]}')

  def compare(self, case, key, ours, golden, tolerance=FLOATS):
    """Compares two arrays and prints the row.

    Args:
      case: e.g. 'c2'.
      key: the quantity's name.
      ours: array or tensor.
      golden: array of the same shape.
      tolerance: of the largest difference, as a fraction of the largest golden
        magnitude; EXACT for equality.
    """
    ours, golden = np.asarray(ours), np.asarray(golden)
    if ours.shape != golden.shape:
      self.fail(case, key, f'shape {ours.shape}, golden {golden.shape}')
      return
    self.row(case, key, difference(ours, golden, tolerance), tolerance)

  def compare_scaled(self, case, key, ours, golden, scale, tolerance):
    """Compares against a magnitude other than the quantity's own."""
    error = np.abs(np.asarray(ours, float) - np.asarray(golden, float)).max()
    self.row(case, key, float(error / scale), tolerance)

  def unit_length(self, case, key, vectors):
    """Checks an input that the release takes for granted; NaN rows apart."""
    lengths = np.linalg.norm(vectors, axis=-1)
    lengths = lengths[~np.isnan(vectors).any(-1)]
    self.row(case, f'{key}: unit length',
             float(np.abs(lengths - 1).max(initial=0.)), 1e-6)

  def path(self, name):
    """Returns the path of a golden file; raises where it is missing."""
    path = os.path.join(self.folder, name)
    if not os.path.exists(path):
      raise FileNotFoundError(f'missing: {path}')
    return path

  def fields(self, name):
    """Opens an npz file as `Fields`."""
    with np.load(self.path(name)) as file:
      return Fields({key: file[key] for key in file})

  def json(self, name):
    """Reads a JSON file."""
    with open(self.path(name), encoding='utf-8') as file:
      return json.load(file)

  def unread(self, case, keys):
    """Fails keys that nothing has looked at, in one row.

    Args:
      case: e.g. 'c2'.
      keys: a set of names.
    """
    if keys:
      self.fail(case, 'unknown keys',
                f'nothing compares these {len(keys)}, first {min(keys)}')


def difference(ours, golden, tolerance):
  """Returns the error of a row.

  Exact quantities count what differs; others give the largest difference over
  the largest magnitude: NaN, which no tolerance covers, if either holds NaN.
  """
  if tolerance == EXACT:
    return float(np.count_nonzero(ours != golden))
  if not golden.size:
    return 0.
  differences = np.abs(ours.astype(float) - golden.astype(float))
  return float(differences.max() / (np.abs(golden).max() or 1.))


def zero_for_nan(golden):
  """Rows that are NaN in the release, empty or zero, are zero here."""
  return np.where(np.isnan(golden), 0., golden).astype(golden.dtype)


class Fields:
  """The arrays of a file; remembers which of them were read."""

  def __init__(self, arrays):
    """Takes a dict of arrays."""
    self._arrays = arrays
    self._read = set()

  def __getitem__(self, key):
    """Returns an array; KeyError names what is missing."""
    if key not in self._arrays:
      raise KeyError(f'{key} is missing')
    self._read.add(key)
    return self._arrays[key]

  def __contains__(self, key):
    return key in self._arrays

  def groups(self, prefix='', suffix=''):
    """Returns what stands between prefix and suffix in keys, in file order."""
    return list(dict.fromkeys(
        key[len(prefix):len(key) - len(suffix)] for key in self._arrays
        if key.startswith(prefix) and key.endswith(suffix)
        and len(key) >= len(prefix) + len(suffix)))

  def unread(self):
    """Returns the keys that were never asked for."""
    return self._arrays.keys() - self._read


def read_mask(report, name):
  """Reads a golden label picture; raises where it is missing or damaged."""
  try:
    return reading.read_mask(report.path(name))
  except InputError as error:
    raise ValueError(str(error)) from error
