"""Labels of given regions against loops over them."""

import dataclasses
import types

import closeness
import embedding_twins
import numpy as np
import pytest
import small_runs

from network import layers
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import inference
from segsort.inference import inference_flags
from segsort.inference import inference_settings
from segsort.inference import labeller as labeller_lib
from segsort.inference import prototype_checks
from segsort.inference import prototype_set
from segsort.inference import region_labeller
from segsort.inference import softmax_labeller
from segsort.runs import files

WINDOW, CLASSES = (24, 24), 3


@pytest.fixture(name='prototypes')
def _prototypes(rng):
  return (embedding_twins.unit(rng.normal(size=(30, 4))).astype(np.float32),
          rng.integers(0, CLASSES, 30).astype(np.int32))


def _labeller(prototypes, kind=region_labeller.RegionLabeller, **settings):
  embedder = embedding.Embedder(
      embedding_twins.eighth_pixels, WINDOW, (16, 16))
  return kind(embedder, *prototypes, small_runs.restored_config(
      inference_settings.InferenceConfig, ('', ''), '', '', **{
          'prototype_dir': '', 'embedding_dim': 4, 'num_classes': CLASSES,
          'k_in_nearest_neighbors': 5, **settings}))


def _image(rng, height, width):
  """Coarse blocks of colour, so that segments differ."""
  blocks = rng.integers(0, 256, (height // 6 + 1, width // 6 + 1, 3))
  return np.kron(blocks, np.ones((6, 6, 1)))[:height, :width].astype(np.uint8)


def _regions(rng, height, width):
  """Cells of 5x7 pixels, numbered at random, with gaps."""
  cells = rng.permutation(1000)[:(height // 5 + 1) * (width // 7 + 1)]
  cells = cells.reshape(height // 5 + 1, width // 7 + 1)
  return np.kron(cells, np.ones((5, 7), int))[:height, :width].astype(np.int32)


def _votes_twin(query, prototypes):
  features, labels = prototypes
  nearest = np.argsort(-(features @ embedding_twins.unit(query)), kind='stable')
  return np.bincount(labels[nearest[:5]], minlength=CLASSES)


def test_a_region_takes_the_vote_of_its_mean_direction(rng, prototypes):
  image, regions = _image(rng, 40, 33), _regions(rng, 40, 33)
  labels = _labeller(prototypes).predict_in_regions(image, regions)
  embeddings = embedding_twins.embed(image, WINDOW, [[24, 40], [24, 33]])
  assert labels.shape == (40, 33) and labels.dtype == np.int32
  for region in np.unique(regions):
    votes = _votes_twin(embeddings[regions == region].sum(0), prototypes)
    assert set(labels[regions == region]) == {votes.argmax()}
  assert len(np.unique(labels)) == CLASSES


@pytest.mark.parametrize('scale_aug, flip_aug', (
    (True, True), (True, False), (False, True)))
def test_votes_of_scales_and_mirrors_are_summed_by_region(
    rng, prototypes, scale_aug, flip_aug):
  size = 40, 33
  image, regions = _image(rng, *size), _regions(rng, *size)
  regions[3, 4] = 1000  # one pixel, which is not in the smaller scales
  votes = {region: np.zeros(CLASSES) for region in np.unique(regions)}
  for scale in (.5, .75, 1, 1.25, 1.5, 1.75) if scale_aug else (1,):
    scaled = [int(length * scale) for length in size]
    rows, columns = (np.arange(now) * was // now
                     for now, was in zip(scaled, size))
    for step in (1, -1) if flip_aug else (1,):
      part = regions[rows[:, None], columns][:, ::step]
      pixels = layers.resize_bilinear(
          embedding_twins.subtract_mean(image)[None], scaled)[0].numpy()
      sums = {region: 0 for region in np.unique(part)}
      for top, left, raw in embedding_twins.windows(
          pixels[:, ::step], WINDOW, [_ends(length) for length in scaled]):
        inside = part[top:top + WINDOW[0], left:left + WINDOW[1]]
        unit = embedding_twins.unit(raw)[:inside.shape[0], :inside.shape[1]]
        for region in np.unique(inside):
          sums[region] = sums[region] + unit[inside == region].sum(0)
      for region, query in sums.items():
        votes[region] += _votes_twin(query, prototypes)
  labels = _labeller(
      prototypes, scale_aug=scale_aug,
      flip_aug=flip_aug).predict_in_regions(image, regions)
  for region, count in votes.items():
    assert set(labels[regions == region]) == {count.argmax()}


def _ends(size):
  count = int(np.ceil(max(size - 24, 0) / 16)) + 1
  return [int(end) for end in np.linspace(24, max(size, 24), count)]


@pytest.mark.parametrize('settings', (
    {}, {'vote_balance': .5, 'vote_concentration': 4.}))
def test_the_clusters_as_regions_have_the_labels_of_the_clusters(
    rng, prototypes, settings):
  image = _image(rng, 40, 33)
  plain = _labeller(prototypes, labeller_lib.Labeller, **settings)
  clusters, *_ = plain.retrieve(image)
  np.testing.assert_array_equal(
      _labeller(prototypes, **settings).predict_in_regions(image, clusters),
      plain.predict(image))


def test_the_like_of_regions_is_that_of_their_clusters(rng, prototypes):
  image = _image(rng, 40, 33)
  labeller = _labeller(prototypes)
  clusters, *expected = labeller.retrieve(image)
  regions, *found = labeller.retrieve_in_regions(image, clusters)
  assert regions is clusters and len(found[0]) == clusters.max() + 1
  there = np.unique(clusters)
  for ours, theirs in zip(found, expected):
    closeness.assert_close(ours[there], theirs[there])


def test_votes_are_counted_some_segments_at_a_time(
    rng, prototypes, monkeypatch):
  image, regions = _image(rng, 24, 30), _regions(rng, 24, 30)
  whole = _labeller(prototypes).predict_in_regions(image, regions)
  monkeypatch.setattr(region_labeller, 'SEGMENTS_AT_ONCE', 7)
  np.testing.assert_array_equal(
      _labeller(prototypes).predict_in_regions(image, regions), whole)


def test_probabilities_are_averaged_in_regions():
  """By hand: the second region goes by its mean, not by its most pixels."""
  labeller = softmax_labeller.SoftmaxLabeller.__new__(
      softmax_labeller.SoftmaxLabeller)
  labeller._num_classes, labeller._weights = 2, None
  labeller.probabilities = lambda _: np.stack([first, 1 - first], -1)
  first = np.float32([[.9, .2, .1], [.55, .55, .1]])
  regions = np.int32([[5, 5, 2], [2, 2, 2]])
  assert labeller.predict_in_regions(None, regions).tolist() == [
      [0, 0, 1], [1, 1, 1]]
  labeller._weights = np.array([1., 2.])
  assert labeller.predict_in_regions(None, regions).tolist() == [
      [1, 1, 1], [1, 1, 1]]


def _config(where, save_dir, **settings):
  return small_runs.restored_config(
      inference_flags.InferenceFlags, where, '', save_dir, **{
          'embedding_dim': 4, 'num_classes': CLASSES,
          'regions_dir': f'{where[0]}/hed', **settings})


@pytest.fixture(name='config')
def _fixture(tiny_dataset, tmp_path, monkeypatch, prototypes):
  monkeypatch.setattr(
      embedding, 'restore_model', lambda _: embedding_twins.eighth_pixels)
  prototype_set.save(str(tmp_path / 'p/prototypes'), *prototypes)
  return _config(
      tiny_dataset, tmp_path / 'r', prototype_dir=str(tmp_path / 'p'),
      k_in_nearest_neighbors=5)


def _labels(config, name):
  return reading.read_mask(f'{config.save_dir}/gray/{name}.png')


def test_files_hold_the_labels_of_regions_and_changed_ones_are_made_again(
    config, capsys):
  inference.infer(config)
  before = [_labels(config, f'im{i}') for i in range(4)]
  for i in range(4):
    regions = reading.read_mask(f'{config.regions_dir}/im{i}.png')
    for region in np.unique(regions):
      assert len(set(before[i][regions == region])) == 1
  files.write_png(f'{config.regions_dir}/im2.png',
                  np.zeros(before[2].shape, np.uint16))
  capsys.readouterr()
  inference.infer(config)
  assert ('warning: 1 of 4 images or their regions changed since their results '
          f'in {config.save_dir} were made, as im2: made') in (
              capsys.readouterr().err)
  assert len(np.unique(_labels(config, 'im2'))) == 1
  assert len(np.unique(before[2])) > 1
  np.testing.assert_array_equal(_labels(config, 'im3'), before[3])
  with pytest.raises(InputError, match="--regions_dir .*/hed, not ''; name"):
    inference.infer(dataclasses.replace(config, regions_dir=''))


@pytest.mark.parametrize('name, written, expected', (
    ('regions_dir', '"regions_dir": "",', '--regions_dir None, not .*/hed; na'),
    ('classifier_weight', '"classifier_weight": 0.0,',
     '--classifier_weight None, not 1.0; name')))
def test_results_of_earlier_versions_are_of_clusters_and_votes(
    config, name, written, expected):
  now = {'regions_dir': config.regions_dir, 'classifier_weight': 1.}[name]
  config = dataclasses.replace(config, regions_dir='')
  inference.infer(config)
  path = f'{config.save_dir}/config.json'
  run = files.read_bytes(path).decode()
  assert written in run
  with open(path, 'w', encoding='utf-8') as file:
    file.write(run.replace(written, ''))
  with pytest.raises(InputError, match=expected):
    inference.infer(dataclasses.replace(config, **{name: now}))


def test_softmax_in_regions_has_one_label_a_region(config):
  config = dataclasses.replace(
      config, method='softmax', prototype_dir='', num_classes=4)
  inference.infer(config)
  regions = reading.read_mask(f'{config.regions_dir}/im0.png')
  labels = _labels(config, 'im0')
  image = reading.read_image(f'{config.data_dir}/JPEGImages/im0.png')
  probabilities = softmax_labeller.SoftmaxLabeller(
      embedding.Embedder(embedding_twins.eighth_pixels, (32, 32), (21, 21)),
      config).probabilities(image)
  for region in np.unique(regions):
    assert set(labels[regions == region]) == {
        probabilities[regions == region].mean(0).argmax()}


@pytest.mark.parametrize('of_set, given, told', (
    ('hed', '', 'are of regions of --regions_dir, the segments here are k-m'),
    ('', 'hed', None), ('', '', None), ('hed', 'hed', None)))
def test_prototypes_of_regions_for_clusters_are_told(
    config, capsys, of_set, given, told):
  files.write_json(f'{config.prototype_dir}/prototypes/config.json', {
      'stage': 'ExtractConfig', 'settings': {'regions_dir': of_set}})
  prototype_checks.warn_of_other_segments(types.SimpleNamespace(
      prototype_dir=config.prototype_dir, regions_dir=given))
  error = capsys.readouterr().err
  assert (told in error and error.count('\n') == 1) if told else not error


def test_missing_regions_and_what_does_not_go_with_them_are_one_line(
    config, tmp_path):
  with pytest.raises(InputError, match=r'^.*:1: no regions at .*\(4 of 4 '):
    inference.infer(dataclasses.replace(config, regions_dir=str(tmp_path)))
  for settings, message in (
      ({'tf1_compat': True}, '--regions_dir and --tf1_compat do not'),
      ({'image_dir': 'a', 'data_list': '', 'data_dir': ''},
       '--regions_dir and --image_dir do not')):
    with pytest.raises(InputError, match=message):
      dataclasses.replace(config, **settings).check()
  path = f'{config.regions_dir}/im3.png'
  files.write_png(path, np.zeros((48, 47), np.uint8))
  with pytest.raises(InputError, match=f'^.*:4: the mask {path} is 48x47 .*$'):
    inference.infer(config)
  assert _labels(config, 'im2').size  # what was computed stays
