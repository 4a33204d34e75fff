"""VOC 2012 and SBD from trees in their true layouts."""

import json
import os
import shutil

import needs
import numpy as np
import PIL.Image
import pytest
import scipy.io

from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import voc12 as voc12_dataset
from segsort.errors import InputError
from segsort.runs import files

SIZE = (6, 9)


def labels_of(image_id):
  """Labels that differ from image to image, u8[H, W]."""
  rng = np.random.default_rng(list(image_id.encode()))
  return rng.choice(np.array([0, 1, 15, 20], np.uint8), SIZE)


def write_voc(folder, splits):
  """Writes a devkit with the ids of each split."""
  for split, ids in splits.items():
    files.write_text(str(folder / f'ImageSets/Segmentation/{split}.txt'),
                     ''.join(f'{image_id}\n' for image_id in ids))
    for image_id in ids:
      write_image(folder, image_id)
      labels = labels_of(image_id)
      labels[0] = 255  # VOC's outline; SBD has none
      files.write_png(str(folder / f'SegmentationClass/{image_id}.png'),
                      labels, dataset_info.voc_palette())


def write_image(voc, image_id):
  (voc / 'JPEGImages').mkdir(parents=True, exist_ok=True)
  PIL.Image.new('RGB', SIZE[::-1]).save(voc / f'JPEGImages/{image_id}.jpg')


def write_sbd(folder, voc, splits):
  """Writes SBD's lists and .mat files, and the images into VOC."""
  (folder / 'dataset/cls').mkdir(parents=True)
  for split, ids in splits.items():
    files.write_text(str(folder / f'dataset/{split}.txt'), '\n'.join(ids))
    for image_id in ids:
      write_image(voc, image_id)
      scipy.io.savemat(folder / f'dataset/cls/{image_id}.mat', {'GTcls': {
          'Segmentation': labels_of(image_id), 'Boundaries': np.zeros(3)}})


def config(tmp_path, **settings):
  return voc12_dataset.VocConfig(**{
      'data_dir': str(tmp_path / 'data'), 'list_dir': str(tmp_path / 'lists'),
      **settings})


def read_list(tmp_path, split):
  return (tmp_path / f'lists/{split}.txt').read_text().splitlines()


@pytest.fixture
def tree(tmp_path):
  """VOC and SBD as unpacked; SBD repeats b of VOC train and c of VOC val."""
  voc = tmp_path / 'data/VOCdevkit/VOC2012'
  write_voc(voc, {'train': ['a', 'b'], 'val': ['c']})
  write_sbd(tmp_path / 'data/benchmark_RELEASE', voc,
            {'train': ['b', 'x', 'c'], 'val': ['w']})
  return tmp_path / 'data'


def test_lists(tree, tmp_path):
  voc12_dataset.prepare(config(tmp_path))
  a, b, c = (f'/VOC2012/JPEGImages/{i}.jpg /VOC2012/segcls/{i}.png'
             for i in 'abc')
  x, w = (f'/VOC2012/JPEGImages/{i}.jpg /sbd/dataset/clsimg/{i}.png'
          for i in 'xw')
  assert read_list(tmp_path, 'train') == [a, b]
  assert read_list(tmp_path, 'val') == [c]
  assert read_list(tmp_path, 'trainval') == [a, b, c]
  assert read_list(tmp_path, 'train+') == [a, b, x, w]
  assert not (tmp_path / 'lists/test.txt').exists()
  for line in read_list(tmp_path, 'train+') + [c]:
    for path in line.split():
      assert (tree / path.lstrip('/')).exists()


def test_masks_hold_class_ids(tree, tmp_path):
  voc12_dataset.prepare(config(tmp_path))
  for image_id in 'abc':
    mask = reading.read_mask(str(tree / f'VOC2012/segcls/{image_id}.png'))
    np.testing.assert_array_equal(mask[0], 255)
    np.testing.assert_array_equal(mask[1:], labels_of(image_id)[1:])
  for image_id in 'xw':
    path = tree / f'sbd/dataset/clsimg/{image_id}.png'
    np.testing.assert_array_equal(
        reading.read_mask(str(path)), labels_of(image_id))
    assert PIL.Image.open(path).mode == 'L'


def test_what_was_unpacked_stays_as_it_was(tree, tmp_path):
  def snapshot():
    return {path: path.read_bytes()
            for name in ('VOCdevkit', 'benchmark_RELEASE')
            for path in (tree / name).rglob('*') if path.is_file()}
  before = snapshot()
  voc12_dataset.prepare(config(tmp_path))
  assert snapshot() == before
  assert os.readlink(tree / 'VOC2012/JPEGImages') == (
      '../VOCdevkit/VOC2012/JPEGImages')
  moved = tmp_path / 'elsewhere'
  tree.rename(moved)  # the link does not mind
  assert (moved / 'VOC2012/JPEGImages/a.jpg').exists()


def test_second_run_writes_no_mask_again_but_half_of_one(tree, tmp_path):
  voc12_dataset.prepare(config(tmp_path))
  kept, renewed = (tree / f'VOC2012/segcls/{i}.png' for i in 'ab')
  files.write_png(str(kept), np.zeros((1, 9), np.uint8))
  before = kept.read_bytes()
  os.truncate(renewed, 50)
  voc12_dataset.prepare(config(tmp_path))
  assert kept.read_bytes() == before
  assert files.is_whole_png(str(renewed))


def test_folders_of_the_final_names_and_without_sbd(tmp_path, capsys):
  voc = tmp_path / 'data/VOC2012'
  write_voc(voc, {'train': ['a'], 'val': ['c'], 'test': ['t']})
  voc12_dataset.prepare(config(tmp_path))
  assert not (voc / 'JPEGImages').is_symlink()
  assert read_list(tmp_path, 'test') == ['/VOC2012/JPEGImages/t.jpg']
  assert not (tmp_path / 'lists/train+.txt').exists()
  out = capsys.readouterr().out.splitlines()
  assert out[-1] == (
      'no SBD (sbd/ or benchmark_RELEASE/ with dataset/cls/) in '
      f'{tmp_path}/data: train+.txt is not written; `DATAROOT={tmp_path}/data '
      'bash bashscripts/voc12/prepare_data.sh` fetches it')
  assert ('note: val.txt is not the published list of 1449 images: a sample, '
          'or damaged?') in out


def test_named_folders_are_only_read(tmp_path):
  voc = tmp_path / 'voc'
  write_voc(voc, {'train': ['a'], 'val': ['c']})
  write_sbd(tmp_path / 'boundaries', voc, {'train': ['x'], 'val': []})
  settings = config(tmp_path, voc_dir=str(voc),
                    sbd_dir=str(tmp_path / 'boundaries'))
  for _ in range(2):
    voc12_dataset.prepare(settings)
  assert sorted(os.listdir(voc)) == [
      'ImageSets', 'JPEGImages', 'SegmentationClass']
  assert sorted(os.listdir(tmp_path / 'data')) == ['VOC2012', 'sbd']
  assert len(read_list(tmp_path, 'train+')) == 2
  assert (tmp_path / 'data/VOC2012/JPEGImages/x.jpg').exists()


def test_a_link_to_another_folder_is_not_taken_over(tmp_path):
  for name in ('one', 'two'):
    write_voc(tmp_path / name, {'train': ['a'], 'val': ['c']})
  voc12_dataset.prepare(config(tmp_path, voc_dir=str(tmp_path / 'one')))
  with pytest.raises(InputError, match='is a link to .*one.*, not to .*two'):
    voc12_dataset.prepare(config(tmp_path, voc_dir=str(tmp_path / 'two')))


def test_published_lists_are_recognised(tmp_path, monkeypatch, capsys):
  # `printf 'a\nb\n' | sha256sum`: of the sorted ids.
  monkeypatch.setitem(voc12_dataset.EXPECTED, 'train', (
      2, '911169ddaaf146aff539f58c26c489af'
      '3b892dff0fe283c1c264c65ae5aa59a2'))
  write_voc(tmp_path / 'data/VOC2012', {'train': ['b', 'a'], 'val': ['c']})
  voc12_dataset.prepare(config(tmp_path))
  out = capsys.readouterr().out
  assert 'note: train.txt' not in out
  assert 'note: val.txt' in out


def test_missing_split_files(tmp_path, capsys):
  voc = tmp_path / 'data/VOC2012'
  write_voc(voc, {'train': ['a']})
  voc12_dataset.prepare(config(tmp_path))
  assert os.listdir(tmp_path / 'lists') == ['train.txt']
  assert (f'no {voc}/ImageSets/Segmentation/val.txt: val.txt is not '
          'written') in capsys.readouterr().out
  (voc / 'ImageSets/Segmentation/train.txt').unlink()
  with pytest.raises(InputError, match='neither train.txt nor val.txt'):
    voc12_dataset.prepare(config(tmp_path))


def test_no_voc_at_all(tmp_path):
  with pytest.raises(InputError) as error:
    voc12_dataset.prepare(config(tmp_path))
  assert str(error.value) == (
      f'there is no VOC 2012 in {tmp_path}/data (looked for VOC2012/ and '
      f'VOCdevkit/VOC2012/ with ImageSets/Segmentation/); `DATAROOT={tmp_path}'
      '/data bash bashscripts/voc12/prepare_data.sh` fetches it')
  with pytest.raises(InputError, match='--voc_dir .* has no folder ImageSets'):
    voc12_dataset.prepare(config(tmp_path, voc_dir=str(tmp_path)))


@pytest.mark.parametrize('damage, message', [
    ('truncated mat', 'x.mat: it is corrupt or holds no GTcls'),
    ('other mat', 'x.mat: it is corrupt or holds no GTcls'),
    ('missing mat', 'x.mat: no such file'),
    ('truncated png', 'cannot decode the mask .*a.png'),
    ('missing png', 'cannot read the mask .*a.png'),
    ('size', r'a.png is 2x3 \(height x width\), its image .*a.jpg 6x9'),
    ('label', 'a.png has the label 21; expected 0 to 20 or 255'),
    ('image', 'cannot read the image .*a.jpg')])
def test_damaged_files_are_named(tree, tmp_path, damage, message):
  mat = tree / 'benchmark_RELEASE/dataset/cls/x.mat'
  png = tree / 'VOCdevkit/VOC2012/SegmentationClass/a.png'
  {'truncated mat': lambda: mat.write_bytes(mat.read_bytes()[:200]),
   'other mat': lambda: scipy.io.savemat(mat, {'GTinst': 1}),
   'missing mat': mat.unlink,
   'truncated png': lambda: png.write_bytes(png.read_bytes()[:-30]),
   'missing png': png.unlink,
   'size': lambda: files.write_png(str(png), np.zeros((2, 3), np.uint8)),
   'label': lambda: files.write_png(str(png), np.full(SIZE, 21, np.uint8)),
   'image': (tree / 'VOCdevkit/VOC2012/JPEGImages/a.jpg').unlink}[damage]()
  with pytest.raises(InputError, match=message) as error:
    voc12_dataset.prepare(config(tmp_path))
  assert '\n' not in str(error.value)


def test_real_images(tmp_path):
  sample = needs.shared('data/voc_sample/VOC2012')
  shutil.copytree(sample, tmp_path / 'data/VOC2012')
  voc12_dataset.prepare(config(tmp_path))
  mask = reading.read_mask(str(
      tmp_path / 'data/VOC2012/segcls/2011_000003.png'))
  assert mask.shape == (338, 500)
  assert list(np.unique(mask)) == [0, 5, 15, 255]
  assert (mask == 255).sum() == 9460
  assert read_list(tmp_path, 'trainval') == [
      f'/VOC2012/JPEGImages/{i}.jpg /VOC2012/segcls/{i}.png'
      for i in ('2011_000003', '2011_000025', '2011_000006')]


def test_counts_and_hashes_are_the_published_ones():
  counts = needs.shared('data/voc12_counts.json')
  lists = json.loads(counts.read_text())['lists']
  assert voc12_dataset.EXPECTED == {
      split: (facts['unique'], facts['sha256_sorted_ids'])
      for split, facts in lists.items()}
