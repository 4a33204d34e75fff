"""The demo data set on disk."""

import io
import os
import pathlib

import numpy as np
import PIL.Image
import pytest

from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import demo as demo_dataset
from segsort.data.datasets import demo_drawing
from segsort.errors import InputError
from segsort.runs import cli
from segsort.runs import files


def config(folder, **settings):
  """A tiny set in `folder`."""
  return demo_dataset.DemoConfig(**{
      'data_dir': str(folder / 'data'), 'list_dir': str(folder / 'lists'),
      'num_train': 2, 'num_val': 1, **settings})


def contents(folder):
  """{path: bytes} of every file below."""
  return {path.relative_to(folder): path.read_bytes()
          for path in folder.rglob('*') if path.is_file()}


def test_layout_and_lists(tmp_path):
  demo_dataset.make(config(tmp_path))
  assert sorted(str(path) for path in contents(tmp_path)) == [
      'data/JPEGImages/train_0000.jpg', 'data/JPEGImages/train_0001.jpg',
      'data/JPEGImages/val_0000.jpg', 'data/demo.json',
      'data/segcls/train_0000.png', 'data/segcls/train_0001.png',
      'data/segcls/val_0000.png', 'lists/train.txt', 'lists/val.txt']
  assert (tmp_path / 'lists/train.txt').read_text() == (
      '/JPEGImages/train_0000.jpg /segcls/train_0000.png\n'
      '/JPEGImages/train_0001.jpg /segcls/train_0001.png\n')
  assert (tmp_path / 'lists/val.txt').read_text() == (
      '/JPEGImages/val_0000.jpg /segcls/val_0000.png\n')


def test_files_hold_the_drawing(tmp_path):
  demo_dataset.make(config(tmp_path, random_seed=5))
  image, labels = demo_drawing.draw(5, 'train', 1)
  mask = tmp_path / 'data/segcls/train_0001.png'
  np.testing.assert_array_equal(reading.read_mask(str(mask)), labels)
  assert PIL.Image.open(mask).getpalette() == list(
      dataset_info.get('demo').palette.ravel())
  written = tmp_path / 'data/JPEGImages/train_0001.jpg'
  expected = io.BytesIO()
  PIL.Image.fromarray(image).save(
      expected, format='JPEG', quality=demo_dataset.JPEG_QUALITY,
      subsampling=0)
  assert written.read_bytes() == expected.getvalue()


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path):
  for name, seed in (('a', 1), ('b', 1), ('c', 2)):
    demo_dataset.make(config(tmp_path / name, random_seed=seed))
  first, again, other = (contents(tmp_path / name) for name in 'abc')
  assert first == again
  for path, data in first.items():
    if path.suffix in ('.jpg', '.png'):
      assert data != other[path]


def test_a_whole_set_is_left_alone(tmp_path, capsys):
  demo_dataset.make(config(tmp_path))
  image = tmp_path / 'data/JPEGImages/val_0000.jpg'
  os.utime(image, (1, 1))
  capsys.readouterr()
  demo_dataset.make(config(tmp_path))
  assert capsys.readouterr().out == (
      f'The demo data set is already there: {tmp_path}/data\n')
  assert os.path.getmtime(image) == 1


def test_a_set_with_a_missing_file_is_drawn_again(tmp_path):
  demo_dataset.make(config(tmp_path))
  whole = contents(tmp_path)
  for missing in ('data/JPEGImages/train_0001.jpg', 'data/segcls/val_0000.png',
                  'data/demo.json', 'lists/val.txt'):
    (tmp_path / missing).unlink()
    demo_dataset.make(config(tmp_path))
    assert contents(tmp_path) == whole


def test_other_settings_are_drawn_anew(tmp_path):
  demo_dataset.make(config(tmp_path))
  demo_dataset.make(config(tmp_path, num_val=2))
  assert len((tmp_path / 'lists/val.txt').read_text().splitlines()) == 2
  assert (tmp_path / 'data/segcls/val_0001.png').exists()


def test_an_interrupted_run_does_not_look_whole(tmp_path, monkeypatch):
  demo_dataset.make(config(tmp_path))
  before = contents(tmp_path)

  def interrupt(*_):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(demo_drawing, 'draw', interrupt)
    with pytest.raises(KeyboardInterrupt):
      demo_dataset.make(config(tmp_path, random_seed=2))
  (tmp_path / 'data/segcls/train_0000.png').write_bytes(b'half')
  demo_dataset.make(config(tmp_path))
  assert contents(tmp_path) == before


def test_no_place_to_write(tmp_path):
  (tmp_path / 'data').write_text('a file where the folder should be')
  with pytest.raises(InputError, match='cannot write .*data'):
    demo_dataset.make(config(tmp_path))


def test_no_images_is_refused(tmp_path, capsys):
  with pytest.raises(SystemExit) as status:
    cli.run(demo_dataset.make, demo_dataset.DemoConfig,
            ['--data_dir', str(tmp_path), '--num_val', '0'])
  assert status.value.code == 2
  assert capsys.readouterr().err == (
      'error: --num_val is 0; it must be above 0\n')


def test_lists_of_another_data_set_stay(tmp_path):
  files.write_text(str(tmp_path / 'lists/val.txt'), '/VOC2012/a.jpg /b.png\n')
  with pytest.raises(InputError, match='is a list of another data set'):
    demo_dataset.make(config(tmp_path))
  assert contents(tmp_path).keys() == {pathlib.Path('lists/val.txt')}
