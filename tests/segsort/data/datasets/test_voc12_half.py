"""The part of VOC 2012 at half size, from a devkit."""

import io

import numpy as np
import PIL.Image
import pytest

from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import reading
from segsort.data.datasets import voc12
from segsort.errors import InputError
from segsort.runs import files

SIZES = {'a': (7, 10), 'b': (10, 8), 'c': (6, 6)}


@pytest.fixture
def config(tmp_path):
  """Of a devkit with a, b and c, and the ids of a and of c."""
  voc = tmp_path / 'data/VOCdevkit/VOC2012'
  files.write_text(str(voc / 'ImageSets/Segmentation/train.txt'), 'a\nb\nc\n')
  for image_id, size in SIZES.items():
    rng = np.random.default_rng(list(image_id.encode()))
    picture = io.BytesIO()
    PIL.Image.fromarray(np.repeat(np.repeat(rng.integers(
        0, 255, (*(-(-length // 2) for length in size), 3), np.uint8), 2, 0),
                                  2, 1)[:size[0], :size[1]]).save(
                                      picture, 'PNG')
    files.write_bytes(
        str(voc / f'JPEGImages/{image_id}.jpg'), picture.getvalue())
    files.write_png(
        str(voc / f'SegmentationClass/{image_id}.png'),
        rng.choice(np.array([0, 15, 20, 255], np.uint8), size),
        dataset_info.voc_palette())
  for split, image_id in (('train', 'a'), ('val', 'c')):
    files.write_text(
        str(tmp_path / f'lists/half_{split}.txt'), f'{image_id}\n')
  return voc12.VocConfig(
      data_dir=str(tmp_path / 'data'), list_dir=str(tmp_path / 'lists'),
      half_dir=str(tmp_path / 'half'))


def test_images_and_masks_are_halved_and_listed(config, tmp_path):
  voc12.prepare(config)
  voc = f'{config.data_dir}/VOCdevkit/VOC2012'
  for split, image_id in (('train', 'a'), ('val', 'c')):
    example, = image_list.read_list(
        f'{config.half_dir}/{split}.txt', config.half_dir, ('image', 'mask'))
    whole = reading.read_mask(f'{voc}/SegmentationClass/{image_id}.png')
    np.testing.assert_array_equal(
        reading.read_mask(example.mask), whole[::2, ::2])
    image = reading.read_image(example.image)
    height, width = whole.shape
    assert image.shape == (-(-height // 2), -(-width // 2), 3)
    blocks = reading.read_image(f'{voc}/JPEGImages/{image_id}.jpg')[::2, ::2]
    even = slice(height // 2), slice(width // 2)  # without half blocks
    error = np.abs(image[even].astype(int) - blocks[even])
    assert error.mean() < 12  # of JPEG, on noise; other pixels: 85
  assert not (tmp_path / 'lists/train.txt').exists()
  assert not (tmp_path / 'data/VOC2012').exists()


def test_what_is_there_is_left_and_half_a_mask_is_not(config, tmp_path):
  voc12.prepare(config)
  image = tmp_path / 'half/VOC2012/JPEGImages/a.jpg'
  image.write_bytes(b'mine')
  voc12.prepare(config)
  assert image.read_bytes() == b'mine'
  mask = tmp_path / 'half/VOC2012/segcls/a.png'
  whole = mask.read_bytes()
  mask.write_bytes(whole[:-5])
  voc12.prepare(config)
  assert mask.read_bytes() == whole and image.read_bytes() != b'mine'


def test_missing_ids_and_images_are_named(config, tmp_path):
  (tmp_path / 'data/VOCdevkit/VOC2012/JPEGImages/c.jpg').unlink()
  with pytest.raises(InputError, match=r'JPEGImages/c\.jpg'):
    voc12.prepare(config)
  (tmp_path / 'lists/half_val.txt').unlink()
  with pytest.raises(InputError, match=r'half_val\.txt.*dataset/voc12'):
    voc12.prepare(config)


def test_the_ids_of_the_project_are_apart():
  train, val = (open(f'dataset/voc12/half_{split}.txt', encoding='utf-8').read(
      ).split() for split in ('train', 'val'))
  assert (len(train), len(val), len({*train, *val})) == (663, 321, 984)
  assert all(image_id.startswith('2007_') for image_id in val)
