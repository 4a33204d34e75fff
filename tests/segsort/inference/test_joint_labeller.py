"""Votes and probabilities summed by segment against loops over segments."""

import embedding_twins
import numpy as np
import pytest
import small_runs
import tensorflow as tf

from network import layers
from segsort.errors import InputError
from segsort.inference import embedding
from segsort.inference import inference_flags
from segsort.inference import joint_labeller
from segsort.inference import labeller as labeller_lib
from segsort.inference import region_labeller

WINDOW, CLASSES, DIM = (24, 24), 3, 4
CLASS_MIX = np.array(
    [[.01, 0, -.02], [0, .015, 0], [-.01, 0, .02]], np.float32)


def _network(images, training):
  """Embeddings of the twins' network, three logits behind them."""
  logits = tf.einsum(
      'bhwc,cd->bhwd', tf.cast(images[:, ::8, ::8], tf.float32), CLASS_MIX)
  return tf.concat(
      [embedding_twins.eighth_pixels(images, training), logits], -1)


@pytest.fixture(name='prototypes')
def _prototypes(rng):
  return (embedding_twins.unit(rng.normal(size=(30, DIM))).astype(np.float32),
          rng.integers(0, CLASSES, 30).astype(np.int32))


@pytest.fixture(name='image')
def _image(rng):
  blocks = rng.integers(0, 256, (7, 6, 3))
  return np.kron(blocks, np.ones((6, 6, 1)))[:40, :33].astype(np.uint8)


@pytest.fixture(name='regions')
def _regions(rng):
  """Cells of 8x9 pixels, numbered at random, with gaps."""
  cells = rng.permutation(60)[:20].reshape(5, 4)
  return np.kron(cells, np.ones((8, 9), int))[:, :33].astype(np.int32)


def _labeller(prototypes, network=_network,
              kind=joint_labeller.JointLabeller, **settings):
  return kind(
      embedding.Embedder(network, WINDOW, (16, 16)), *prototypes,
      small_runs.restored_config(
          inference_flags.InferenceFlags, ('', ''), '', '', **{
              'embedding_dim': DIM, 'num_classes': CLASSES,
              'k_in_nearest_neighbors': 5, 'classifier_weight': 1.,
              **settings}))


def _scores(image, regions, prototypes, weight, balance=0., views=(1, -1)):
  """{region: (shares of votes, weighted probabilities)} of the mirrors."""
  features, labels = prototypes
  counts = np.bincount(labels, minlength=CLASSES)
  of_class = (counts.min() / counts) ** balance
  scores = {}
  for region in np.unique(regions):
    votes, probabilities = np.zeros(CLASSES), np.zeros(CLASSES)
    for step in views:
      direction, mean, number = 0, 0, 0
      for top, left, raw in embedding_twins.windows(
          embedding_twins.subtract_mean(image[:, ::step]), WINDOW,
          ([24, 40], [24, 33])):
        inside = regions[:, ::step][top:top + 24, left:left + 24] == region
        pixels = embedding_twins.subtract_mean(image[:, ::step])
        logits = layers.resize_bilinear(
            _network(pixels[None, top:top + 24, left:left + 24], False),
            WINDOW).numpy()[0, ..., DIM:].astype(np.float64)
        odds = np.exp(logits)
        direction += embedding_twins.unit(raw)[inside].sum(0)
        mean += (odds / odds.sum(-1, keepdims=True))[inside].sum(0)
        number += inside.sum()
      nearest = np.argsort(-(features @ direction), kind='stable')[:5]
      votes += of_class * np.bincount(labels[nearest], minlength=CLASSES)
      probabilities += of_class * mean / number
    scores[region] = (votes / votes.sum(),
                      weight * probabilities / probabilities.sum())
  return scores


@pytest.mark.parametrize('weight, balance, views', (
    (1., 0., (1, -1)), (.3, .7, (1, -1)), (1., .3, (1,))))
def test_a_region_takes_the_sum_of_both(
    image, regions, prototypes, weight, balance, views):
  labels = _labeller(
      prototypes, flip_aug=len(views) > 1, classifier_weight=weight,
      vote_balance=balance).predict_in_regions(image, regions)
  assert labels.shape == (40, 33) and labels.dtype == np.int32
  of_one = [0, 0]
  for region, both in _scores(
      image, regions, prototypes, weight, balance, views).items():
    best = sum(both).argmax()
    assert set(labels[regions == region]) == {best}
    for index, one in enumerate(both):
      of_one[index] += one.argmax() != best
  assert all(of_one)  # neither labels all regions so by itself


def test_a_tiny_weight_leaves_the_labels_of_votes(image, regions, prototypes):
  votes = _labeller(
      prototypes, embedding_twins.eighth_pixels, flip_aug=True,
      kind=region_labeller.RegionLabeller).predict_in_regions(image, regions)
  both = _labeller(prototypes, flip_aug=True, classifier_weight=1e-6)
  same = both.predict_in_regions(image, regions) == votes
  scores = _scores(image, regions, prototypes, 0.)
  for region, (shares, _) in scores.items():
    if np.sum(shares == shares.max()) == 1:  # where votes are equal, it decides
      assert same[regions == region].all()


def test_a_class_without_a_prototype_is_left_to_the_classifier(
    image, regions, prototypes):
  features, labels = prototypes
  def sure_of_2(images, training):
    embedded = embedding_twins.eighth_pixels(images, training)
    return tf.concat([embedded, 0 * embedded[..., :2],
                      9 + 0 * embedded[..., :1]], -1)
  for balance in (0., .5):
    assert (_labeller(
        (features, labels % 2), sure_of_2, vote_balance=balance,
        classifier_weight=2.).predict_in_regions(image, regions) == 2).all()


def test_a_region_that_no_scale_shows_keeps_what_others_say(
    image, regions, prototypes):
  regions[21, 21] = 100  # one pixel, which is not in the smaller scales
  labeller = _labeller(prototypes, scale_aug=True)
  sums = [one.numpy()[100] for one in labeller.sums_of_views(image, regions)]
  assert [bool(one.any()) for one in sums] == [False] * 2 + [True] * 4
  label = labeller.predict_in_regions(image, regions)[21, 21]
  labeller._scales = labeller._scales[2:]
  assert label == labeller.predict_in_regions(image, regions)[21, 21]


def test_without_regions_the_clusters_are_labelled(image, prototypes):
  joint = _labeller(prototypes)
  clusters, *_ = _labeller(
      prototypes, embedding_twins.eighth_pixels,
      kind=labeller_lib.Labeller).retrieve(image)
  np.testing.assert_array_equal(
      joint.predict(image), joint.predict_in_regions(image, clusters))


def test_shares_of_nothing_are_nothing():
  assert joint_labeller.shares(np.array([[0, 0], [1, 3]])).tolist() == [
      [0, 0], [.25, .75]]


@pytest.mark.parametrize('settings, message', (
    ({}, '--classifier_weight needs a classifier, and RUN was trained w'),
    ({'classifier': 2, 'tf1_compat': True}, 'compat do not go together'),
    ({'classifier': 2, 'classifier_weight': -1.}, 'it must be 0 or more'),
    ({'classifier': 2, 'method': 'softmax', 'prototype_dir': ''},
     'softmax goes without .* and --classifier_weight')))
def test_what_does_not_go_with_it_is_refused(tmp_path, settings, message):
  run = tmp_path / 'run'
  run.mkdir()
  (run / 'config.json').write_text(
      '{"settings": {"method": "segsort", "classifier": 2}}')
  with pytest.raises(InputError, match=message.replace('RUN', str(run))):
    small_runs.restored_config(
        inference_flags.InferenceFlags, ('d', 'l'), run, tmp_path / 'r', **{
            'prototype_dir': 'p', 'classifier_weight': 1., **settings}).check()
