"""COCO-Stuff from trees as its archives unpack."""

import numpy as np
import PIL.Image
import pytest

from segsort.data import coco_stuff_classes
from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import coco_stuff as coco_stuff_dataset
from segsort.errors import InputError
from segsort.runs import files

LABELS = np.array([[0, 10, 12, 181, 255], [91, 89, 24, 26, 255]], np.uint8)


def write_image(images, maps, split, name, labels=LABELS):
  """Writes IMAGES/SPLIT2017/NAME.jpg and MAPS/SPLIT2017/NAME.png."""
  path = images / f'{split}2017/{name}.jpg'
  path.parent.mkdir(parents=True, exist_ok=True)
  PIL.Image.fromarray(np.zeros((*LABELS.shape, 3), np.uint8)).save(path)
  files.write_png(str(maps / f'{split}2017/{name}.png'), labels)


def config(tmp_path, **settings):
  return coco_stuff_dataset.CocoStuffConfig(**{
      'source_dir': str(tmp_path / 'coco'), 'data_dir': str(tmp_path / 'data'),
      'list_dir': str(tmp_path / 'lists'), **settings})


def _fails(tmp_path, **settings):
  with pytest.raises(InputError) as raised:
    coco_stuff_dataset.prepare(config(tmp_path, **settings))
  assert '\n' not in str(raised.value)
  return str(raised.value)


@pytest.mark.parametrize('images, maps', [
    ('coco', 'coco/stuffthingmaps'), ('coco/images', 'coco/annotations'),
    ('coco', 'coco/stuffthingmaps_trainval2017'), ('coco', 'coco')])
def test_layouts(tmp_path, capsys, images, maps):
  folders = tmp_path / images, tmp_path / maps
  for name in ('000000000009', '000000000007'):
    write_image(*folders, 'train', name)
  coco_stuff_dataset.prepare(config(tmp_path))
  assert (tmp_path / 'lists/train.txt').read_text() == (
      '/JPEGImages/train2017/000000000007.jpg '
      '/segcls/train2017/000000000007.png\n'
      '/JPEGImages/train2017/000000000009.jpg '
      '/segcls/train2017/000000000009.png\n')
  for path in (tmp_path / 'lists/train.txt').read_text().split():
    assert (tmp_path / 'data' / path[1:]).is_file()
  printed = capsys.readouterr().out
  assert 'no val2017/ in' in printed and 'val.txt is not written' in printed
  assert 'train.txt has 2 images, not the published 118287' in printed


def test_maps_elsewhere(tmp_path):
  write_image(tmp_path / 'coco', tmp_path / 'maps', 'val', '1')
  assert 'no val2017/*.png in any of' in _fails(tmp_path)
  coco_stuff_dataset.prepare(config(tmp_path, maps_dir=str(tmp_path / 'maps')))
  assert (tmp_path / 'data/segcls/val2017/1.png').is_file()


def test_masks_hold_contiguous_classes(tmp_path):
  """Values are numbers minus 1: 11 things before 91 were never annotated."""
  write_image(tmp_path / 'coco', tmp_path / 'coco/annotations', 'val', '1')
  coco_stuff_dataset.prepare(config(tmp_path))
  path = tmp_path / 'data/segcls/val2017/1.png'
  np.testing.assert_array_equal(
      reading.read_mask(str(path)),
      [[0, 10, 11, 170, 255], [80, 79, 23, 24, 255]])
  names = dataset_info.get('coco_stuff').class_names
  assert [names[i] for i in (0, 10, 11, 170, 80, 79, 23, 24)] == [
      'person', 'fire hydrant', 'stop sign', 'wood', 'banner', 'toothbrush',
      'giraffe', 'backpack']
  assert PIL.Image.open(path).getpalette() == list(
      dataset_info.get('coco_stuff').palette.ravel())


def test_classes_of_labels_txt():
  assert len(coco_stuff_classes.LABELS) == 182
  assert coco_stuff_classes.NEVER_ANNOTATED < set(coco_stuff_classes.LABELS)
  assert coco_stuff_classes.LABELS[91:93] == ('banner', 'blanket')  # 92, 93
  ids = coco_stuff_classes.train_ids()
  assert np.flatnonzero(ids[:182] == 255).tolist() == [
      11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90]
  assert ids[ids < 255].tolist() == list(range(171))
  assert (ids[182:] == 255).all()


@pytest.mark.parametrize('labels, message', [
    (np.where(LABELS == 12, 11, LABELS), 'has the label 11, which'),
    (np.where(LABELS == 12, 182, LABELS), 'has the label 182, which'),
    (LABELS.astype(np.uint16) + 256, 'has the label 256, which'),
    (LABELS[:1], 'is 1x5 (height x width), its image')])
def test_bad_masks(tmp_path, labels, message):
  write_image(tmp_path / 'coco', tmp_path / 'coco/annotations', 'val', '1',
              labels)
  assert message in _fails(tmp_path)


def test_an_image_without_a_map(tmp_path):
  write_image(tmp_path / 'coco', tmp_path / 'coco/annotations', 'val', '1')
  write_image(tmp_path / 'coco', tmp_path / 'coco/annotations', 'val', '2')
  (tmp_path / 'coco/annotations/val2017/1.png').unlink()
  message = _fails(tmp_path)
  assert 'cannot read the mask' in message and 'val2017/1.png' in message


def test_not_coco(tmp_path):
  (tmp_path / 'coco/train2017').mkdir(parents=True)
  assert 'no train2017/ or val2017/ with *.jpg in' in _fails(tmp_path)
