"""Pictures and masks of one's own, as people have them."""

import json
import os

import numpy as np
import PIL.Image
import pytest

from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.data.datasets import own as own_dataset
from segsort.errors import InputError
from segsort.runs import cli
from segsort.runs import files

CLASSES = {
    'classes': [{'name': 'soil', 'color': [90, 60, 30]},
                {'name': 'leaf', 'color': [0, 128, 0]},
                {'name': 'weed', 'color': [200, 0, 0]}],
    'ignore_color': [0, 0, 0]}
IDS = np.array([[0, 1, 2, 255], [1, 1, 0, 0]], np.uint8)


def write_image(folder, name, size=(2, 4), orientation=None):
  path = folder / 'images' / name
  path.parent.mkdir(parents=True, exist_ok=True)
  exif = PIL.Image.Exif()
  if orientation:
    exif[0x0112] = orientation
  PIL.Image.fromarray(np.full((*size, 3), 99, np.uint8)).save(path, exif=exif)


@pytest.fixture(name='data')
def _data(tmp_path):
  """Six pictures of three kinds, of which five have a mask; a class file."""
  folder = tmp_path / 'mydata'
  for i, suffix in enumerate(('jpg', 'png', 'JPG', 'bmp', 'jpg', 'jpg')):
    write_image(folder, f'im{i}.{suffix}')
    if i < 5:
      files.write_png(str(folder / f'masks/im{i}.png'), IDS)
  (folder / 'classes.json').write_text(json.dumps(CLASSES))
  return folder


def _prepare(data, **settings):
  words = {'data_dir': data, 'dataset': data / 'classes.json', **settings}
  own_dataset.prepare(cli.parse(own_dataset.OwnConfig, [
      str(word) for name, value in words.items()
      for word in (f'--{name}', value)]))


def _fails(data, **settings):
  with pytest.raises(InputError) as raised:
    _prepare(data, **settings)
  assert '\n' not in str(raised.value)
  return str(raised.value)


def _lines(data, name):
  return (data / f'{name}.txt').read_text().splitlines()


def test_lists(data, capsys):
  _prepare(data)
  assert _lines(data, 'all') == [
      f'/images/im{i}.{suffix} /segcls/im{i}.png' for i, suffix in enumerate(
          ('jpg', 'png', 'JPG', 'bmp', 'jpg', 'jpg'))]
  train, val = (_lines(data, name) for name in ('train', 'val'))
  assert len(train) == 4 and len(val) == 1
  assert sorted(train + val) == sorted(_lines(data, 'all')[:5])
  for line in train + val:
    for path in line.split():
      assert (data / path[1:]).is_file()
  assert '1 of 6 pictures have no mask: they are in all.txt alone' in (
      capsys.readouterr().out)


def test_sources_are_only_read(data):
  before = {path: path.read_bytes() for folder in ('images', 'masks')
            for path in sorted((data / folder).rglob('*'))}
  _prepare(data)
  assert before == {path: path.read_bytes() for folder in ('images', 'masks')
                    for path in sorted((data / folder).rglob('*'))}


@pytest.mark.parametrize('mode', ['L', 'P', 'RGB', 'RGBA'])
def test_masks_of_ids_and_of_colours(data, mode):
  palette = np.zeros((256, 3), np.uint8)
  palette[:3] = [entry['color'] for entry in CLASSES['classes']]
  if mode == 'P':  # whatever the colours
    files.write_png(str(data / 'masks/im0.png'), IDS, palette[::-1])
  elif mode != 'L':
    picture = PIL.Image.fromarray(palette[IDS]).convert(mode)
    picture.save(data / 'masks/im0.png')
  _prepare(data)
  path = str(data / 'segcls/im0.png')
  np.testing.assert_array_equal(reading.read_mask(path), IDS)
  assert PIL.Image.open(path).getpalette()[3:9] == [0, 128, 0, 200, 0, 0]


def test_other_formats_and_folders(tmp_path):
  """Masks elsewhere, in subfolders and as BMP, of two colours as of fax."""
  for name in ('a/x.jpg', 'b/y.jpg'):
    write_image(tmp_path / 'd', name)
  bits = np.array([[0, 1, 1, 1], [0, 0, 1, 1]], bool)
  (tmp_path / 'truth/b').mkdir(parents=True)
  PIL.Image.fromarray(bits).save(tmp_path / 'truth/b/y.bmp')
  _prepare(tmp_path / 'd', mask_dir=tmp_path / 'truth', dataset='demo',
           list_dir=tmp_path / 'lists')
  assert (tmp_path / 'lists/train.txt').read_text() == (
      '/images/b/y.jpg /segcls/y.png\n')
  np.testing.assert_array_equal(
      reading.read_mask(str(tmp_path / 'd/segcls/y.png')), bits)


def test_ignore_label_of_the_class_file_is_kept(data):
  (data / 'classes.json').write_text(json.dumps(
      {'classes': [{'name': 'nothing'}, *CLASSES['classes'][:2]],
       'ignore_label': 0}))
  for i in range(5):
    files.write_png(str(data / f'masks/im{i}.png'), np.where(IDS > 2, 0, IDS))
  _prepare(data)
  np.testing.assert_array_equal(
      reading.read_mask(str(data / 'segcls/im0.png')), np.where(IDS > 2, 0,
                                                                IDS))


def test_pictures_without_masks(data, capsys):
  (data / 'masks').rename(data / 'not yet')
  _prepare(data)
  assert len(_lines(data, 'all')) == 6
  assert not (data / 'train.txt').exists()
  assert f'no masks in {data}/masks: train.txt' in capsys.readouterr().out


def test_a_second_run_makes_only_what_is_new(data):
  _prepare(data)
  mask = data / 'segcls/im1.png'
  files.write_png(str(mask), 0 * IDS)
  _prepare(data)
  assert not reading.read_mask(str(mask)).any()
  with open(data / 'classes.json', 'a', encoding='utf-8') as file:
    file.write(' ')  # masks may mean other ids
  _prepare(data)
  np.testing.assert_array_equal(reading.read_mask(str(mask)), IDS)


def test_division_is_stable():
  names = [f'im{i}' for i in range(100)]
  parts = own_dataset.divide(names, .2, 1)
  assert len(parts['val']) == 20 and len(parts['train']) == 80
  assert sorted(parts['val'] + parts['train']) == sorted(names)
  more = own_dataset.divide(names + ['one more'], .2, 1)
  assert len(set(parts['val']) ^ set(more['val'])) <= 2
  assert own_dataset.divide(names, .2, 2)['val'] != parts['val']


@pytest.mark.parametrize('num_images, val_share, num_val', [
    (1, .5, 0), (2, .01, 1), (3, .99, 2), (10, 0, 0)])
def test_division_of_few(num_images, val_share, num_val):
  names = [str(i) for i in range(num_images)]
  parts = own_dataset.divide(names, val_share, 1)
  assert len(parts['val']) == num_val
  assert len(parts['train']) == num_images - num_val


def test_masks_without_a_picture_are_named(data, capsys):
  files.write_png(str(data / 'masks/other.png'), IDS)
  _prepare(data)
  assert (f'1 masks, the first {data}/masks/other.png, have no picture'
          ) in capsys.readouterr().err


def test_turned_pictures_are_named(data, capsys):
  write_image(data, 'im5.jpg', orientation=6)
  _prepare(data)
  assert f'1 pictures, the first {data}/images/im5.jpg, stand upright' in (
      capsys.readouterr().err)


def test_masks_beside_pictures_are_no_pictures(data, capsys):
  for path in (data / 'images').iterdir():
    path.rename(data / path.name)
  for _ in range(2):  # the second time with segcls/
    _prepare(data, image_dir=data)
    assert _lines(data, 'all')[0] == '/im0.jpg /segcls/im0.png'
    assert len(_lines(data, 'all')) == 6
  assert 'no picture of that name' not in capsys.readouterr().err


def test_pictures_of_few_levels_are_told(data, capsys):
  levels = np.arange(8).reshape(2, 4)
  for i in range(6):
    PIL.Image.fromarray((levels * 9000).astype(np.uint16)).save(
        next((data / 'images').glob(f'im{i}.*')), 'png')
  _prepare(data)
  assert 'levels' not in capsys.readouterr().err
  PIL.Image.fromarray((levels * 500).astype(np.uint16)).save(
      data / 'images/im1.png')  # 12 bits
  _prepare(data)
  assert f"1 of 6 pictures, the first {data / 'images/im1.png'}, have less" in (
      capsys.readouterr().err)


def test_colours_that_nobody_sees_are_refused(data):
  colors = np.zeros((256, 4), np.uint8)
  colors[:3, :3] = [entry['color'] for entry in CLASSES['classes']]
  colors[:3, 3] = 255, 1, 255  # soft edges are seen, ignored black is not
  path = data / 'masks/im0.png'
  PIL.Image.fromarray(colors[IDS]).save(path)
  _prepare(data)
  np.testing.assert_array_equal(reading.read_mask(data / 'segcls/im0.png'), IDS)
  colors[2, 3] = 0
  PIL.Image.fromarray(colors[IDS]).save(path)
  assert f'{path} has 1 transparent pixels, whose color, as [200, 0, 0]' in (
      _fails(data))


def test_bad_names(data):
  write_image(data, 'im1.jpg')  # beside im1.png
  assert 'a second image named im1 (first:' in _fails(data)
  (data / 'images/im1.jpg').rename(data / 'images/im 1.jpg')
  assert "im 1.jpg' has a space in its name" in _fails(data)


@pytest.mark.parametrize('pixels, message', [
    (IDS[:1], 'im0.png is 1x4 (height x width), its image'),
    (IDS + 1, 'im0.png has the label 3; expected 0 to 2 or 255 (ignored)'),
    (np.full((2, 4, 3), 7, np.uint8),
     'im0.png has 8 pixels of the color [7, 7, 7], which no class of')])
def test_bad_masks(data, pixels, message):
  files.write_png(str(data / 'masks/im0.png'), pixels)
  assert message in _fails(data)


@pytest.mark.parametrize('name, message', [
    ('masks/im0.png', 'cannot decode the mask'),
    ('images/im0.jpg', 'cannot decode 1 of 6 pictures: ')])
def test_corrupt_files(data, name, message):
  (data / name).write_bytes(b'no picture')
  assert message in _fails(data) and name in _fails(data)


def test_all_broken_pictures_are_named_at_once(data):
  """Among them a cut JPEG, whose header is whole."""
  image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
  PIL.Image.fromarray(image).save(data / 'images/cut.jpg')
  whole = (data / 'images/cut.jpg').read_bytes()
  (data / 'images/cut.jpg').write_bytes(whole[:len(whole) // 2])
  (data / 'images/empty.jpg').write_bytes(b'')
  message = _fails(data)
  assert 'cannot decode 2 of ' in message
  assert 'cut.jpg, ' in message and 'empty.jpg; ' in message


def test_a_jpeg_above_the_limit_of_pillow_is_named(data, monkeypatch):
  """TensorFlow decodes it, but its orientation cannot be read."""
  write_image(data, 'large.jpg', (40, 50))
  monkeypatch.setattr(PIL.Image, 'MAX_IMAGE_PIXELS', 900)
  assert 'large.jpg; they are corrupt' in _fails(data)


def test_colours_that_do_not_tell_classes_apart(data):
  (data / 'classes.json').write_text(json.dumps(
      {'classes': [{'name': 'a', 'color': [1, 2, 3]},
                   {'name': 'b', 'color': [1, 2, 3]}]}))
  files.write_png(str(data / 'masks/im0.png'), np.ones((2, 4, 3), np.uint8))
  assert 'the labels 0 and 1 of' in _fails(data)


@pytest.mark.parametrize('settings, message', [
    ({'val_share': 1}, '--val_share is 1.0; it must be below 1'),
    ({'val_share': -.1}, '--val_share is -0.1; it must be 0 or more'),
    ({'image_dir': 'elsewhere'}, 'the pictures in elsewhere are not in')])
def test_bad_flags(data, settings, message):
  assert message in _fails(data, **settings)


def test_masks_where_they_would_be_written(data):
  (data / 'masks').rename(data / 'segcls')
  assert 'rename the folder' in _fails(data, mask_dir=data / 'segcls')


def test_no_pictures(tmp_path):
  assert 'there is no folder' in _fails(tmp_path, dataset='demo')


def test_one_file_name_in_two_folders(tmp_path):
  for i, folder in enumerate('xy'):
    write_image(tmp_path, f'{folder}/a.jpg')
    files.write_png(str(tmp_path / f'masks/{folder}/a.png'), IDS % 3 + i)
  _prepare(tmp_path, dataset='demo')
  for i, folder in enumerate('xy'):
    np.testing.assert_array_equal(
        reading.read_mask(str(tmp_path / f'segcls/{folder}-a.png')),
        IDS % 3 + i)
  # Each in a list of its own, and yet named as its mask.
  names = []
  for split in ('train', 'val'):
    example, = image_list.read_list(
        str(tmp_path / f'{split}.txt'), str(tmp_path), ('image', 'mask'))
    assert example.mask == str(tmp_path / f'segcls/{example.name}.png')
    names.append(example.name)
  assert sorted(names) == ['x-a', 'y-a']


def test_masks_with_loss_are_not_passed_over(data):
  (data / 'masks/im0.png').unlink()
  PIL.Image.fromarray(IDS).save(data / 'masks/im0.JPG')
  assert f'the mask {data}/masks/im0.JPG is a JPEG' in _fails(data)


def test_folders_behind_links_are_prepared(data, tmp_path):
  for folder in ('images', 'masks'):
    (tmp_path / 'elsewhere' / folder).mkdir(parents=True)
    (data / folder / 'more').symlink_to(tmp_path / 'elsewhere' / folder)
  write_image(tmp_path / 'elsewhere', 'far.jpg')
  files.write_png(str(tmp_path / 'elsewhere/masks/far.png'), IDS)
  _prepare(data)
  assert '/images/more/far.jpg /segcls/far.png' in _lines(data, 'all')
  np.testing.assert_array_equal(
      reading.read_mask(str(data / 'segcls/far.png')), IDS)


def test_an_upright_mask_of_a_turned_picture(data):
  write_image(data, 'im0.jpg', (4, 2), orientation=6)
  assert 'is 2x4 (height x width), its image' in _fails(data)
  assert 'turn the picture for good' in _fails(data)
  (data / 'list.txt').write_text('images/im0.jpg masks/im0.png')
  example, = image_list.read_list(str(data / 'list.txt'), str(data))
  with pytest.raises(InputError, match='turn the picture for good'):
    input_pipeline.read_example(example, 3, 255, str(data / 'classes.json'))
  write_image(data, 'im0.jpg', (4, 2), orientation=3)
  assert 'get both files again' in _fails(data)


def test_a_name_that_is_no_text(data):
  name = os.fsdecode(b'f\xe9e')
  write_image(data, f'{name}.png')
  files.write_png(str(data / f'masks/{name}.png'), IDS)
  _prepare(data)
  assert b'/images/f\xe9e.png /segcls/f\xe9e.png\n' in (
      data / 'all.txt').read_bytes()
  assert name in [example.name for example in image_list.read_list(
      str(data / 'all.txt'), str(data))]


def test_what_masks_hold_is_told(data, capsys):
  _prepare(data)
  assert ('5 masks: 12.5 % of the pixels are ignored, none of 3 classes have '
          'no pixel') in capsys.readouterr().out


def test_two_masks_of_one_picture(data):
  PIL.Image.fromarray(IDS).save(data / 'masks/im0.tif')
  assert (f'{data}/masks/im0.png and {data}/masks/im0.tif are both masks of '
          'one picture') in _fails(data)
