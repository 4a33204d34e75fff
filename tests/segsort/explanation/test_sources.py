"""Training segments found again, and cut out, against their sidecar."""

import dataclasses
import shutil

import numpy as np
import PIL.Image
import pytest

from segsort.data import reading
from segsort.explanation import crops
from segsort.explanation import sources
from segsort.inference import embedding
from segsort.inference import prototype_set
from segsort.runs import files


@pytest.fixture(name='model')
def _model(explain_flags, tmp_path):
  return embedding.restore_model(explain_flags(tmp_path))


def test_the_pixels_of_every_training_segment_are_found_again(
    run, explain_flags, tmp_path, model):
  found = sources.load(explain_flags(tmp_path), model)
  assert not found.notes and len(found.images) == 3
  for image, path in enumerate(found.images):
    own = found.segments[found.segments['image'] == image]
    masks = found.segmenter.masks(path, own)
    classes = reading.read_mask(path.replace('JPEGImages', 'segcls'))
    assert not np.sum(masks, 0).max() > 1  # no pixel is in two segments
    for segment, mask in zip(own, masks):
      rows, columns = np.nonzero(mask)
      assert mask.sum() == segment['pixels']
      assert (rows.min(), rows.max() + 1) == (segment['top'], segment['bottom'])
      assert (columns.min(), columns.max() + 1) == (
          segment['left'], segment['right'])
      assert set(classes[mask]) == {segment['label']}


def test_other_pixels_than_those_of_the_extraction_are_not_shown():
  segment = np.zeros((), prototype_set.SEGMENT)
  segment['pixels'] = 40
  mask = np.zeros((10, 10), bool)
  mask[:4] = True
  assert sources.agrees(mask, segment)
  mask[0, :2] = False
  assert sources.agrees(mask, segment)  # 5 per cent: another machine
  mask[0, 2] = False
  assert not sources.agrees(mask, segment)


def test_pictures_without_list_line_or_mask_have_boxes(
    run, explain_flags, tmp_path, model):
  one = tmp_path / 'one.txt'
  one.write_text((run.folder / 'train.txt').read_text().splitlines()[1])
  found = sources.load(
      explain_flags(tmp_path, prototype_list=str(one)), model)
  masks = [found.segmenter.masks(path, found.segments[:1])[0]
           for path in found.images]
  assert masks[0] is None and masks[2] is None


@pytest.mark.parametrize('case, said', (
    ('boxes', ''), ('weights', 'other weights than these'),
    ('no config', 'no config.json'), ('no list', 'cannot read the list')))
def test_boxes_where_segments_cannot_be_found_again(
    run, explain_flags, tmp_path, model, case, said):
  folder = tmp_path / 'prototypes'
  shutil.copytree(run.folder / 'results/prototypes', folder)
  settings = {'prototype_dir': str(tmp_path)}
  if case == 'boxes':
    settings['outlines'] = 'boxes'
  elif case == 'weights':
    settings['restore_from'] = str(run.folder / 'results')  # another digest
  elif case == 'no config':
    (folder / 'config.json').unlink()
    settings['prototype_data_dir'] = str(run.folder)
  else:
    settings['prototype_list'] = str(tmp_path / 'gone.txt')
  if case == 'weights':
    shutil.copytree(run.folder / 'run', tmp_path / 'run')
    data = (tmp_path / 'run/model.ckpt-1.index').read_bytes()
    (tmp_path / 'run/model.ckpt-1.index').write_bytes(data + b'\0')
    settings['restore_from'] = str(tmp_path / 'run')
  found = sources.load(explain_flags(tmp_path / 'why', **settings), model)
  assert found.segmenter is None and len(found.images) == 3
  assert [said in note for note in found.notes] == [True] * bool(said)


def test_without_a_folder_there_are_no_pictures(
    run, explain_flags, tmp_path, model):
  folder = tmp_path / 'prototypes'
  shutil.copytree(run.folder / 'results/prototypes', folder)
  (folder / 'config.json').unlink()
  found = sources.load(
      explain_flags(tmp_path / 'why', prototype_dir=str(folder)), model)
  assert found.images is None and len(found.names) == 3
  assert 'Give --prototype_data_dir' in found.notes[0]


def _segment(top, bottom, left, right):
  segment = np.zeros((), prototype_set.SEGMENT)
  for name, value in zip(('top', 'bottom', 'left', 'right'),
                         (top, bottom, left, right)):
    segment[name] = value
  return segment


@pytest.mark.parametrize('box, shape, window', (
    ((40, 60, 40, 80), (200, 200), (24, 76, 34, 86)),  # 40 * 1.3 = 52
    ((0, 20, 160, 200), (200, 200), (0, 52, 148, 200)),  # pushed inside
    ((50, 52, 50, 51), (200, 200), (39, 63, 38, 62)),  # the least
    ((0, 30, 0, 60), (30, 60), (0, 30, 0, 60)),  # all there is
    ((0, 1, 0, 1), (1, 1), (0, 1, 0, 1))))
def test_windows_by_hand(box, shape, window):
  assert crops.window_of(_segment(*box), shape) == window


def test_a_crop_holds_its_outline(rng):
  image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
  mask = np.zeros((60, 80), bool)
  mask[10:30, 20:60] = True
  pixels, crop = crops.make_crop(image, _segment(10, 30, 20, 60), mask)
  np.testing.assert_array_equal(pixels, image[0:52, 14:66])
  assert crop == crops.Crop((52, 52), 'M46 30l-40 0 0-20 40 0z', True)
  _, box = crops.make_crop(image, _segment(10, 30, 20, 60), None)
  assert box == dataclasses.replace(crop, exact=False)


def test_a_crop_is_read_whole_or_not_at_all(explain_flags, tmp_path, model):
  found = sources.load(explain_flags(tmp_path), model)
  written, absent = crops.write_crops({0, 5}, found, str(tmp_path), 20)
  assert set(written) == {0, 5} and not absent
  path = crops.path_of(str(tmp_path), 5)
  assert crops.read_crop(path) == written[5] and written[5].exact
  with PIL.Image.open(path) as picture:
    assert max(picture.size) == 20
  with open(path, 'rb') as file:
    data = file.read()
  for part in (data[:200], data[:len(data) - 40], b''):
    with open(path, 'wb') as file:
      file.write(part)
    assert crops.read_crop(path) is None
  PIL.Image.new('RGB', (4, 4)).save(path)  # no crop of ours
  assert crops.read_crop(path) is None
  assert crops.read_crop(str(tmp_path / 'crops/7.jpg')) is None


def test_a_picture_of_another_size_is_taken_for_absent(tmp_path):
  files.write_png(str(tmp_path / 'a.png'), np.zeros((30, 40, 3), np.uint8))
  segments = np.stack([_segment(0, 30, 5, 40), _segment(1, 2, 3, 4)])
  path = str(tmp_path / 'a.png')
  assert sources.read_picture(path, segments).shape == (30, 40, 3)
  segments['right'][0] = 41
  assert sources.read_picture(path, segments) is None
  assert sources.read_picture(str(tmp_path / 'b.png'), segments[1:]) is None
