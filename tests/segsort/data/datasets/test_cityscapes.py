"""Cityscapes from a tree as its archives unpack."""

import numpy as np
import PIL.Image
import pytest

from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import cityscapes as cityscapes_dataset
from segsort.errors import InputError
from segsort.runs import files

LABELS = np.arange(34, dtype=np.uint8).reshape(2, 17)


def write_image(source, split, city, name, labels=LABELS):
  """Writes an image and its label ids; returns the image's path."""
  image = source / f'leftImg8bit/{split}/{city}/{name}_leftImg8bit.png'
  files.write_png(str(image), np.zeros((*np.shape(LABELS), 3), np.uint8))
  if labels is not None:
    files.write_png(
        str(source / f'gtFine/{split}/{city}/{name}_gtFine_labelIds.png'),
        labels)
  return image


@pytest.fixture
def source(tmp_path):
  """Two train images of two cities, a val and a test image."""
  folder = tmp_path / 'cityscapes'
  write_image(folder, 'train', 'bremen', 'bremen_000001_000019')
  write_image(folder, 'train', 'aachen', 'aachen_000000_000019')
  write_image(folder, 'val', 'ulm', 'ulm_000000_000019')
  write_image(folder, 'test', 'bonn', 'bonn_000000_000019', None)
  return folder


def config(tmp_path, **settings):
  return cityscapes_dataset.CityscapesConfig(**{
      'source_dir': str(tmp_path / 'cityscapes'),
      'data_dir': str(tmp_path / 'data'), 'list_dir': str(tmp_path / 'lists'),
      **settings})


def test_lists_and_files(source, tmp_path, capsys):
  cityscapes_dataset.prepare(config(tmp_path))
  assert (tmp_path / 'lists/train.txt').read_text() == (
      '/JPEGImages/train/aachen/aachen_000000_000019_leftImg8bit.png '
      '/segcls/train/aachen_000000_000019_leftImg8bit.png\n'
      '/JPEGImages/train/bremen/bremen_000001_000019_leftImg8bit.png '
      '/segcls/train/bremen_000001_000019_leftImg8bit.png\n')
  assert (tmp_path / 'lists/test.txt').read_text() == (
      '/JPEGImages/test/bonn/bonn_000000_000019_leftImg8bit.png\n')
  for line in (tmp_path / 'lists/val.txt').read_text().split():
    assert (tmp_path / 'data' / line[1:]).is_file()
  assert ('note: train.txt has 2 images, not the published 2975: a sample, or '
          'incomplete?') in capsys.readouterr().out


def test_masks_hold_train_ids(source, tmp_path):
  cityscapes_dataset.prepare(config(tmp_path))
  path = tmp_path / 'data/segcls/val/ulm_000000_000019_leftImg8bit.png'
  labels = reading.read_mask(str(path)).ravel()
  # Road, sidewalk, building, ..., bicycle by their ids.
  assert [labels[i] for i in (7, 8, 11, 17, 19, 26, 28, 31, 33)] == [
      0, 1, 2, 5, 6, 13, 15, 16, 18]
  ignored = [0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30]
  assert np.flatnonzero(labels == 255).tolist() == ignored
  assert sorted(labels[labels < 255]) == list(range(19))
  assert PIL.Image.open(path).getpalette() == list(
      dataset_info.get('cityscapes').palette.ravel())


def test_source_is_only_read_and_a_second_run_keeps_masks(source, tmp_path):
  before = sorted(source.rglob('*'))
  cityscapes_dataset.prepare(config(tmp_path))
  assert sorted(source.rglob('*')) == before
  mask = tmp_path / 'data/segcls/val/ulm_000000_000019_leftImg8bit.png'
  files.write_png(str(mask), np.zeros((1, 9), np.uint8))
  kept = mask.read_bytes()
  cityscapes_dataset.prepare(config(tmp_path))
  assert mask.read_bytes() == kept


def test_a_split_that_is_absent(source, tmp_path, capsys):
  (source / 'leftImg8bit/test').rename(tmp_path / 'moved')
  cityscapes_dataset.prepare(config(tmp_path))
  assert 'leftImg8bit/test: test.txt is not written' in capsys.readouterr().out
  assert not (tmp_path / 'lists/test.txt').exists()


def _fails(tmp_path):
  with pytest.raises(InputError) as raised:
    cityscapes_dataset.prepare(config(tmp_path))
  assert '\n' not in str(raised.value)
  return str(raised.value)


def test_not_cityscapes(tmp_path):
  assert 'no train/, val/ or test/ in' in _fails(tmp_path)


def test_a_split_without_images(source, tmp_path):
  (source / 'leftImg8bit/train/aachen').rename(tmp_path / 'moved')
  (source / 'leftImg8bit/train/bremen').rename(tmp_path / 'moved too')
  assert 'no CITY/*_leftImg8bit.png in' in _fails(tmp_path)


def test_a_missing_mask(source, tmp_path):
  (source / 'gtFine').rename(source / 'gtCoarse')
  assert ('cannot read the mask' in (message := _fails(tmp_path))
          and 'aachen_000000_000019_gtFine_labelIds.png' in message)


@pytest.mark.parametrize('labels, message', [
    (LABELS + 1, 'labelIds.png has the label 34; expected ids from 0 to 33'),
    (LABELS[:1], 'is 1x17 (height x width), its image')])
def test_bad_masks(source, tmp_path, labels, message):
  write_image(source, 'train', 'aachen', 'aachen_000000_000019', labels)
  assert message in _fails(tmp_path)
