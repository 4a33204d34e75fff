"""Detectors, the cut and the files; what a user can get wrong."""

import json
import os
import shutil
import zipfile

import commands
import keras
import numpy as np
import PIL.Image
import pytest

from network import contour_model
from segsort.contours import contour_detectors
from segsort.contours import region_jobs
from segsort.data import reading
from segsort.errors import InputError
from segsort.evaluation import region_metrics
from segsort.runs import files
from segsort.runs import folder_lock

SCRIPT = 'make_oversegmentation'


@pytest.fixture(name='make')
def _make(tiny_dataset, tmp_path):
  """The command's flags, its masks in tmp_path/out, in this process."""
  return {'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1],
          'save_dir': tmp_path / 'out', 'num_workers': 1}


def _masks(folder):
  return {path.name: reading.read_mask(str(path))
          for path in sorted(folder.glob('*.png'))}


def test_masks_are_regions_in_raster_order(make, tmp_path):
  out = commands.succeed(SCRIPT, '--ucm', **make)
  assert '4 oversegmentations made, 0 were there' in out
  masks = _masks(tmp_path / 'out')
  assert [mask.shape for mask in masks.values()] == [
      (40, 56), (56, 40), (33, 47), (48, 48)]
  for name, mask in masks.items():
    np.testing.assert_array_equal(mask, region_metrics.number_regions(mask))
    square = mask[14:22, 16:24]  # inside the bright square
    assert (square == square[0, 0]).mean() > .9 and mask[4, 4] != square[4, 4]
    ucm = np.load(tmp_path / 'out' / name.replace('png', 'npz'))['ucm2']
    np.testing.assert_array_equal(
        region_metrics.regions_of_ucm(
            ucm, contour_detectors.DETECTORS['gradient'].threshold), mask)


def test_by_default_masks_go_where_training_looks(make, tiny_dataset):
  make['save_dir'] = ''
  shutil.rmtree(f'{tiny_dataset[0]}/hed')
  commands.succeed(SCRIPT, **make)
  masks = json.loads(open(
      f'{tiny_dataset[0]}/hed/oversegmentation.json', encoding='utf-8').read())
  assert masks['detector'] == 'gradient' and 'hed_scales' not in masks
  assert reading.read_mask(f'{tiny_dataset[0]}/hed/im0.png').shape == (40, 56)


def test_what_is_there_is_not_made_again(make, tmp_path):
  commands.succeed(SCRIPT, **make)
  first = _masks(tmp_path / 'out')
  (tmp_path / 'out/im2.png').unlink()
  files.write_png(str(tmp_path / 'out/im1.png'), np.zeros((56, 40), np.uint8))
  assert '1 oversegmentations made, 3 were there' in commands.succeed(
      SCRIPT, **make)
  again = _masks(tmp_path / 'out')
  np.testing.assert_array_equal(again['im2.png'], first['im2.png'])
  assert not again['im1.png'].any()
  assert '--threshold 0.25 (now 0.9); give those, or --overwrite' in (
      commands.fail(SCRIPT, **make, threshold=.9))
  commands.succeed(SCRIPT, '--overwrite', **make)
  np.testing.assert_array_equal(
      _masks(tmp_path / 'out')['im1.png'], first['im1.png'])


def test_masks_that_end_too_early_are_made_again(make, tmp_path):
  commands.succeed(SCRIPT, **make)
  first = _masks(tmp_path / 'out')
  broken = tmp_path / 'out/im2.png'
  os.truncate(broken, broken.stat().st_size - 9)
  status, out, err = commands.run(SCRIPT, **make)
  assert status == 0 and '1 oversegmentations made, 3 were there' in out
  assert ('warning: 1 of 4 masks of regions, or their contour maps, end too '
          f'early, as {broken}: made again\n') in err
  np.testing.assert_array_equal(
      _masks(tmp_path / 'out')['im2.png'], first['im2.png'])
  (tmp_path / 'out/oversegmentation.json').unlink()  # one's own by now
  os.truncate(broken, broken.stat().st_size - 9)
  before = broken.read_bytes()
  assert '0 oversegmentations made' in commands.succeed(SCRIPT, **make)
  assert broken.read_bytes() == before


def test_contour_maps_that_end_too_early_are_made_again(make, tmp_path):
  commands.succeed(SCRIPT, '--ucm', **make)
  broken = tmp_path / 'out/im2.npz'
  whole = broken.stat().st_size
  os.truncate(broken, whole - 9)
  assert '1 oversegmentations made' in commands.succeed(SCRIPT, '--ucm', **make)
  assert broken.stat().st_size == whole


def test_masks_of_other_formats_are_ones_own(make, tmp_path, tiny_dataset):
  """Listed in the third column; with ours in the folder as well."""
  data_dir, data_list = tiny_dataset
  shutil.rmtree(f'{data_dir}/hed')
  tiff = f'{data_dir}/hed/im0.tif'
  os.makedirs(f'{data_dir}/hed')
  PIL.Image.fromarray(np.zeros((40, 56), np.uint8)).save(tiff)
  before = files.read_bytes(tiff)
  lines = [f'JPEGImages/im{i}.png segcls/im{i}.png hed/im{i}.'
           f'{"tif" if i == 0 else "png"}\n' for i in range(4)]
  make |= {'save_dir': '', 'data_list': tmp_path / 'list.txt'}
  make['data_list'].write_text(''.join(lines))
  for made in (3, 0):
    assert f'{made} oversegmentations made' in commands.succeed(SCRIPT, **make)
    assert files.read_bytes(tiff) == before


@pytest.mark.parametrize('num_workers', [1, 2])
def test_of_pictures_that_cannot_be_read_the_others_are_done(
    make, tmp_path, tiny_dataset, num_workers):
  path = f'{tiny_dataset[0]}/JPEGImages/im1.png'
  os.truncate(path, os.path.getsize(path) // 2)
  make['num_workers'] = num_workers
  error = commands.fail(SCRIPT, **make)
  assert f'cannot decode the image {path}' in error
  assert ('(1 of 4 images cannot be read; the regions of the others are made)'
          in error)
  assert _masks(tmp_path / 'out').keys() == {'im0.png', 'im2.png', 'im3.png'}
  os.remove(path)
  PIL.Image.new('RGB', (40, 56)).save(path)
  assert '1 oversegmentations made, 3 were there' in commands.succeed(
      SCRIPT, **make)


def test_a_raised_threshold_is_told(make):
  make['threshold'] = .02
  out = commands.succeed(SCRIPT, **make, max_regions=3)
  assert '; threshold 0.02, of 4 images a higher one, for --max_regions 3\n' \
      in out
  make['save_dir'] = f'{make["save_dir"]}_many'
  assert '; threshold 0.02\n' in commands.succeed(SCRIPT, **make)


def test_masks_of_changed_images_are_made_again(make, tmp_path, tiny_dataset):
  commands.succeed(SCRIPT, **make)
  before = _masks(tmp_path / 'out')
  image = f'{tiny_dataset[0]}/JPEGImages/im1.png'
  files.write_png(image, np.ascontiguousarray(reading.read_image(image)[::-1]))
  os.utime(image, (1, 1))
  status, out, err = commands.run(SCRIPT, **make)
  assert status == 0 and '1 oversegmentations made, 3 were there' in out
  assert ('warning: 1 of 4 images or edge maps changed since their masks were '
          f'made, as {image}: made again') in err
  after = _masks(tmp_path / 'out')
  assert [name for name in before
          if not np.array_equal(before[name], after[name])] == ['im1.png']


def test_masks_of_changed_edge_maps_are_made_again(make, tmp_path):
  commands.succeed(SCRIPT, **{**make, 'save_dir': tmp_path / 'sizes'})
  for name, mask in _masks(tmp_path / 'sizes').items():
    edges = np.zeros(mask.shape)
    files.write_array(f'{tmp_path}/edges/{name[:-4]}.npy', edges)
  make = {**make, 'detector': 'folder', 'detector_path': tmp_path / 'edges'}
  commands.succeed(SCRIPT, **make)
  assert '0 oversegmentations made' in commands.succeed(SCRIPT, **make)
  edges[:, 20] = 1
  files.write_array(str(tmp_path / 'edges/im3.npy'), edges)
  assert '1 oversegmentations made' in commands.succeed(SCRIPT, **make)
  assert _masks(tmp_path / 'out')['im3.png'].any()
  shutil.rmtree(tmp_path / 'edges')
  assert '0 oversegmentations made' in commands.succeed(SCRIPT, **make)


def test_a_second_run_into_the_same_folder_is_refused(make, tmp_path):
  with folder_lock.alone(str(tmp_path / 'out'), 'regions'):
    assert 'another process' in commands.fail(SCRIPT, **make)
  commands.succeed(SCRIPT, **make)


def test_masks_of_ones_own_are_left_alone(make, tmp_path):
  """Those that are missing are added; the folder stays one's own."""
  own = np.full((40, 56), 3, np.uint8)
  files.write_png(str(tmp_path / 'out/im0.png'), own)
  for threshold in (.2, .9):
    out = commands.succeed(SCRIPT, **make, threshold=threshold)
    assert f'{tmp_path}/out: masks that were made elsewhere' in out
  assert len(_masks(tmp_path / 'out')) == 4
  assert not (tmp_path / 'out/oversegmentation.json').exists()
  assert '--overwrite leaves them alone' in commands.fail(
      SCRIPT, '--overwrite', **make)
  np.testing.assert_array_equal(_masks(tmp_path / 'out')['im0.png'], own)


def test_two_lists_in_one_folder_have_masks_of_one_kind(make, tmp_path):
  lists = []
  for name in ('im0', 'im1'):
    lists.append(tmp_path / f'{name}.txt')
    lists[-1].write_text(f'JPEGImages/{name}.png\n')
  commands.succeed(SCRIPT, **{**make, 'data_list': lists[0]})
  other = {**make, 'data_list': lists[1], 'threshold': .5}
  assert '--threshold 0.25 (now 0.5)' in commands.fail(SCRIPT, **other)
  assert '1 masks of other settings' in commands.fail(
      SCRIPT, '--overwrite', **other)
  commands.succeed(SCRIPT, '--overwrite', **make)
  commands.succeed(SCRIPT, '--overwrite', **{**make, 'threshold': .5})
  assert '1 were there' in commands.succeed(SCRIPT, **other)


@pytest.mark.parametrize('switch', ('--overwrite', '--no-overwrite'))
def test_no_mask_takes_the_place_of_an_image(make, tiny_dataset, switch):
  folder = f'{tiny_dataset[0]}/JPEGImages'
  assert 'im0.png, an image of the list' in commands.fail(
      SCRIPT, switch, **{**make, 'save_dir': f'{folder}/'})
  assert reading.read_image(f'{folder}/im0.png').shape == (40, 56, 3)


def test_a_mistyped_detector_leaves_no_settings_behind(make, tmp_path):
  make['detector'] = 'folder'
  for i, size in enumerate([(40, 56), (56, 40), (33, 47), (48, 48)]):
    files.write_array(str(tmp_path / f'edges/im{i}.npy'), np.zeros(size))
  assert 'there is nothing at' in commands.fail(
      SCRIPT, **make, detector_path=tmp_path / 'edgs')
  for path in (f'{tmp_path}/edges', f'{tmp_path}/edges/'):
    commands.succeed(SCRIPT, **make, detector_path=path)


def test_making_all_again_and_stopping_leaves_no_two_kinds(
    make, tmp_path, monkeypatch):
  commands.succeed(SCRIPT, '--ucm', **make)
  make['threshold'] = 0

  def detect(job, config, found=region_jobs.detect):
    if job.name == 'im1':
      raise InputError('the disk is full')
    return found(job, config)

  with monkeypatch.context() as patched:
    patched.setattr(region_jobs, 'detect', detect)
    commands.fail(SCRIPT, '--overwrite', **make)
  assert list(_masks(tmp_path / 'out')) == ['im0.png']
  assert '3 oversegmentations made, 1 were there' in commands.succeed(
      SCRIPT, **make)
  first = _masks(tmp_path / 'out')
  commands.succeed(SCRIPT, '--overwrite', **make)
  for name, mask in _masks(tmp_path / 'out').items():
    np.testing.assert_array_equal(mask, first[name])


@pytest.mark.slow
def test_processes_make_the_same_masks(make, tmp_path):
  commands.succeed(SCRIPT, **make)
  commands.succeed(SCRIPT, **{
      **make, 'save_dir': tmp_path / 'two', 'num_workers': 2})
  for name, mask in _masks(tmp_path / 'out').items():
    np.testing.assert_array_equal(_masks(tmp_path / 'two')[name], mask)


def test_no_more_regions_than_asked_for_and_16_bits(make, tmp_path):
  make |= {'threshold': 0, 'max_regions': 5}
  commands.succeed(SCRIPT, **make)
  assert {mask.max() for mask in _masks(tmp_path / 'out').values()} == {4}
  assert '--max_regions is 256, but masks of 8 bits number no more than 255; ' \
      'give --bit_depth 16' in commands.fail(
          SCRIPT, **{**make, 'max_regions': 256})
  make |= {'max_regions': 400, 'bit_depth': 16, 'save_dir': tmp_path / 'deep',
           'detector': 'folder', 'detector_path': tmp_path / 'edges'}
  rng = np.random.default_rng(0)
  for i, size in enumerate([(40, 56), (56, 40), (33, 47), (48, 48)]):
    files.write_array(str(tmp_path / f'edges/im{i}.npy'), rng.random(size))
  commands.succeed(SCRIPT, **make)
  assert max(mask.max() for mask in _masks(tmp_path / 'deep').values()) == 399


def test_edge_maps_of_8_and_16_bits_and_floats(tmp_path, rng):
  edges = rng.integers(0, 256, (6, 7)).astype(np.uint8)
  files.write_png(str(tmp_path / 'a.png'), edges)
  files.write_png(str(tmp_path / 'b.png'), edges.astype(np.uint16) * 257)
  files.write_array(str(tmp_path / 'c.npy'), edges / 255)
  for name in 'abc':
    np.testing.assert_allclose(
        contour_detectors.read_edges(str(tmp_path / name), (6, 7)),
        edges[None] / np.float32(255), rtol=1e-6)
  PIL.Image.fromarray(edges > 99).save(tmp_path / 'd.png')
  np.testing.assert_array_equal(
      contour_detectors.read_edges(str(tmp_path / 'd'), (6, 7)),
      edges[None] > 99)


@pytest.mark.parametrize('edges, message', [
    (np.zeros((40, 40)),
     'im0.npy has the shape (1, 40, 40), its image is 40x56'),
    (np.full((40, 56), 255.), 'strengths from 255 to 255; they must be'),
    (np.full((40, 56), -.1), 'strengths from -0.1 to -0.1'),
    (np.full((40, 56), np.nan), 'strengths that are not finite'),
    (np.zeros((0, 40, 56)), 'has the shape (0, 40, 56)'),
    (np.zeros(()), 'has the shape (1,)'),
    (np.zeros((40, 56, 3)), 'its image is 40x56'),
    (np.arange(40 * 56).reshape(40, 56) % 5 > 0,
     'im0.npy is above 0.9 at 80% of its pixels, as if contours were dark')])
def test_edge_maps_that_do_not_fit(make, tmp_path, edges, message):
  files.write_array(str(tmp_path / 'edges/im0.npy'), edges)
  assert message in commands.fail(
      SCRIPT, **make, detector='folder', detector_path=tmp_path / 'edges')


def test_edge_maps_that_cannot_be_read(make, tmp_path):
  folder = {'detector': 'folder', 'detector_path': tmp_path / 'edges'}
  assert "there is nothing at '" in commands.fail(SCRIPT, **make, **folder)
  (tmp_path / 'edges').mkdir()
  assert 'no edge map' in commands.fail(SCRIPT, **make, **folder)
  (tmp_path / 'edges/im0.npy').write_text('nothing')
  assert 'cannot read the edge map' in commands.fail(SCRIPT, **make, **folder)
  files.write_png(str(tmp_path / 'edges/im0.png'),
                  np.zeros((40, 56, 3), np.uint8))
  (tmp_path / 'edges/im0.npy').unlink()
  assert 'a picture of mode RGB' in commands.fail(SCRIPT, **make, **folder)
  files.write_png(str(tmp_path / 'edges/im0.png'), np.zeros((40, 56), np.uint8),
                  np.zeros((256, 3)))
  assert 'a picture of mode P' in commands.fail(SCRIPT, **make, **folder)
  with open(tmp_path / 'edges/im0.npy', 'wb') as file:
    np.savez(file, np.zeros((40, 56)))
  assert 'an archive, not an array' in commands.fail(SCRIPT, **make, **folder)


def test_an_image_without_edges_is_one_region(make, tmp_path, tiny_dataset):
  for i, size in enumerate([(40, 56), (56, 40), (33, 47), (48, 48)]):
    files.write_png(f'{tiny_dataset[0]}/JPEGImages/im{i}.png',
                    np.full((*size, 3), 120, np.uint8))
  commands.succeed(SCRIPT, **make)
  assert not any(mask.any() for mask in _masks(tmp_path / 'out').values())


def test_a_keras_network(make, tmp_path):
  keras.utils.set_random_seed(0)
  contour_model.build_contour_model((4, 4)).save(tmp_path / 'net.keras')
  make |= {'detector': 'keras', 'detector_path': tmp_path / 'net.keras'}
  commands.succeed(SCRIPT, **make)
  assert len(_masks(tmp_path / 'out')) == 4
  (tmp_path / 'net.keras').write_text('nothing')
  assert 'cannot load the contour network' in commands.fail(
      SCRIPT, '--overwrite', **make)
  with zipfile.ZipFile(tmp_path / 'net.keras', 'w') as file:
    file.writestr('a', 'nothing')
  assert 'cannot load the contour network' in commands.fail(
      SCRIPT, '--overwrite', **make)


@pytest.mark.parametrize('channels, options, message', (
    (1, {}, 'takes (None, None, None, 1) and returns'),
    (3, {'strides': 2}, 'the output of '),
    (3, {}, '')))
def test_a_keras_network_of_ones_own(
    make, tmp_path, channels, options, message):
  inputs = keras.Input((None, None, channels))
  keras.Model(inputs, keras.layers.Conv2D(2, 1, **options)(inputs)).save(
      tmp_path / 'net.keras')
  make |= {'detector': 'keras', 'detector_path': tmp_path / 'net.keras'}
  if message:
    assert message in commands.fail(SCRIPT, **make)
  else:
    commands.succeed(SCRIPT, **make)


def test_a_keras_network_for_one_size_only(make, tmp_path):
  inputs = keras.Input((8, 8, 3))
  keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs)).save(
      tmp_path / 'net.keras')
  assert 'does not run on an image of 40x56' in commands.fail(
      SCRIPT, **make, detector='keras', detector_path=tmp_path / 'net.keras')


def test_lists_without_a_place_for_masks(make, tmp_path, tiny_dataset):
  (tmp_path / 'images.txt').write_text('JPEGImages/im0.png\n')
  make['data_list'] = tmp_path / 'images.txt'
  assert '1 oversegmentations made' in commands.succeed(SCRIPT, **make)
  assert 'no place for the oversegmentation' in commands.fail(
      SCRIPT, **{**make, 'save_dir': ''})


def test_no_mask_overwrites_that_of_another_image(
    make, tmp_path, tiny_dataset):
  (tmp_path / 'list.txt').write_text(
      'JPEGImages/im0.png\n/JPEGImages/im0.png\nother/im0.png\n')
  (tmp_path / 'twice.txt').write_text(
      'JPEGImages/im0.png\n/JPEGImages/im0.png\n')
  files.write_png(f'{tiny_dataset[0]}/other/im0.png',
                  np.zeros((9, 9, 3), np.uint8))
  line = commands.fail(SCRIPT, **{**make, 'data_list': tmp_path / 'list.txt'})
  assert (f'list.txt:3: {tiny_dataset[0]}/other/im0.png would overwrite '
          f'{tmp_path}/out/im0.png, the oversegmentation of ') in line
  assert '1 oversegmentations made' in commands.succeed(
      SCRIPT, **{**make, 'data_list': tmp_path / 'twice.txt'})


def test_flags_out_of_range(make):
  for flags, message in (
      ({'max_regions': 0}, '--max_regions is 0; it must be above 0'),
      ({'threshold': 'nan'}, '--threshold is nan; it must be a finite number'),
      ({'hed_scales': '1,x'}, 'give numbers above 0, up to 4, as 0.5,1,1.5'),
      ({'hed_scales': '0'}, "--hed_scales is '0'; give numbers above 0"),
      ({'threshold': 5}, '--threshold is 5.0; it must be below 1'),
      ({'detector': 'hedd'}, "invalid choice: 'hedd'")):
    assert message in commands.fail(SCRIPT, **{**make, **flags})


def test_small_basins_join_their_neighbours(make, tmp_path):
  counts = []
  for min_pixels in (1, 60):
    make |= {'save_dir': tmp_path / str(min_pixels), 'threshold': .02}
    commands.succeed(SCRIPT, **make, min_pixels=min_pixels)
    masks = _masks(make['save_dir']).values()
    counts.append(sum(mask.max() + 1 for mask in masks))
    record = json.loads(
        (make['save_dir'] / 'oversegmentation.json').read_text())
    # As in records from before there was the setting, where it is 1.
    assert record.get('min_pixels', 1) == min_pixels
    assert ('min_pixels' in record) == (min_pixels > 1)
    assert f'--min_pixels {min_pixels} (now 9)' in commands.fail(
        SCRIPT, **make, min_pixels=9)
  assert '--min_pixels 60 (now 1)' in commands.fail(SCRIPT, **make)
  assert counts[1] < counts[0]
  assert min(np.bincount(mask.ravel()).min() for mask in masks) >= 60


def test_a_threshold_of_ones_own():
  contours = np.zeros((1, 9, 9), np.float32)
  contours[0, :, 4] = .4
  for threshold, count in ((.3, 2), (.5, 1)):
    regions, ucm, _ = region_jobs.oversegment(contours, threshold, 255)
    assert regions.max() + 1 == count and ucm.max() == np.float32(.4)
