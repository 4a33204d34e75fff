"""Prototypes of annotated images against numpy, and images without any."""

import dataclasses
import os
import shutil

import closeness
import embedding_twins
import numpy as np
import pytest
import small_runs

from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import annotated_segments
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import inference_settings
from segsort.inference import prototype_set
from segsort.runs import files

# By hand: windows of 32, at most 21 apart.
ENDS = {40: [32, 40], 56: [32, 44, 56], 33: [32, 33], 47: [32, 47],
        48: [32, 48]}


@pytest.fixture(name='config')
def _config(tiny_dataset, tmp_path, monkeypatch):
  """An extraction from windows of 32 every 21, with a network by hand."""
  monkeypatch.setattr(
      embedding, 'restore_model', lambda _: embedding_twins.eighth_pixels)
  return small_runs.restored_config(
      inference_settings.ExtractConfig, tiny_dataset, '', tmp_path / 'results',
      embedding_dim=4)


def _prototypes_twin(image, classes, number, iterations, clusters=None):
  """Cluster by cluster, in order of first occurrence."""
  annotated = classes != 255
  embeddings = embedding_twins.embed(
      image, (32, 32), [ENDS[size] for size in classes.shape])
  if clusters is None:
    clusters = embedding_twins.cluster(
        embeddings, embedding_twins.locations(*classes.shape), annotated,
        number, iterations, clear=True)
  features, labels, segments = [], [], []
  for cluster in dict.fromkeys(clusters[annotated].tolist()):
    of_cluster = clusters == cluster
    labels.append(np.bincount(classes[of_cluster & annotated]).argmax())
    members = of_cluster & (classes == labels[-1])
    features.append(embedding_twins.unit(embeddings[members].sum(0)))
    rows, columns = np.nonzero(members)
    segments.append((cluster, labels[-1], len(rows), rows.min(),
                     rows.max() + 1, columns.min(), columns.max() + 1))
  return features, labels, segments


@pytest.mark.parametrize('regions', ('', 'hed'))
def test_prototypes_equal_a_twin_image_by_image(config, capsys, regions):
  regions = regions and f'{config.data_dir}/{regions}'
  config = dataclasses.replace(config, regions_dir=regions)
  extraction.extract_prototypes(config)
  features, labels, segments = [], [], []
  for i in range(4):
    of_image = _prototypes_twin(
        reading.read_image(f'{config.data_dir}/JPEGImages/im{i}.png'),
        reading.read_mask(f'{config.data_dir}/segcls/im{i}.png'), 3, 3,
        reading.read_mask(f'{regions}/im{i}.png') if regions else None)
    features += of_image[0]
    labels += of_image[1]
    segments += [(i, *segment) for segment in of_image[2]]
  found, paths = prototype_set.load_segments(config.save_dir)
  assert paths == [f'JPEGImages/im{i}.png' for i in range(4)]
  assert found.tolist() == segments
  stored, stored_labels = prototype_set.load(config.save_dir, 4, 2)
  assert stored_labels.tolist() == labels and set(labels) == {0, 1}
  closeness.assert_close(stored, features)
  assert (f'{len(labels)} prototypes of 4 images: {config.save_dir}/prototypes'
          in capsys.readouterr().out)


def _ignore(config, images):
  """Makes every pixel of some images ignored."""
  for i in images:
    path = f'{config.data_dir}/segcls/im{i}.png'
    files.write_png(path, np.full(reading.read_mask(path).shape, 255, np.uint8))


def test_an_ignored_image_is_skipped_with_a_warning(config, capsys):
  extraction.extract_prototypes(config)
  whole, _ = prototype_set.load(config.save_dir, 4, 2)
  _ignore(config, [0])
  extraction.extract_prototypes(dataclasses.replace(config, overwrite=True))
  rest, _ = prototype_set.load(config.save_dir, 4, 2)
  np.testing.assert_array_equal(rest, whole[len(whole) - len(rest):])
  assert 0 < len(rest) < len(whole)
  segments, paths = prototype_set.load_segments(config.save_dir)
  assert len(paths) == 4 and set(segments['image']) == {1, 2, 3}
  captured = capsys.readouterr()
  assert f'warning: {config.data_list}:1: every pixel of' in captured.err
  assert ' prototypes of 3 images' in captured.out


def test_nothing_but_ignored_images_is_one_line(config):
  _ignore(config, range(4))
  with pytest.raises(InputError, match='^no prototypes: every pixel of every'):
    extraction.extract_prototypes(config)


def test_segments_by_hand():
  clusters = np.array([[4, 4, 2], [4, 2, 2], [-1, 4, -1]])
  classes = np.array([[1, 1, 0], [3, 0, 0], [1, 1, 255]])
  segments = annotated_segments.segments_of(clusters, classes, np.array([1, 0]))
  assert segments.tolist() == [  # cluster 4 without the pixel of class 3
      (0, 4, 1, 3, 0, 3, 0, 2), (0, 2, 0, 3, 0, 2, 1, 3)]


def test_a_finished_set_is_not_made_again_unless_its_list_changes(
    config, monkeypatch, capsys):
  extraction.extract_prototypes(config)
  whole = prototype_set.load(config.save_dir, 4, 2)[0].copy()
  with monkeypatch.context() as patched:
    patched.setattr(reading, 'read_image', None)  # fails if it is called
    extraction.extract_prototypes(config)
  assert 'all prototypes are there: ' in capsys.readouterr().out
  np.testing.assert_array_equal(
      prototype_set.load(config.save_dir, 4, 2)[0], whole)
  with pytest.raises(InputError, match='has results of --num_clusters 3, not'):
    extraction.extract_prototypes(
        dataclasses.replace(config, num_clusters=2))
  _ignore(config, range(4))
  with open(config.data_list, 'a', encoding='utf-8') as file:
    file.write('\n')
  with pytest.raises(InputError, match='^no prototypes: every pixel of every'):
    extraction.extract_prototypes(config)
  assert 'another content of --data_list' in capsys.readouterr().err
  assert not prototype_set.is_finished(config.save_dir + '/prototypes')


@pytest.mark.parametrize('folder, anew', (
    ('JPEGImages', 'im2.png'), ('segcls', 'im1.png'), ('hed', 'im3.png')))
def test_a_set_of_changed_images_or_masks_is_made_anew(
    config, folder, anew, capsys):
  config = dataclasses.replace(
      config, regions_dir=f'{config.data_dir}/hed' if folder == 'hed' else '')
  extraction.extract_prototypes(config)
  path = f'{config.data_dir}/{folder}/{anew}'
  pixels = np.array(reading.read_image(path) if folder == 'JPEGImages' else
                    reading.read_labels(path))
  files.write_png(path, pixels[::-1].copy())
  extraction.extract_prototypes(config)
  told = capsys.readouterr()
  assert ('warning: 1 images or masks changed since the prototypes in '
          f'{config.save_dir}/prototypes were extracted, as '
          f'JPEGImages/{anew}: starting anew') in told.err
  renewed = prototype_set.load(config.save_dir, 4, 2)[0].copy()
  fresh = dataclasses.replace(config, save_dir=config.save_dir + '2')
  extraction.extract_prototypes(fresh)
  np.testing.assert_array_equal(
      renewed, prototype_set.load(fresh.save_dir, 4, 2)[0])
  extraction.extract_prototypes(config)
  assert 'all prototypes are there' in capsys.readouterr().out


def test_a_set_without_a_record_is_not_cleared(config, tmp_path):
  """As the 2019 release leaves it."""
  folder = f'{config.save_dir}/prototypes'
  prototype_set.save(folder, np.eye(4), np.arange(4))
  with pytest.raises(InputError, match='but no config.json that tells how'):
    extraction.extract_prototypes(config)
  assert prototype_set.is_finished(folder)
  extraction.extract_prototypes(dataclasses.replace(config, overwrite=True))
  assert len(prototype_set.load(folder, 4, 2)[1]) != 4


def test_an_interruption_costs_no_finished_image(config, monkeypatch, capsys):
  whole = dataclasses.replace(config, save_dir=config.save_dir + '2')
  extraction.extract_prototypes(whole)
  original, read = reading.read_image, []

  def read_image(path):
    read.append(path)
    if len(read) == 3:
      raise KeyboardInterrupt
    return original(path)
  monkeypatch.setattr(reading, 'read_image', read_image)
  with pytest.raises(KeyboardInterrupt):
    extraction.extract_prototypes(config)
  extraction.extract_prototypes(config)
  assert [path[-5] for path in read] == list('01223')
  for name in (*prototype_set.ARRAYS, prototype_set.IMAGES):
    one, other = (open(f'{folder}/prototypes/{name}', 'rb').read()
                  for folder in (config.save_dir, whole.save_dir))
    assert one == other


def test_one_cluster_gives_one_prototype_an_image(config):
  one = small_runs.restored_config(
      inference_settings.ExtractConfig, (config.data_dir, config.data_list), '',
      config.save_dir, embedding_dim=4, num_clusters=1)
  extraction.extract_prototypes(one)
  features, labels = prototype_set.load(config.save_dir, 4, 2)
  assert labels.tolist() == [0] * 4
  for i, feature in enumerate(features):
    image = reading.read_image(f'{config.data_dir}/JPEGImages/im{i}.png')
    classes = reading.read_mask(f'{config.data_dir}/segcls/im{i}.png')
    embeddings = embedding_twins.embed(
        image, (32, 32), [ENDS[size] for size in classes.shape])
    closeness.assert_close(
        feature, embedding_twins.unit(embeddings[classes == 0].sum(0)))


def _two_colours():
  """Dark with a bright part that no cell of the grid ends with."""
  image = np.full((32, 32, 3), 40, np.uint8)
  image[:, 17:] = 200
  return image


def test_with_colours_segments_end_where_these_change(config):
  same = np.tile(embedding_twins.unit([1, 2, 0, 1]), (32, 32, 1))
  image, everywhere = _two_colours(), np.ones((32, 32), bool)
  plain = extraction.cluster_annotated(
      same.astype(np.float32), everywhere, config, image).numpy()
  assert (plain[:, 16] == plain[:, 17]).all()
  coloured = extraction.cluster_annotated(
      same.astype(np.float32), everywhere,
      dataclasses.replace(config, color_weight=2.), image).numpy()
  assert not set(coloured[:, :17].ravel()) & set(coloured[:, 17:].ravel())


def test_without_locations_embeddings_alone_count(config):
  """Two embeddings, checkered: both are found everywhere."""
  rows, columns = np.mgrid[:32, :32]
  odd = (rows // 4 + columns // 4) % 2 == 1
  embeddings = np.where(odd[..., None], *embedding_twins.unit(
      [[1, 0, 0, .2], [0, 1, .2, 0]])).astype(np.float32)
  clusters = extraction.cluster_annotated(
      embeddings, np.ones((32, 32), bool),
      dataclasses.replace(config, location_weight=0., kmeans_iterations=8))
  assert not (set(clusters.numpy()[odd]) & set(clusters.numpy()[~odd]))


def test_regions_may_be_as_many_as_16_bits_number(config):
  regions = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48)
  regions[-1] = 65535
  files.write_png(f'{config.data_dir}/hed/im3.png', regions)
  extraction.extract_prototypes(dataclasses.replace(
      config, regions_dir=f'{config.data_dir}/hed'))
  segments, _ = prototype_set.load_segments(config.save_dir)
  segments = segments[segments['image'] == 3]
  assert segments['segment'].tolist() == [*range(96, 47 * 48), 65535]
  assert segments['pixels'].tolist() == [1] * 45 * 48 + [48]


def test_regions_are_kept_apart_from_clusters_wherever_they_lie(
    config, tmp_path, capsys):
  regions = dataclasses.replace(config, regions_dir=f'{config.data_dir}/hed')
  extraction.extract_prototypes(regions)
  shutil.copytree(regions.regions_dir, tmp_path / 'moved')
  extraction.extract_prototypes(dataclasses.replace(
      config, regions_dir=str(tmp_path / 'moved')))
  assert 'all prototypes are there' in capsys.readouterr().out
  with pytest.raises(InputError, match="--regions_dir .*hed, not ''; name"):
    extraction.extract_prototypes(config)


def test_regions_that_are_missing_or_do_not_fit_are_one_line(config):
  config = dataclasses.replace(config, regions_dir=f'{config.data_dir}/hed')
  path = f'{config.regions_dir}/im1.png'
  files.write_png(path, np.zeros((56, 41), np.uint8))
  with pytest.raises(InputError, match=f'^.*:2: the mask {path} is 56x41 .*$'):
    extraction.extract_prototypes(config)
  os.remove(path)
  with pytest.raises(
      InputError, match=rf'^.*:2: no regions at {path} \(1 of 4 .*$'):
    extraction.extract_prototypes(config)
  with pytest.raises(InputError, match='--regions_dir and --tf1_compat do not'):
    dataclasses.replace(config, tf1_compat=True).check()
