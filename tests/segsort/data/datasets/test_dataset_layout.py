"""Links, lists and masks that every preparation shares."""

import os

import numpy as np
import pytest

from segsort.data import reading
from segsort.data.datasets import dataset_layout
from segsort.errors import InputError
from segsort.runs import files


def test_lines_keep_their_numbers(tmp_path):
  path = tmp_path / 'list.txt'
  path.write_bytes(b'a b\r\n\n  c\n \nd')
  assert dataset_layout.read_lines(str(path)) == [
      (1, 'a b'), (3, 'c'), (5, 'd')]


def test_a_list_that_is_no_text(tmp_path):
  (tmp_path / 'list.txt').write_bytes(b'\xff\xfe\x00')
  with pytest.raises(InputError, match='list.txt is not text'):
    dataset_layout.read_lines(str(tmp_path / 'list.txt'))


@pytest.mark.parametrize('source, target', [
    ('data/unpacked/images', '../unpacked/images'),  # they can move together
    ('far/away/images', None)])
def test_link_target(tmp_path, source, target):
  source, path = tmp_path / source, tmp_path / 'data/layout/images'
  source.mkdir(parents=True)
  for _ in range(2):
    dataset_layout.link_folder(str(source), str(path))
  assert os.readlink(path) == (target or os.path.realpath(source))
  assert path.samefile(source)


def test_a_folder_of_that_name_is_left_alone(tmp_path):
  for name in ('source', 'path'):
    (tmp_path / name).mkdir()
  dataset_layout.link_folder(str(tmp_path / 'source'), str(tmp_path / 'path'))
  assert not (tmp_path / 'path').is_symlink()


def test_a_link_that_cannot_be_made(tmp_path):
  (tmp_path / 'source').mkdir()
  (tmp_path / 'file').write_text('')
  with pytest.raises(InputError, match='cannot make .*file/link'):
    dataset_layout.link_folder(
        str(tmp_path / 'source'), str(tmp_path / 'file/link'))


def test_masks_are_converted_up_to_the_first_bad_one(tmp_path):
  files.write_png(str(tmp_path / 'image.png'), np.zeros((2, 3, 3), np.uint8))
  labels = {'good': [[0, 1, 2], [255, 1, 0]], 'bad': [[0, 0, 3], [0, 0, 0]]}
  jobs = []
  for name in labels:
    (tmp_path / name).write_text('')
    jobs.append(dataset_layout.MaskJob(
        source=str(tmp_path / name), image=str(tmp_path / 'image.png'),
        output=str(tmp_path / f'masks/{name}.png')))
  with pytest.raises(InputError, match='bad has the label 3; expected 0 to 2'):
    dataset_layout.convert_masks(
        jobs, lambda path: np.array(labels[os.path.basename(path)]),
        num_classes=3)
  assert sorted(os.listdir(tmp_path / 'masks')) == ['good.png', 'inputs.jsonl']
  np.testing.assert_array_equal(
      reading.read_mask(jobs[0].output), labels['good'])


def test_masks_follow_the_content_of_their_sources(tmp_path):
  """Whatever their times, as after rsync -a or unzip."""
  files.write_png(str(tmp_path / 'image.png'), np.zeros((1, 2, 3), np.uint8))
  jobs, read = [], []
  for name in 'abcd':
    (tmp_path / name).write_text('0 1')
    jobs.append(dataset_layout.MaskJob(
        source=str(tmp_path / name), image=str(tmp_path / 'image.png'),
        output=str(tmp_path / f'masks/{name}.png'),
        classes=str(tmp_path / 'classes') if name == 'd' else ''))
  (tmp_path / 'classes').write_text('')

  def convert():
    read.clear()
    dataset_layout.convert_masks(jobs, _read, num_classes=2)
    return read, [reading.read_mask(job.output).tolist() for job in jobs]

  def _read(path):
    read.append(os.path.basename(path))
    with open(path, encoding='utf-8') as file:
      return np.array([file.read().split()], int)

  assert convert() == (list('abcd'), [[[0, 1]]] * 4)
  assert not convert()[0]
  (tmp_path / 'b').write_text('1 0')  # corrected, and yet older
  os.utime(tmp_path / 'b', ns=(1, 1))
  os.utime(tmp_path / 'a')  # newer, and yet the same
  os.truncate(jobs[2].output, 40)  # half of a copy
  (tmp_path / 'classes').write_text('others')
  assert convert() == (
      list('bcd'), [[[0, 1]], [[1, 0]], [[0, 1]], [[0, 1]]])
