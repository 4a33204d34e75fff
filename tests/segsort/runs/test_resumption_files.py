"""What resumption tells of files: whether whole, whether the same."""

import numpy as np
import pytest

from segsort.checkpoints import checkpoint
from segsort.runs import files
from segsort.runs import run_record


@pytest.mark.parametrize('data', (b'', b'\x89PNG\r\n\x1a\n', b'no picture' * 9))
def test_what_does_not_begin_and_end_as_a_png_is_not_whole(tmp_path, data):
  path = tmp_path / 'a.png'
  assert not files.is_whole_png(str(path))
  files.write_png(str(path), np.zeros((3, 4), np.uint8))
  assert files.is_whole_png(str(path))
  whole = path.read_bytes()
  path.write_bytes(data)
  assert not files.is_whole_png(str(path))
  path.write_bytes(whole[:-12] + bytes(12))  # a power cut
  assert not files.is_whole_png(str(path))


def test_a_folder_of_checkpoints_is_its_newest_one(tmp_path):
  checkpoint.save(str(tmp_path / 'model.ckpt-1'), {'a': np.zeros(3)})
  first = checkpoint.digest(str(tmp_path))
  assert first == checkpoint.digest(f'{tmp_path}/model.ckpt-1')
  checkpoint.save(str(tmp_path / 'model.ckpt-2'), {'a': np.eye(1)[0]})
  second = checkpoint.digest(str(tmp_path))
  checkpoint.save(str(tmp_path / 'model.ckpt-2'), {'a': np.zeros(1)})
  # Other weights of the same shape, under the same name.
  assert len({first, second, checkpoint.digest(str(tmp_path))}) == 3


def test_a_digest_tells_files_apart_from_their_concatenation(tmp_path):
  for name, data in (('a', b'12'), ('b', b'3'), ('c', b'1'), ('d', b'23')):
    (tmp_path / name).write_bytes(data)
  paths = {name: str(tmp_path / name) for name in 'abcdx'}
  digests = [run_record.digest(*(paths[name] for name in names))
             for names in ('ab', 'cd', 'ba', 'a', 'ax', 'x')]
  assert len(set(digests)) == 6
