"""Instances and their ids by hand, against loops, and through inference."""

import json
import types

import numpy as np
import pytest
import small_runs

import network
from segsort.checkpoints import checkpoint
from segsort.data import dataset_info
from segsort.data import panoptic
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import inference
from segsort.inference import inference_flags
from segsort.inference import prototype_set

SCENE = np.array([
    [0, 0, 1, 1, 0, 0],
    [2, 0, 1, 0, 0, 1],
    [2, 0, 0, 0, 1, 1],
    [255, 2, 2, 0, 0, 0]])


def test_instances_by_hand():
  np.testing.assert_array_equal(panoptic.ids_of(SCENE, stuff=(0,)), [
      [1, 1, 1001, 1001, 1, 1],
      [2001, 1, 1001, 1, 1, 1002],
      [2001, 1, 1, 1, 1002, 1002],
      [0, 2001, 2001, 1, 1, 1]])  # 2s touch in a corner; equal sizes row by row


def test_small_parts_have_no_id_but_stuff_keeps_them():
  ids = panoptic.ids_of(SCENE, stuff=(2,), min_pixels=4)
  assert set(np.unique(ids)) == {0, 1, 2001}  # both 1s have three pixels
  assert (ids == 0).sum() == 7 and (ids == 2001).sum() == 4


def test_larger_instances_come_first():
  labels = np.zeros((5, 9), int)
  labels[0, 0], labels[2:5, 3:6], labels[0, 7:] = 3, 3, 3
  ids = panoptic.ids_of(labels)
  assert (ids[0, 0], ids[3, 4], ids[0, 8]) == (3003, 3001, 3002)


def _parts_twin(inside):
  """Sets of pixels, by flooding over sides and corners."""
  waiting = {tuple(place) for place in np.argwhere(inside)}
  parts = []
  while waiting:
    edge, part = [waiting.pop()], set()
    while edge:
      row, column = edge.pop()
      part.add((row, column))
      for down in -1, 0, 1:
        for right in -1, 0, 1:
          if (row + down, column + right) in waiting:
            waiting.remove((row + down, column + right))
            edge.append((row + down, column + right))
    parts.append(frozenset(part))
  return parts


@pytest.mark.parametrize('seed', range(4))
def test_instances_against_flooding(seed):
  labels = np.random.default_rng(seed).choice([0, 1, 2, 255], (12, 15))
  ids = panoptic.ids_of(labels, stuff=(0,))
  expected = {frozenset(map(tuple, np.argwhere(labels == 0)))}
  for label in 1, 2:
    expected |= set(_parts_twin(labels == label))
  found = {frozenset(map(tuple, np.argwhere(ids == number)))
           for number in np.unique(ids) if number}
  assert found == expected
  np.testing.assert_array_equal(
      np.where(ids > 0, ids // panoptic.DIVISOR, 255), labels)


def test_of_more_parts_than_ids_the_largest_have_one(capsys):
  labels = np.zeros((80, 80), int)
  labels[::2, ::2] = 1
  labels[40:42, 40:42] = 1  # the largest, numbered first
  ids = panoptic.ids_of(labels, name='im7')
  assert (ids[40:42, 40:42] == 1001).all()
  assert sorted(set(ids.ravel()) - {0, 1}) == list(range(1001, 2000))
  assert (
      'im7: class 1 has 1597 connected parts, ids tell 999 apart; 598 parts of '
      'no more than 1 pixels get none') in capsys.readouterr().err
  assert panoptic.ids_of(labels, stuff=(0, 1)).max() == 1001


def test_the_encoding_of_coco():
  ids = np.array([[0, 1, 255], [256, 254999, 2**24 - 1]])
  picture = panoptic.encode(ids)
  assert picture.dtype == np.uint8 and picture[1, 1].tolist() == [23, 228, 3]
  assert 23 + 256 * 228 + 256**2 * 3 == 254999
  np.testing.assert_array_equal(panoptic.decode(picture), ids)


def test_segments_info_by_hand():
  infos = panoptic.segments_info(panoptic.ids_of(SCENE))
  assert [(info['id'], info['category_id'], info['area'], info['bbox'])
          for info in infos] == [
              (1, 0, 13, [0, 0, 6, 4]), (1001, 1, 3, [2, 0, 2, 2]),
              (1002, 1, 3, [4, 1, 2, 2]), (2001, 2, 4, [0, 1, 3, 3])]
  assert panoptic.segments_info(np.zeros((2, 2), int)) == []


@pytest.mark.parametrize('dataset, stuff, expected', (
    ('demo', '', (0,)), ('demo', 'none', ()), ('demo', '0,3', (0, 3)),
    ('camvid', '', (0, 1, 2, 3, 4, 5, 6, 7)),
    ('cityscapes', '', tuple(range(11))),
    ('coco_stuff', '', tuple(range(80, 171)))))
def test_stuff(dataset, stuff, expected):
  assert panoptic.stuff_classes(types.SimpleNamespace(
      dataset=dataset, stuff=stuff, classes=8)) == expected


def test_classes_on_both_sides_of_the_border_between_things_and_stuff():
  for dataset, thing, stuff in (
      ('cityscapes', 'person', 'sky'), ('coco_stuff', 'toothbrush', 'banner')):
    names = dataset_info.get(dataset).class_names
    found = panoptic.stuff_classes(
        types.SimpleNamespace(dataset=dataset, stuff=''))
    assert {names.index(stuff)} == {names.index(stuff)} & set(found)
    assert names.index(thing) not in found
    # Next to each other in the list: nothing is on the wrong side.
    assert abs(names.index(thing) - names.index(stuff)) == 1


def test_background_of_a_class_file_is_stuff(tmp_path):
  for names, expected in ((['sea', 'background'], (1,)), (['sea'], ())):
    path = tmp_path / f'{len(names)}.json'
    path.write_text(json.dumps(
        {'classes': [{'name': name} for name in names]}))
    assert panoptic.stuff_classes(types.SimpleNamespace(
        dataset=str(path), stuff='')) == expected


@pytest.mark.parametrize('stuff', ('8', '-1', 'sky', '0,,1'))
def test_stuff_that_is_no_class_is_refused(stuff):
  with pytest.raises(InputError, match='--stuff is .* from 0 to 7'):
    panoptic.stuff_classes(types.SimpleNamespace(
        dataset='demo', stuff=stuff, classes=8))


@pytest.fixture(name='flags')
def _flags(tiny_dataset, tmp_path, rng):
  """Flags of a run of four pictures, an untrained network, panoptic."""
  checkpoint.save(str(tmp_path / 'run/model.ckpt-1'), network.named_variables(
      network.build_embedding_model('resnet_small', 'pspnet', 8)))
  features = rng.normal(size=(30, 8))
  prototype_set.save(
      str(tmp_path / 'prototypes'),
      features / np.linalg.norm(features, axis=1, keepdims=True),
      rng.integers(0, 2, 30))

  def make(**settings):
    return small_runs.restored_config(
        inference_flags.InferenceFlags, tiny_dataset, tmp_path / 'run',
        tmp_path / 'results', **{
            'prototype_dir': str(tmp_path), 'k_in_nearest_neighbors': 3,
            'output': 'panoptic', **settings})
  return make


def test_inference_writes_what_coco_reads(flags, tmp_path):
  inference.infer(flags())
  results = tmp_path / 'results'
  content = json.loads((results / 'panoptic.json').read_text())
  assert content['categories'] == [
      {'id': 0, 'name': 'background', 'isthing': 0},
      {'id': 1, 'name': 'aeroplane', 'isthing': 1}]
  assert len(content['images']) == len(content['annotations']) == 4
  for image, annotation in zip(content['images'], content['annotations']):
    assert image['id'] == annotation['image_id']
    assert annotation['file_name'] == image['file_name']
    ids = panoptic.read_picture(
        str(results / 'panoptic' / annotation['file_name']))
    labels = reading.read_mask(str(results / 'gray' / annotation['file_name']))
    assert ids.shape == (image['height'], image['width'])
    np.testing.assert_array_equal(ids, panoptic.ids_of(labels, (0,)))
    assert annotation['segments_info'] == panoptic.segments_info(ids)


def test_a_lost_picture_is_made_again_and_the_json_follows(flags, tmp_path):
  inference.infer(flags())
  results = tmp_path / 'results'
  before = (results / 'panoptic.json').read_bytes()
  (results / 'panoptic/im1.png').unlink()
  inference.infer(flags())
  assert (results / 'panoptic/im1.png').exists()
  assert (results / 'panoptic.json').read_bytes() == before


def test_shards_leave_the_json_to_the_last(flags, tmp_path, capsys):
  inference.infer(flags(num_shards=2, shard_index=1))
  assert 'no panoptic.json yet: 2 of 4' in capsys.readouterr().out
  assert not (tmp_path / 'results/panoptic.json').exists()
  inference.infer(flags(num_shards=2, shard_index=0))
  content = json.loads((tmp_path / 'results/panoptic.json').read_text())
  assert len(content['annotations']) == 4


def test_semantic_results_have_no_instances(flags, tmp_path):
  inference.infer(flags(output='semantic'))
  assert not (tmp_path / 'results/panoptic').exists()
  assert not (tmp_path / 'results/panoptic.json').exists()
