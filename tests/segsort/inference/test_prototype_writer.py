"""Sets that are appended to: the bytes of numpy, after any interruption."""

import json
import resource
import signal

import numpy as np
import pytest

from segsort.errors import InputError
from segsort.inference import prototype_set
from segsort.inference import prototype_writer

DIM = 5


@pytest.fixture(name='images')
def _images(rng):
  """Arguments of `append`, one image without any prototype."""
  images = []
  for i, rows in enumerate((3, 0, 1, 7)):
    segments = np.zeros(rows, prototype_set.SEGMENT)
    segments['pixels'] = rng.integers(1, 99, rows)
    images.append((f'JPEGImages/é{i}.jpg',
                   rng.normal(size=(rows, DIM)).astype(np.float32),
                   rng.integers(0, 9, rows).astype(np.int32), segments))
  return images


def _write(folder, images, finish=True):
  folder.mkdir(exist_ok=True)
  with prototype_writer.PrototypeWriter(str(folder), DIM) as writer:
    done = len(writer.images)
    for image in images[done:]:
      writer.append(*image)
    if finish:
      writer.finish()
  return done


def _bytes(folder):
  return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_those_of_numpy(tmp_path, images):
  _write(tmp_path / 'set', images)
  features, labels, segments = (
      np.concatenate([image[i] for image in images]) for i in (1, 2, 3))
  segments['image'] = [0] * 3 + [2] + [3] * 7
  for name, array in ((prototype_set.FEATURES, features),
                      (prototype_set.LABELS, labels),
                      (prototype_set.SEGMENTS, segments)):
    np.save(tmp_path / name, array)
    assert _bytes(tmp_path / 'set')[name] == (tmp_path / name).read_bytes()
  lines = (tmp_path / 'set' / prototype_set.IMAGES).read_text().splitlines()
  assert list(map(json.loads, lines)) == [
      {'image': image[0], 'prototypes': len(image[1])} for image in images]
  found, paths = prototype_set.load_segments(str(tmp_path / 'set'))
  np.testing.assert_array_equal(found, segments)
  assert paths == [image[0] for image in images]
  assert len(_bytes(tmp_path / 'set')) == 4


def test_nothing_passes_for_finished_before_the_end(tmp_path, images):
  _write(tmp_path, images, finish=False)
  assert not prototype_set.is_finished(str(tmp_path))
  assert all(name.endswith('.partial') for name in _bytes(tmp_path))
  with pytest.raises(InputError, match='extraction has not finished: give'):
    prototype_set.load(str(tmp_path), DIM, 9)


def _cut(path, count):
  path.write_bytes(path.read_bytes()[:-count])


def _append(path, data):
  path.write_bytes(path.read_bytes() + data)


# What a kill leaves, and how many of three images are still whole.
@pytest.mark.parametrize('name, damage, whole', (
    ('prototype_images.jsonl', lambda path: None, 3),
    ('prototype_images.jsonl', lambda path: _cut(path, 1), 2),
    ('prototype_images.jsonl', lambda path: _append(path, b'{"imag'), 3),
    ('prototype_images.jsonl', lambda path: path.write_bytes(b''), 0),
    ('prototype_images.jsonl', lambda path: path.unlink(), 0),
    ('prototype_features.npy', lambda path: _append(path, bytes(33)), 3),
    ('prototype_features.npy', lambda path: _cut(path, 1), 2),
    ('prototype_labels.npy', lambda path: _append(path, bytes(8)), 3),
    ('prototype_labels.npy', lambda path: _cut(path, 5), 0),
    ('prototype_segments.npy', lambda path: _append(path, bytes(1)), 3),
    ('prototype_segments.npy', lambda path: path.unlink(), 0)))
def test_a_killed_run_is_gone_on_with(tmp_path, images, name, damage, whole):
  _write(tmp_path / 'whole', images)
  _write(tmp_path / 'cut', images[:3], finish=False)
  damage(tmp_path / 'cut' / f'{name}.partial')
  assert _write(tmp_path / 'cut', images) == whole
  assert _bytes(tmp_path / 'cut') == _bytes(tmp_path / 'whole')


def test_a_kill_between_the_last_renames(tmp_path, images):
  _write(tmp_path / 'whole', images)
  _write(tmp_path / 'cut', images)
  features = tmp_path / 'cut' / prototype_set.FEATURES
  features.rename(f'{features}.partial')
  assert _write(tmp_path / 'cut', images) == 4
  assert _bytes(tmp_path / 'cut') == _bytes(tmp_path / 'whole')


def test_two_processes_do_not_write_one_set(tmp_path, images):
  with prototype_writer.PrototypeWriter(str(tmp_path), DIM) as writer:
    writer.append(*images[0])
    with pytest.raises(InputError, match='another process .* is at work'):
      _write(tmp_path, images)
    writer.append(*images[1])
    assert len(writer.images) == 2
  assert _write(tmp_path, images) == 2


def test_a_full_disk_is_one_line_and_what_fits_is_kept(tmp_path, images):
  _write(tmp_path / 'whole', images)
  handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
  limits = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (400, limits[1]))
  try:
    with pytest.raises(InputError, match=(
        'cannot write .*prototype_.*; free the disk')) as raised:
      _write(tmp_path / 'full', images)
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)
  assert '\n' not in str(raised.value)
  assert not prototype_set.is_finished(str(tmp_path / 'full'))
  _write(tmp_path / 'full', images)
  assert _bytes(tmp_path / 'full') == _bytes(tmp_path / 'whole')
