"""Labels by retrieval against numpy: windows, scales, mirrors, any size."""

import dataclasses

import closeness
import cv2
import embedding_twins
import keras
import numpy as np
import PIL.Image
import plain_labels
import pytest
import small_runs
import tensorflow as tf

import network
from network import layers
from segsort.data import dataset_info
from segsort.data import reading
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import inference
from segsort.inference import inference_flags
from segsort.inference import inference_settings
from segsort.inference import labeller as labeller_lib
from segsort.inference import prototype_set
from segsort.runs import files
from segsort.runs import settings as settings_lib

WINDOW, STRIDE, CLASSES = (24, 24), 16, 3


def _config(dataset=('', ''), **settings):
  return small_runs.restored_config(
      inference_settings.InferenceConfig, dataset, '', settings.pop('save_dir',
                                                                    ''), **{
          'prototype_dir': '', 'embedding_dim': 4, 'num_classes': CLASSES,
          'k_in_nearest_neighbors': 5, **settings})


@pytest.fixture(name='prototypes')
def _prototypes(rng):
  return (embedding_twins.unit(rng.normal(size=(30, 4))).astype(np.float32),
          rng.integers(0, CLASSES, 30).astype(np.int32))


def _labeller(prototypes, model=embedding_twins.eighth_pixels, **settings):
  embedder = embedding.Embedder(model, WINDOW, (STRIDE, STRIDE))
  return labeller_lib.Labeller(embedder, *prototypes, _config(**settings))


def _off_by_rounding(images, training):
  """The network, its embeddings off by some rounding errors."""
  noise = closeness.perturbed(np.ones((3, 3, 4)), np.random.default_rng(0))
  return noise * embedding_twins.eighth_pixels(images, training)


def _image(rng, height, width):
  """Coarse blocks of colour, so that segments differ."""
  blocks = rng.integers(0, 256, (height // 6 + 1, width // 6 + 1, 3))
  return np.kron(blocks, np.ones((6, 6, 1)))[:height, :width].astype(np.uint8)


def _ends(size):
  window = WINDOW[0]
  count = int(np.ceil(max(size - window, 0) / STRIDE)) + 1
  return [int(end) for end in np.linspace(window, max(size, window), count)]


def _votes_twin(embeddings, places, prototypes):
  """Votes f64[H, W, C] of the neighbours of each pixel's cluster."""
  features, labels = prototypes
  everywhere = np.ones(embeddings.shape[:2], bool)
  clusters = embedding_twins.cluster(embeddings, places, everywhere, 3, 3)
  votes = np.zeros([*clusters.shape, CLASSES])
  for cluster in np.unique(clusters):
    query = embedding_twins.unit(embeddings[clusters == cluster].sum(0))
    nearest = np.argsort(-(features @ query), kind='stable')[:5]
    votes[clusters == cluster] = np.bincount(
        labels[nearest], minlength=CLASSES)
  return votes


def _view_twin(image, scale, flip, prototypes):
  """Votes f64[H, W, C] of one scale, window by window."""
  size = image.shape[:2]
  scaled = [max(int(length * scale), 1) for length in size]
  pixels = layers.resize_bilinear(
      embedding_twins.subtract_mean(image)[None], scaled)[0].numpy()
  if flip:
    pixels = pixels[:, ::-1]
  places = embedding_twins.locations(*scaled)
  votes = np.zeros([*scaled, CLASSES])
  for top, left, raw in embedding_twins.windows(
      pixels, WINDOW, [_ends(length) for length in scaled]):
    part = slice(top, top + WINDOW[0]), slice(left, left + WINDOW[1])
    inside = places[part]
    raw = embedding_twins.unit(raw[:inside.shape[0], :inside.shape[1]])
    votes[part] += _votes_twin(raw, inside, prototypes)
  if flip:
    votes = votes[:, ::-1]
  return np.stack([
      cv2.resize(np.ascontiguousarray(votes[..., c], np.float32), size[::-1],
                 interpolation=cv2.INTER_LINEAR) for c in range(CLASSES)], -1)


# The window, smaller, larger, portrait, landscape, flat and long, one pixel.
SIZES = (24, 24), (13, 20), (50, 41), (61, 30), (30, 61), (9, 70), (1, 1)


@pytest.mark.parametrize('height, width', SIZES)
def test_an_image_of_any_size_gets_the_labels_of_the_twin(
    rng, prototypes, height, width):
  image = _image(rng, height, width)
  labels = _labeller(prototypes).predict(image)
  embeddings = embedding_twins.embed(
      image, WINDOW, [_ends(size) for size in image.shape[:2]])
  votes = _votes_twin(
      embeddings, embedding_twins.locations(height, width), prototypes)
  assert labels.shape == (height, width) and labels.dtype == np.int32
  # A pixel between two clusters may go either way; an error moves segments.
  assert (labels == votes.argmax(-1)).mean() > .99


@pytest.mark.parametrize('height, width', (
    (24, 24), (13, 40), (45, 30), (1, 1)))
@pytest.mark.parametrize('scale_aug, flip_aug', (
    (True, True), (True, False), (False, True)))
def test_votes_of_scales_and_mirrors_are_summed(
    rng, prototypes, height, width, scale_aug, flip_aug):
  image = _image(rng, height, width)
  labels = _labeller(
      prototypes, scale_aug=scale_aug, flip_aug=flip_aug).predict(image)
  scales = (.5, .75, 1, 1.25, 1.5, 1.75) if scale_aug else (1,)
  total = sum(_view_twin(image, scale, flip, prototypes) for scale in scales
              for flip in ((False, True) if flip_aug else (False,)))
  assert labels.shape == (height, width) and labels.dtype == np.int32
  # Where classes are level but for rounding, either may win.
  best = np.take_along_axis(total, labels[..., None], -1)[..., 0]
  assert (best >= total.max(-1) - 1e-3).mean() > .99


def test_the_mirrored_image_gets_the_mirrored_labels(rng, prototypes):
  image = _image(rng, 40, 33)
  labeller = _labeller(prototypes, flip_aug=True)
  # The same two views, bit for bit
  np.testing.assert_array_equal(
      labeller.predict(image[:, ::-1]), labeller.predict(image)[:, ::-1])


def test_turning_network_and_prototypes_changes_no_label(rng, prototypes):
  turn = np.linalg.qr(rng.normal(size=(4, 4)))[0].astype(np.float32)
  image = _image(rng, 40, 33)
  turned = labeller_lib.Labeller(embedding.Embedder(
      lambda images, training: embedding_twins.eighth_pixels(
          images, training) @ turn, WINDOW, (STRIDE, STRIDE)),
      prototypes[0] @ turn, prototypes[1], _config())
  assert (turned.predict(image)
          == _labeller(prototypes).predict(image)).mean() > .99


def test_more_neighbours_than_prototypes_all_vote(rng, prototypes, capsys):
  few = prototypes[0][:4], np.array([1, 2, 2, 0], np.int32)
  labels = _labeller(few, k_in_nearest_neighbors=15).predict(
      _image(rng, 30, 30))
  assert (labels == 2).all()
  assert 'only 4 prototypes: all of them vote' in capsys.readouterr().err


def test_a_tie_of_votes_goes_to_the_lowest_class(rng, prototypes):
  level = prototypes[0][:3], np.array([2, 1, 0], np.int32)
  image = _image(rng, 30, 30)
  for flip_aug in (False, True):
    assert not _labeller(level, k_in_nearest_neighbors=3,
                         flip_aug=flip_aug).predict(image).any()


def test_files_hold_ids_and_colours_of_every_image(
    tiny_dataset, tmp_path, prototypes, monkeypatch, capsys):
  monkeypatch.setattr(
      embedding, 'restore_model', lambda _: embedding_twins.eighth_pixels)
  prototype_set.save(str(tmp_path / 'prototypes'), *prototypes)
  config = _config(
      tiny_dataset, prototype_dir=str(tmp_path), save_dir=str(tmp_path / 'r'),
      input_size=settings_lib.Size(WINDOW),
      strides=settings_lib.Size((STRIDE, STRIDE)))
  inference.infer(config)
  labeller = _labeller(prototypes)
  palette = dataset_info.get('voc12').palette
  for i in range(4):
    image = reading.read_image(f'{tiny_dataset[0]}/JPEGImages/im{i}.png')
    labels = reading.read_mask(str(tmp_path / f'r/gray/im{i}.png'))
    np.testing.assert_array_equal(labels, labeller.predict(image))
    with PIL.Image.open(tmp_path / f'r/color/im{i}.png') as colours:
      np.testing.assert_array_equal(
          np.array(colours.convert('RGB')), palette[labels])
  assert '4 images labelled' in capsys.readouterr().out


def test_prototypes_of_another_checkpoint_are_refused(tmp_path, prototypes):
  prototype_set.save(str(tmp_path), *prototypes)
  config = inference_flags.InferenceFlags(
      data_list='l', data_dir='d', restore_from='c.npz', save_dir='r',
      prototype_dir=str(tmp_path), embedding_dim=4, num_classes=CLASSES)
  assert len(inference.load_prototypes(config)[1])  # says nothing of its origin
  files.write_json(str(tmp_path / 'config.json'), {
      'stage': 'extract', 'settings': {'restore_from': 'older'},
      'inputs': {'restore_from': 'of another'}})
  with pytest.raises(InputError, match='with another checkpoint than'):
    inference.load_prototypes(config)


@pytest.mark.parametrize('padding', (1, 3))
def test_networks_of_other_dimensions_in_one_process(rng, prototypes, padding):
  def wider(images, training):
    return tf.pad(embedding_twins.eighth_pixels(images, training),
                  [[0, 0]] * 3 + [[0, padding]])

  image = _image(rng, 30, 30)
  labeller = labeller_lib.Labeller(
      embedding.Embedder(wider, WINDOW, (STRIDE, STRIDE)),
      np.pad(prototypes[0], [[0, 0], [0, padding]]), prototypes[1], _config())
  for model in (embedding_twins.eighth_pixels, _off_by_rounding):
    np.testing.assert_array_equal(
        labeller.predict(image), _labeller(prototypes, model).predict(image))


@pytest.mark.parametrize('height, width', ((96, 70), (40, 150), (31, 20)))
@pytest.mark.slow
def test_every_pixel_has_the_label_of_the_plain_path(rng, height, width):
  """Batches, chunks, one graph and painted votes change no label."""
  keras.utils.set_random_seed(0)
  model = network.build_embedding_model('resnet_small', 'pspnet', 8)
  config = _config(
      embedding_dim=8, num_classes=7, kmeans_iterations=10,
      input_size=settings_lib.Size((40, 48)))
  embedder = embedding.Embedder(model, (40, 48), config.window_strides)
  image = _image(rng, height, width)
  pixels = embedder.embed(image).numpy().reshape(-1, 8)
  prototypes = pixels[rng.integers(0, len(pixels), 300)], rng.integers(
      0, 7, 300).astype(np.int32)
  labeller = labeller_lib.Labeller(
      embedder, *prototypes, dataclasses.replace(
          config, scale_aug=True, flip_aug=True))
  image = _image(rng, height, width)
  single = plain_labels.single(embedder, image, prototypes, config)
  multi = plain_labels.multi(
      embedder, image, prototypes, config, labeller_lib.SCALES)
  # But for what hangs on rounding: of all these pixels, weights that are off by
  # it move .4 %. Not a window, a class or a mirror is as small.
  assert (labeller.predict_single(image) == single).mean() > .99
  assert (labeller.predict_multi(image) == multi).mean() > .99
  assert len(np.unique(multi)) > 2


def test_images_of_new_sizes_trace_nothing_again(rng, prototypes):
  labeller = _labeller(prototypes, scale_aug=True)
  labeller.predict(_image(rng, 40, 33))
  labeller.predict_single(_image(rng, 40, 33))
  for size in ((24, 24), (50, 60), (3, 90)):
    labeller.predict(_image(rng, *size))
    labeller.predict_single(_image(rng, *size))
  for compiled in (labeller.cluster, labeller._cluster_windows):
    assert compiled.experimental_get_tracing_count() == 1


def test_one_cluster_an_image_is_warned_of(
    tiny_dataset, tmp_path, prototypes, monkeypatch, capsys):
  monkeypatch.setattr(
      embedding, 'restore_model', lambda _: embedding_twins.eighth_pixels)
  prototype_set.save(str(tmp_path / 'prototypes'), *prototypes)
  for num_clusters, warned in ((1, True), (2, False)):
    inference.infer(_config(
        tiny_dataset, prototype_dir=str(tmp_path), num_clusters=num_clusters,
        save_dir=str(tmp_path / str(num_clusters)),
        input_size=settings_lib.Size(WINDOW)))
    assert ('gets a single label' in capsys.readouterr().err) == warned
  labels = reading.read_mask(str(tmp_path / '1/gray/im0.png'))
  assert len(np.unique(labels)) == 1


@pytest.mark.parametrize('settings', ({}, {'flip_aug': True}))
def test_colours_and_locations_are_cues_of_the_clusters(
    rng, prototypes, settings):
  """As a labeller whose locations are the weighted cues."""
  image = _image(rng, 24, 24)
  weights = {'location_weight': .5, 'color_weight': 1.5}
  found = _labeller(prototypes, **settings, **weights).predict(image)
  plain = _labeller(prototypes, **settings)
  assert (found != plain.predict(image)).any()
  if settings:
    return
  embedder = embedding.Embedder(
      embedding_twins.eighth_pixels, WINDOW, (STRIDE, STRIDE))
  embeddings, locations = embedding.embed_image(embedder, image)
  cues = np.concatenate([locations / 2, image / np.float32(170)], -1)
  labeller = _labeller(prototypes, color_weight=1.)
  expected = labeller.label_clusters(*labeller._cluster_dense(
      embeddings, tf.constant(cues.astype(np.float32))))
  np.testing.assert_array_equal(found, expected)
  np.testing.assert_array_equal(found, _labeller(
      prototypes, _off_by_rounding, **weights).predict(image))


def test_votes_are_weighed_by_class_and_similarity(rng, prototypes):
  """Against a twin, segment by segment; pixels follow their segment."""
  features, labels = prototypes
  labels = np.where(labels == 2, rng.integers(0, 2, 30), labels)
  labels[0] = 2  # once: the rarest
  labeller = _labeller(
      (features, labels), vote_balance=.5, vote_concentration=8.)
  shares = np.bincount(labels, minlength=CLASSES)
  queries = features[rng.permutation(30)[:6]]
  votes = labeller._count_votes(
      labeller._search(tf.constant(queries)), tf.constant(queries)).numpy()
  for query, found in zip(queries, votes):
    expected = np.zeros(CLASSES)
    for index in closeness.leaders(features @ query, 5):
      expected[labels[index]] += (1 / shares[labels[index]]) ** .5 * np.exp(
          8 * (features[index] @ query - 1))
    # Of five votes, each is rounded to a whole number of 1e-5.
    np.testing.assert_allclose(found / 1e5, expected, atol=6e-5)
  image = _image(rng, 24, 30)
  clusters, _, _, votes = labeller.retrieve(image)
  np.testing.assert_array_equal(
      labeller.predict(image), votes.argmax(-1)[clusters])


@pytest.mark.parametrize('settings', (
    {}, {'flip_aug': True}, {'scale_aug': True, 'flip_aug': True}))
def test_weights_of_1_change_no_label(rng, prototypes, settings):
  image = _image(rng, 30, 41)
  np.testing.assert_array_equal(
      _labeller(prototypes, vote_concentration=1e-9, **settings).predict(image),
      _labeller(prototypes, **settings).predict(image))


def test_colours_and_the_release_do_not_go_together():
  with pytest.raises(InputError, match='--color_weight and --tf1_compat'):
    _config(color_weight=1., tf1_compat=True).check()
