"""Files appear whole or not at all; pictures mean what they should."""

import io
import json
import zlib

import cv2
import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import pytest
import tensorflow as tf

from segsort.data import dataset_info
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs import files


def _encoded(pixels, file_format):
  data = io.BytesIO()
  PIL.Image.fromarray(pixels).save(data, file_format)
  return data.getvalue()


def _fails(function, *arguments):
  with pytest.raises(InputError) as raised:
    function(*arguments)
  assert '\n' not in str(raised.value)
  return str(raised.value)


def test_what_is_written_is_read_back(tmp_path):
  folder = tmp_path / 'made/on/demand'
  files.write_text(str(folder / 'a.txt'), 'é\n')
  files.write_json(str(folder / 'a.json'), {'b': [1, None]})
  files.write_array(str(folder / 'a.npy'), np.arange(6.).reshape(2, 3))
  assert (folder / 'a.txt').read_bytes() == b'\xc3\xa9\n'
  assert json.loads((folder / 'a.json').read_text()) == {'b': [1, None]}
  assert np.load(folder / 'a.npy').tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize('error', (KeyboardInterrupt, ValueError))
def test_an_interrupted_write_leaves_the_old_file(tmp_path, error):
  path = tmp_path / 'a.txt'
  path.write_text('old')
  with pytest.raises(error):
    with files.open_whole(str(path)) as file:
      file.write(b'half of the new')
      raise error()
  assert path.read_text() == 'old'
  assert [entry.name for entry in tmp_path.iterdir()] == ['a.txt']


def test_no_place_to_write_is_one_line(tmp_path):
  (tmp_path / 'file').write_text('')
  message = _fails(files.write_text, str(tmp_path / 'file/below.txt'), '')
  assert f'cannot write {tmp_path}/file/below.txt' in message
  (tmp_path / 'folder').mkdir()
  assert 'cannot write' in _fails(
      files.write_text, str(tmp_path / 'folder'), '')
  assert sorted(entry.name for entry in tmp_path.iterdir()) == [
      'file', 'folder']


def test_png_round_trips_colours_grey_and_palette(tmp_path, rng):
  path = str(tmp_path / 'a.png')
  image = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
  files.write_png(path, image)
  np.testing.assert_array_equal(reading.read_image(path), image)
  mask = rng.integers(0, 256, (5, 7), dtype=np.uint8)
  palette = dataset_info.get('voc12').palette
  for colours in (None, palette):
    files.write_png(path, mask, colours)
    assert reading.read_mask(path).dtype == np.int32
    np.testing.assert_array_equal(reading.read_mask(path), mask)
  np.testing.assert_array_equal(reading.read_image(path), palette[mask])


def test_masks_of_sixteen_bits_and_of_one(tmp_path):
  path = tmp_path / 'a.png'
  path.write_bytes(_encoded(np.array([[0, 300, 65535]], np.uint16), 'PNG'))
  assert reading.read_mask(str(path)).tolist() == [[0, 300, 65535]]
  path.write_bytes(_encoded(np.array([[False, True]]), 'PNG'))
  assert reading.read_mask(str(path)).tolist() == [[0, 1]]


def test_jpegs_go_through_tensorflow_and_grey_pictures_get_three_channels(
    tmp_path, rng):
  image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
  path = tmp_path / 'a.jpg'
  path.write_bytes(_encoded(image, 'JPEG'))
  np.testing.assert_array_equal(
      reading.read_image(str(path)), tf.io.decode_jpeg(path.read_bytes()))
  for file_format in ('JPEG', 'PNG'):
    path.write_bytes(_encoded(np.full((3, 4), 77, np.uint8), file_format))
    assert (reading.read_image(str(path)) == 77).all()
    assert reading.read_image(str(path)).shape == (3, 4, 3)


@pytest.mark.parametrize('file_format', ('JPEG', 'PNG'))
def test_damaged_pictures_are_one_line_with_their_path(
    tmp_path, rng, file_format, capfd):
  whole = _encoded(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8),
                   file_format)
  flipped = bytearray(whole)
  flipped[4:30] = bytes(26)
  path = tmp_path / 'a'
  for damaged in (b'', b'no picture', whole[:len(whole) // 2], whole[:20],
                  bytes(flipped)):
    path.write_bytes(damaged)
    assert f'cannot decode the image {path}' in _fails(
        reading.read_image, str(path))
    assert f'cannot decode the mask {path}' in _fails(
        reading.read_mask, str(path))


def test_missing_files_and_folders_are_one_line(tmp_path):
  assert f'cannot read the image {tmp_path}/none' in _fails(
      reading.read_image, str(tmp_path / 'none'))
  assert f'cannot read the mask {tmp_path}' in _fails(
      reading.read_mask, str(tmp_path))


def test_a_colour_picture_is_no_mask(tmp_path):
  files.write_png(str(tmp_path / 'a.png'), np.zeros((2, 2, 3), np.uint8))
  assert 'is a colour picture (mode RGB)' in _fails(
      reading.read_mask, str(tmp_path / 'a.png'))


@pytest.mark.parametrize('name, options', (
    ('a.jpg', {}), ('a.png', {'format': 'JPEG'}), ('a.webp', {}),
    ('a.tif', {'compression': 'jpeg'})))
def test_masks_with_loss_are_refused(tmp_path, name, options):
  path = tmp_path / name
  PIL.Image.fromarray(np.kron(np.uint8([[0, 7], [12, 7]]), np.ones(
      (8, 8), np.uint8))).save(path, **options)
  assert f'the mask {path} is a ' in _fails(reading.read_mask, str(path))
  assert 'can change ids' in _fails(reading.read_mask, str(path))


def test_masks_of_floating_point_are_refused(tmp_path):
  path = tmp_path / 'a.tif'
  PIL.Image.fromarray(np.float32([[0, 7, 12]]) / 255).save(path)
  assert f'the mask {path} has floating point values' in _fails(
      reading.read_mask, str(path))


def _write_pages(path, kinds):
  """Two pages; of TIFFs with the tag 254 that tells what they are."""
  ids = np.uint8([[0, 7, 12]])
  pages = [PIL.Image.fromarray(ids + i) for i in range(2)]
  if path.suffix == '.tif':
    with PIL.TiffImagePlugin.AppendingTiffWriter(str(path)) as file:
      for page, kind in zip(pages, kinds):
        page.save(file, 'TIFF', tiffinfo={254: kind})
        file.newFrame()
  else:
    pages[0].save(path, save_all=True, append_images=pages[1:])
  return ids


@pytest.mark.parametrize('name', ('a.tif', 'a.gif', 'a.png'))
def test_masks_of_several_pages_are_refused(tmp_path, name):
  _write_pages(tmp_path / name, (0, 0))
  assert f'the mask {tmp_path / name} has 2 pages' in _fails(
      reading.read_mask, str(tmp_path / name))


@pytest.mark.parametrize('kind', (1, 4))
def test_smaller_copies_and_transparency_in_a_tiff_are_no_pages(tmp_path, kind):
  path = tmp_path / 'a.tif'
  ids = _write_pages(path, (0, kind))
  assert PIL.Image.open(path).n_frames == 2
  np.testing.assert_array_equal(reading.read_mask(str(path)), ids)


def test_folders_are_walked_through_links_but_never_in_a_circle(tmp_path):
  for name in ('in/a.txt', 'in/sub/b.txt', 'out/c.txt', 'out/deep/d.txt'):
    files.write_text(str(tmp_path / name), '')
  (tmp_path / 'in/link').symlink_to('../out')
  (tmp_path / 'in/sub/up').symlink_to('..')
  (tmp_path / 'in/far_up').symlink_to('../..')
  (tmp_path / 'out/back').symlink_to('../in')
  (tmp_path / 'in/gone').symlink_to('nowhere')
  folder = str(tmp_path / 'in')
  found = [f'{place}/{name}'[len(folder) + 1:]
           for place, _, names in files.walk(folder) for name in names]
  assert found == ['a.txt', 'gone', 'link/c.txt', 'link/deep/d.txt',
                   'sub/b.txt']
  assert not list(files.walk(str(tmp_path / 'none')))


@pytest.mark.parametrize('encoding', ('utf-8', 'utf-8-sig', 'utf-16'))
def test_text_of_any_editor(encoding):
  assert files.decode_text('/é.png\n'.encode(encoding)) == '/é.png\n'


def test_names_that_are_no_text_stay_the_bytes_they_are(tmp_path):
  text = files.decode_text(b'/\xe9.png')
  files.write_text(str(tmp_path / 'a.txt'), text)
  assert (tmp_path / 'a.txt').read_bytes() == b'/\xe9.png'


def test_grey_of_two_or_four_bits_is_no_mask(tmp_path):
  """Ids 0 to 3 in 2 bits are 0, 85, 170 and 255 to most readers."""
  path = tmp_path / 'a.png'
  ok, data = cv2.imencode('.png', np.zeros((1, 1), np.uint8))
  header = data.tobytes()[12:29]
  assert ok and header[12] == 8
  header = header[:12] + b'\2' + header[13:]
  path.write_bytes(data.tobytes()[:12] + header + zlib.crc32(header).to_bytes(
      4, 'big') + data.tobytes()[33:])
  assert f'the mask {path} is grey with 2 bits a pixel' in _fails(
      reading.read_mask, str(path))
