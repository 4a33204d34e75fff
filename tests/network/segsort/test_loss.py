"""The pixel-to-segment loss against loops, by hand, and at its edges."""

import closeness
import numpy as np
import pytest
import tensorflow as tf

from network.segsort import loss as loss_lib


def _unit(vectors):
  lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
  return vectors / np.where(lengths > 1e-6, lengths, 1)


def _loss_twin(pixels, segments, prototypes, classes, concentration):
  """-log(numerator / denominator), pixel by pixel, in f64."""
  losses = []
  for pixel, own in zip(pixels, segments):
    same, others = [], 0.
    for s, prototype in enumerate(prototypes):
      weight = np.exp(concentration * np.dot(pixel, prototype))
      if classes[s] != classes[own]:
        others += weight
      elif s != own:
        same.append(weight)
    own_weight = np.exp(concentration * np.dot(pixel, prototypes[own]))
    numerator = sum(same) if same else own_weight
    losses.append(np.log1p(others / numerator))
  return np.mean(losses) if losses else 0.


def _batch_twin(embeddings, clusters, classes, concentration, bank=None):
  """Segments, prototypes and loss of f64[P, D] pixels, with their bank."""
  taking_part = [p for p in range(len(clusters)) if clusters[p] >= 0]
  numbers = {}
  for p in taking_part:
    numbers.setdefault((clusters[p], classes[p]), len(numbers))
  segments = [numbers[clusters[p], classes[p]] for p in taking_part]
  prototypes = np.zeros((len(numbers), embeddings.shape[-1]))
  for p, segment in zip(taking_part, segments):
    prototypes[segment] += embeddings[p]
  prototypes = _unit(prototypes)
  segment_classes = [pair[1] for pair in numbers]
  every = np.concatenate([prototypes, bank[0]]) if bank else prototypes
  every_class = segment_classes + list(bank[1]) if bank else segment_classes
  return _loss_twin(embeddings[taking_part], segments, every, every_class,
                    concentration), prototypes, segment_classes, segments


def _random_batch(seed, batch=2, height=3, width=4, dim=4):
  """embeddings, clusters (distinct between images, -1: out), classes, bank."""
  rng = np.random.default_rng(seed)
  embeddings = _unit(rng.normal(size=(batch, height, width, dim)))
  clusters = rng.integers(0, 3, (batch, height, width))
  clusters += 3 * np.arange(batch)[:, None, None]
  clusters[rng.random(clusters.shape) < .2] = -1
  classes = rng.integers(0, 3, clusters.shape)
  stored = int(rng.integers(0, 5))
  bank = (_unit(rng.normal(size=(stored, dim))).astype(np.float32),
          rng.integers(0, 4, stored).astype(np.int32))
  return (embeddings.astype(np.float32), clusters.astype(np.int32),
          classes.astype(np.int32), bank)


def _flat(embeddings, *labels):
  return (embeddings.reshape(-1, embeddings.shape[-1]).astype(np.float64),
          *(label.ravel() for label in labels))


@pytest.mark.parametrize('concentration', (1., 10., 60.))
@pytest.mark.parametrize('seed', range(6))
def test_loss_equals_loops(seed, concentration):
  embeddings, clusters, classes, bank = _random_batch(seed)
  loss, prototypes, segment_classes, segments = loss_lib.segsort_loss(
      embeddings, clusters, classes, concentration=concentration, bank=bank)
  expected, expected_prototypes, expected_classes, expected_segments = (
      _batch_twin(*_flat(embeddings, clusters, classes), concentration, bank))
  closeness.assert_close(loss, expected)
  closeness.assert_close(prototypes, expected_prototypes)
  assert segment_classes.numpy().tolist() == expected_classes
  segments = segments.numpy()
  assert segments[clusters >= 0].tolist() == expected_segments
  assert (segments[clusters < 0] == -1).all()


@pytest.mark.parametrize('seed', range(3))
def test_gradient_equals_finite_differences(seed):
  """Through pixels and prototypes; clusters and bank are held fixed."""
  embeddings, clusters, classes, bank = _random_batch(seed, 1, 3, 3, 3)
  variable = tf.Variable(embeddings)
  with tf.GradientTape() as tape:
    loss = loss_lib.segsort_loss(
        variable, clusters, classes, concentration=5., bank=bank)[0]
  gradient = tape.gradient(loss, variable).numpy().ravel()
  expected = np.zeros_like(gradient)
  for i in range(gradient.size):
    sides = []
    for step in (1e-5, -1e-5):
      moved = embeddings.astype(np.float64).ravel()
      moved[i] += step
      sides.append(_batch_twin(*_flat(
          moved.reshape(embeddings.shape), clusters, classes), 5., bank)[0])
    expected[i] = (sides[0] - sides[1]) / 2e-5
  closeness.assert_close(gradient, expected)


def test_loss_by_hand():
  pixels = tf.constant([[1., 0], [0, 1]])
  prototypes = tf.constant([[1., 0], [0, 1], [-1, 0]])
  # Pixel 0: the other prototype of its class is the third, cosine -1; the
  # second is of another class, cosine 0. Pixel 1 has only its own, cosine 1.
  loss = loss_lib.pixel_to_segment_loss(
      pixels, tf.constant([0, 1]), prototypes, tf.constant([0, 1, 0]), 2.)
  first = -np.log(np.exp(-2) / (np.exp(-2) + np.exp(0)))
  second = -np.log(np.exp(2) / (np.exp(2) + 2 * np.exp(0)))
  closeness.assert_close(loss, (first + second) / 2)


def _loss(embeddings, clusters, classes, bank=None, concentration=10.):
  return loss_lib.segsort_loss(
      tf.constant(embeddings, tf.float32), tf.constant(clusters, tf.int32),
      tf.constant(classes, tf.int32), concentration=concentration,
      bank=bank)[0].numpy()


def test_what_changes_nothing(rng):
  embeddings, clusters, classes, bank = _random_batch(4)
  expected = _loss(embeddings, clusters, classes, bank)
  turn = np.linalg.qr(rng.normal(size=(4, 4)))[0].astype(np.float32)
  names = rng.permutation(6)
  class_names = rng.permutation(4).astype(np.int32)
  more = [np.concatenate([array, array], 1) for array in (
      embeddings, clusters, classes)]
  more[1][:, 3:] = -1
  same = [
      _loss(embeddings @ turn, clusters, classes, (bank[0] @ turn, bank[1])),
      _loss(embeddings, np.where(clusters < 0, -1, names[clusters]),
            class_names[classes], (bank[0], class_names[bank[1]])),
      _loss(embeddings[::-1], clusters[::-1], classes[::-1],
            (bank[0][::-1], bank[1][::-1])),
      _loss(*more, bank)]
  closeness.assert_close(same, [expected] * 4)


def test_bank_rows_count_and_pass_no_gradient():
  embeddings, clusters, classes, _ = _random_batch(2)
  rows = tf.Variable(_unit(np.ones([2, 4])).astype(np.float32))
  labels = tf.constant([0, 1])
  with_bank = _loss(embeddings, clusters, classes, (rows, labels))
  assert abs(with_bank - _loss(embeddings, clusters, classes)) > 1e-3
  assert abs(with_bank - _loss(
      embeddings, clusters, classes, (-rows, labels))) > 1e-3


@pytest.mark.parametrize('concentration', (90., 200., 1000.))
def test_large_concentrations_stay_finite(concentration):
  embeddings, clusters, classes, bank = _random_batch(1)
  variable = tf.Variable(embeddings)
  with tf.GradientTape() as tape:
    loss = loss_lib.segsort_loss(
        variable, clusters, classes, concentration=concentration, bank=bank)[0]
  assert np.isfinite(tape.gradient(loss, variable)).all()
  if concentration == 200:  # f64 still has room for exp(200)
    closeness.assert_close(loss, _batch_twin(
        *_flat(embeddings, clusters, classes), 200., bank)[0])


def test_edges_give_zero_or_finite_losses():
  one = np.array([[[[1., 0]]]])
  label = np.zeros([1, 1, 1])
  assert _loss(one, label, label) == 0  # one pixel, one segment
  assert _loss(one, label - 1, label) == 0  # everything ignored
  # Zero embeddings: every cosine is 0, two segments of two classes.
  pair = np.array([[[0, 1]]])
  closeness.assert_close(
      _loss(np.zeros([1, 1, 2, 2]), pair, pair), np.log(2))
  variable = tf.Variable(np.zeros([1, 1, 2, 2], np.float32))
  with tf.GradientTape() as tape:
    loss = loss_lib.segsort_loss(
        variable, tf.constant(pair), tf.constant(pair), concentration=10.)[0]
  assert np.isfinite(tape.gradient(loss, variable)).all()


def test_an_ignored_batch_has_zero_gradient_and_no_prototypes():
  variable = tf.Variable(tf.ones([1, 2, 2, 3]))
  with tf.GradientTape() as tape:
    loss, prototypes, classes, segments = loss_lib.segsort_loss(
        variable, tf.fill([1, 2, 2], -1), tf.fill([1, 2, 2], 255),
        concentration=10.)
  assert loss.numpy() == 0 and prototypes.shape == [0, 3]
  assert classes.shape == [0] and (segments.numpy() == -1).all()
  gradient = tf.convert_to_tensor(tape.gradient(loss, variable))
  assert not gradient.numpy().any()


@pytest.mark.parametrize('concentration', (0., -1.))
def test_a_concentration_that_is_none_is_refused(concentration):
  with pytest.raises(ValueError, match='must be above 0'):
    _loss(*_random_batch(0), concentration=concentration)


@pytest.mark.parametrize('seed', range(4))
def test_unsupervised_loss_takes_every_region_for_a_class(seed):
  rng = np.random.default_rng(seed)
  embeddings, _, _, bank = _random_batch(seed)
  regions = rng.integers(-1, 4, (2, 3, 4)).astype(np.int32)
  loss, prototypes, _, segments = loss_lib.unsupervised_segsort_loss(
      embeddings, regions, concentration=10., bank=bank)
  names = np.where(regions < 0, -1, regions + 9 * np.arange(2)[:, None, None])
  expected = _batch_twin(*_flat(embeddings, names, names), 10.,
                         (bank[0], [-1] * len(bank[0])))
  closeness.assert_close(loss, expected[0])
  closeness.assert_close(prototypes, expected[1])
  assert segments.numpy()[regions >= 0].tolist() == expected[3]


@pytest.mark.parametrize('seed', range(4))
def test_a_group_is_a_class_that_images_and_bank_share(seed):
  rng = np.random.default_rng(seed)
  embeddings, _, _, bank = _random_batch(seed)
  groups = rng.integers(-1, 3, (2, 3, 4)).astype(np.int32)
  loss, prototypes, classes, segments = loss_lib.unsupervised_segsort_loss(
      embeddings, groups, concentration=10., bank=bank, grouped=True)
  regions = np.where(groups < 0, -1, groups + 9 * np.arange(2)[:, None, None])
  expected = _batch_twin(*_flat(embeddings, regions, groups), 10., bank)
  closeness.assert_close(loss, expected[0])
  closeness.assert_close(prototypes, expected[1])
  assert segments.numpy()[groups >= 0].tolist() == expected[3]
  for group, segment in zip(groups.ravel(), segments.numpy().ravel()):
    assert group == (classes.numpy()[segment] if segment >= 0 else -1)


def test_the_loss_of_a_group_in_two_images_by_hand():
  """Two images of two pixels, groups 0 and 1: cosines 1 and 0 only."""
  embeddings = np.float32([[[[1, 0], [0, 1]]], [[[1, 0], [0, 1]]]])
  groups = np.int32([[[0, 1]], [[0, 1]]])
  loss = loss_lib.unsupervised_segsort_loss(
      embeddings, groups, concentration=2., grouped=True)[0]
  # Numerator: the other image's of the group; both of the other group remain.
  assert loss.numpy() == pytest.approx(np.log1p(2 / np.exp(2)), rel=1e-5)


def test_unsupervised_loss_of_padding_alone_is_zero():
  loss, prototypes, _, _ = loss_lib.unsupervised_segsort_loss(
      tf.ones([1, 2, 2, 3]), tf.fill([1, 2, 2], -1), concentration=10.)
  assert loss.numpy() == 0 and prototypes.shape == [0, 3]


def test_unknown_sizes_inside_a_function():
  pixels = tf.TensorSpec([None, None, None, 4])
  labels = tf.TensorSpec([None, None, None], tf.int32)

  @tf.function(input_signature=[
      pixels, labels, labels, tf.TensorSpec([None, 4]),
      tf.TensorSpec([None], tf.int32)])
  def loss_of(embeddings, clusters, classes, *bank):
    supervised = loss_lib.segsort_loss(
        embeddings, clusters, classes, concentration=10., bank=bank)[0]
    return supervised, loss_lib.unsupervised_segsort_loss(
        embeddings, clusters, concentration=10., bank=bank)[0]

  for seed in (0, 1):
    embeddings, clusters, classes, bank = _random_batch(seed, batch=1 + seed)
    closeness.assert_close(
        loss_of(embeddings, clusters, classes, *bank)[0],
        _batch_twin(*_flat(embeddings, clusters, classes), 10., bank)[0])
