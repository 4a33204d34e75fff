"""Pictures of every kind against Pillow and by hand; names of their results."""

import io
import os

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from segsort.data import image_list
from segsort.data import pictures
from segsort.data import reading
from segsort.errors import InputError

MEAN = 123, 117, 104


@pytest.fixture(name='image')
def _image(rng):
  blocks = rng.integers(0, 256, (4, 3, 3), dtype=np.uint8)
  return np.kron(blocks, np.ones((8, 8, 1), np.uint8))


@pytest.fixture(name='read')
def _read(tmp_path):
  """Saves a Pillow picture and reads it."""
  def read(picture, name, **options):
    picture.save(tmp_path / name, **options)
    return pictures.read_picture(str(tmp_path / name))
  return read


@pytest.mark.parametrize('name', ('a.png', 'a.bmp', 'a.tiff', 'a.webp',
                                  'a.ppm', 'a.tga'))
def test_formats_without_loss_keep_every_value(image, read, name):
  options = {'lossless': True} if name.endswith('webp') else {}
  found = read(PIL.Image.fromarray(image), name, **options)
  assert found.dtype == np.uint8
  np.testing.assert_array_equal(found, image)


def test_jpegs_are_those_of_lists_bit_for_bit(image, read, tmp_path):
  for picture in (PIL.Image.fromarray(image),
                  PIL.Image.fromarray(image[..., 0])):
    found = read(picture, 'a.jpg')
    np.testing.assert_array_equal(
        found, reading.read_image(str(tmp_path / 'a.jpg')))


def test_a_cmyk_jpeg_shows_its_colours(image, read):
  found = read(PIL.Image.fromarray(image).convert('CMYK'), 'a.jpg', quality=95)
  assert np.abs(found.astype(int) - image).mean() < 4


def test_the_first_frame_of_a_gif(image, read):
  first = PIL.Image.fromarray(image).quantize(16)
  second = PIL.ImageOps.invert(first.convert('RGB')).quantize(16)
  found = read(first, 'a.gif', save_all=True, append_images=[second])
  np.testing.assert_array_equal(found, np.array(first.convert('RGB')))


def test_grey_palette_and_bits_become_colours(image, read):
  grey = PIL.Image.fromarray(image[..., 1])
  np.testing.assert_array_equal(
      read(grey, 'a.png'), np.repeat(image[..., 1:2], 3, -1))
  bits = PIL.Image.fromarray(image[..., 1] > 128)
  np.testing.assert_array_equal(
      read(bits, 'b.png'),
      np.repeat(np.where(image[..., 1:2] > 128, 255, 0), 3, -1))
  palette = PIL.Image.fromarray(image).quantize(16)
  np.testing.assert_array_equal(
      read(palette, 'c.png'), np.array(palette.convert('RGB')))


@pytest.mark.parametrize('name', ('a.png', 'a.tiff'))
def test_of_16_bits_the_upper_8_are_kept(read, name):
  deep = np.array([[0, 255, 256], [511, 32768, 65535]], np.uint16)
  found = read(PIL.Image.fromarray(deep), name)
  np.testing.assert_array_equal(found[..., 0], [[0, 0, 1], [1, 128, 255]])
  np.testing.assert_array_equal(found, np.repeat(found[..., :1], 3, -1))


def test_floating_point_and_32_bits_are_stretched(read):
  found = read(PIL.Image.fromarray(np.float32([[-1, 0, 1]])), 'a.tiff')
  np.testing.assert_array_equal(found[0, :, 0], [0, 128, 255])
  found = read(PIL.Image.fromarray(np.int32([[0, 10**6, 2 * 10**6]])), 'b.tiff')
  np.testing.assert_array_equal(found[0, :, 0], [0, 128, 255])
  flat = read(PIL.Image.fromarray(np.float32([[.5, .5]])), 'c.tiff')
  np.testing.assert_array_equal(flat, np.zeros((1, 2, 3)))
  broken = PIL.Image.fromarray(np.float32([[.5, np.nan]]))
  with pytest.raises(InputError, match='cannot decode the picture'):
    read(broken, 'd.tiff')


def test_transparent_parts_show_the_mean_colour(image, read):
  alpha = np.zeros(image.shape[:2], np.uint8)
  alpha[:8], alpha[8:16] = 255, 128
  picture = PIL.Image.fromarray(np.dstack([image, alpha]))
  found = read(picture, 'a.png').astype(int)
  np.testing.assert_array_equal(found[:8], image[:8])
  np.testing.assert_array_equal(
      found[16:], np.broadcast_to(MEAN, found[16:].shape))
  half = image[8:16] * (128 / 255) + np.array(MEAN) * (127 / 255)
  assert np.abs(found[8:16] - half).max() <= 1
  grey = PIL.Image.fromarray(np.dstack([image[..., 0], alpha]))
  assert grey.mode == 'LA'
  np.testing.assert_array_equal(
      read(grey, 'b.png')[16:], np.broadcast_to(MEAN, found[16:].shape))


def test_a_transparent_colour_of_a_palette(read):
  picture = PIL.Image.fromarray(np.uint8([[0, 1]])).convert('L').quantize(2)
  index = int(np.array(picture)[0, 0])
  found = read(picture, 'a.png', transparency=index)
  np.testing.assert_array_equal(found[0, 0], MEAN)


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('name', ('a.jpg', 'a.png', 'a.tiff'))
def test_pictures_stand_upright(image, read, tmp_path, orientation, name):
  exif = PIL.Image.Exif()
  exif[0x0112] = orientation
  found = read(PIL.Image.fromarray(image), name, exif=exif)
  with PIL.Image.open(tmp_path / name) as picture:
    expected = np.array(PIL.ImageOps.exif_transpose(picture).convert('RGB'))
  assert found.shape == ((32, 24, 3) if orientation < 5 else (24, 32, 3))
  assert np.abs(found.astype(int) - expected).max() <= 8  # JPEG decoders
  if orientation == 6:  # the camera was held upright: a quarter clockwise
    assert np.abs(found[0, 0].astype(int) - image[-1, 0]).max() < 40


def test_a_broken_orientation_turns_nothing(image):
  for orientation in (0, 9, 65535):
    np.testing.assert_array_equal(pictures.turn(image, orientation), image)


def test_what_is_no_picture_is_named(tmp_path, image):
  jpeg = io.BytesIO()
  PIL.Image.fromarray(image).save(jpeg, 'JPEG')
  png = io.BytesIO()
  noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
  PIL.Image.fromarray(noise).save(png, 'PNG')
  for data in (b'', b'text', jpeg.getvalue()[:200], png.getvalue()[:900],
               png.getvalue()[:20]):
    path = tmp_path / 'a.jpg'
    path.write_bytes(data)
    with pytest.raises(InputError, match=f'cannot decode the picture {path}'):
      pictures.read_picture(str(path))
  with pytest.raises(InputError, match='cannot read the picture /nowhere/a'):
    pictures.read_picture('/nowhere/a.png')


def test_too_many_pixels_are_refused(tmp_path, image, monkeypatch):
  PIL.Image.fromarray(image).save(tmp_path / 'a.png')
  monkeypatch.setattr(PIL.Image, 'MAX_IMAGE_PIXELS', 100)
  with pytest.raises(InputError, match='will not decode .*a.png: .*768'):
    pictures.read_picture(str(tmp_path / 'a.png'))
  for read, what in ((reading.read_image, 'image'), (reading.read_labels,
                                                     'mask')):
    with pytest.raises(InputError, match=f'will not decode the {what} .*a.png'):
      read(str(tmp_path / 'a.png'))


@pytest.mark.parametrize('mode', ('L', 'P', '1', 'I;16', 'F', 'LA', 'RGBA'))
def test_lists_see_the_same_colours(image, tmp_path, mode):
  """So that training and inference.py --image_dir see the same pictures."""
  grey, alpha = image[..., 0], np.repeat(np.arange(24, dtype=np.uint8), 32) * 11
  picture = {
      'I;16': lambda: PIL.Image.fromarray(grey.astype(np.uint16) * 257),
      'F': lambda: PIL.Image.fromarray(grey.astype(np.float32)),
      'LA': lambda: PIL.Image.fromarray(
          np.dstack([grey, alpha.reshape(grey.shape)])),
      'RGBA': lambda: PIL.Image.fromarray(
          np.dstack([image, alpha.reshape(grey.shape)])),
  }.get(mode, lambda: PIL.Image.fromarray(image).convert(mode))()
  path = str(tmp_path / ('a.tiff' if mode == 'F' else 'a.png'))
  picture.save(path)
  found = reading.read_image(path)
  np.testing.assert_array_equal(found, pictures.read_picture(path))
  assert found.std() > 20


@pytest.mark.parametrize('paths, names', (
    (['a.jpg', 'b.png'], ['a', 'b']),
    (['a.jpg', 'a.png'], ['a.jpg', 'a.png']),
    (['A.jpg', 'a.png', 'b.png'], ['A.jpg', 'a.png', 'b']),
    (['x/a.jpg', 'y/a.jpg'], ['x/a', 'y/a']),
    # a.jpg.png would be a.jpg, which the first one is called.
    (['a.jpg', 'a.png', 'a.jpg.png'], ['a.jpg', 'a.png', 'a.jpg.png']),
    (['a.b.jpg', 'a.c.jpg'], ['a.b', 'a.c'])))
def test_no_two_results_have_one_name(paths, names):
  found = image_list.result_names(paths)
  assert found == names
  assert len({name.casefold() for name in found}) == len(paths)


def test_pictures_of_subfolders_are_found_in_order(tmp_path):
  for name in ('b.JPG', 'a.png', 'sub/c.webp', 'notes.txt', '.hidden.png',
               '.cache/d.png', 'results/gray/b.png'):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('')
  found = pictures.find_pictures(str(tmp_path), [str(tmp_path / 'results')])
  assert [example.name for example in found] == ['a', 'b', 'sub/c']
  assert [os.path.relpath(example.image, tmp_path) for example in found] == [
      'a.png', 'b.JPG', 'sub/c.webp']


def test_folders_without_pictures_are_refused(tmp_path):
  with pytest.raises(InputError, match='there is no folder /nowhere'):
    pictures.find_pictures('/nowhere')
  (tmp_path / 'notes.txt').write_text('')
  with pytest.raises(InputError, match='no pictures in .* ends in one of .jpg'):
    pictures.find_pictures(str(tmp_path))
