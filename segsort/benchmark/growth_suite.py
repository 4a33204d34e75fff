"""What grows with scales, pixels, clusters and prototypes, against plain code.

The twins hold all maps of all scales, the logits of all pixels, the argmax of
all clusters in one reduction, and all prototypes in memory.
"""

import tempfile

import numpy as np
import scipy.optimize
import tensorflow as tf

from network import layers
from network.segsort import chunked_kmeans
from network.segsort import clustering
from segsort.benchmark import inference_suite
from segsort.benchmark import measure
from segsort.benchmark import retrieval_suite
from segsort.data import preprocessing
from segsort.inference import embedding
from segsort.inference import inference_flags
from segsort.inference import labeller as labeller_lib
from segsort.inference import linear_probe
from segsort.inference import prototype_search
from segsort.inference import prototype_set
from segsort.inference import softmax_labeller

IMAGE, CLASSES = (720, 960), 40  # several times a batch of windows
PIXELS, DIM, DECAY = 2**18, 32, 1e-4
GRIDS = 12, 20
WINDOW, ITERATIONS = (180, 240), 10
QUERIES = 300


def comparisons():
  """Yields the rows."""
  rng = np.random.default_rng(0)
  yield softmax_map(rng)
  yield probe(rng)
  for number in GRIDS:
    yield many_clusters(rng, number)
  with tempfile.TemporaryDirectory() as folder:
    retrieval_suite.write_set(folder)
    yield streamed_search(folder)


def softmax_map(rng):
  """The softmax baseline, with scales and mirrors."""
  mix = tf.constant(rng.normal(size=(3, CLASSES)) / 60, tf.float32)

  def network(images, training=False):
    del training
    return tf.einsum('bhwc,cd->bhwd', images, mix)  # every pixel by itself

  image = inference_suite.draw_image(rng, *IMAGE)
  labeller = softmax_labeller.SoftmaxLabeller(
      embedding.Embedder(network, WINDOW, WINDOW),
      inference_flags.InferenceFlags(
          data_list='', data_dir='', restore_from='', save_dir='',
          method='softmax', num_classes=CLASSES, scale_aug=True,
          flip_aug=True))
  pixels = preprocessing.subtract_mean(image)[None]

  def twin():
    views = []
    for scale in labeller_lib.SCALES:
      view = layers.resize_bilinear(
          pixels, [int(length * scale) for length in IMAGE])
      for step in 1, -1:  # the mirror reads columns from the right
        found = tf.nn.softmax(network(view[:, :, ::step]))[:, :, ::step]
        views.append(layers.resize_bilinear(found, IMAGE)[0].numpy())
    return np.mean(views, axis=0)
  return measure.Comparison(
      name=f'softmax, 12 views of {IMAGE[0]}x{IMAGE[1]}, {CLASSES} classes',
      ours=lambda: labeller.probabilities(image), twin=twin, memory_aim=3,
      repeats=3)


def probe(rng):
  """A softmax classifier of some hundred thousand pixels."""
  vectors = rng.normal(size=(PIXELS, DIM)).astype(np.float32)
  classes = (vectors @ rng.normal(size=(DIM, CLASSES))).argmax(1)
  return measure.Comparison(
      name=f'linear probe of {PIXELS} pixels, {CLASSES} classes',
      ours=lambda: linear_probe.fit_linear(vectors, classes, CLASSES, DECAY),
      twin=lambda: fit_twin(vectors, classes), memory_aim=3, repeats=1)


def fit_twin(vectors, classes):
  """As `linear_probe.fit_linear`, from the logits of all pixels at once."""
  inputs = np.concatenate(
      [vectors, np.ones((len(vectors), 1))], 1).astype(np.float64)
  targets = np.eye(CLASSES)[classes]
  penalised = np.arange(inputs.shape[1])[:, None] < DIM

  def loss(flat):
    weights = flat.reshape(-1, CLASSES)
    logits = inputs @ weights
    logits -= logits.max(1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    gradient = inputs.T @ (np.exp(logs) - targets) / len(inputs)
    kept = weights * penalised
    return (-(logs * targets).sum() / len(inputs) + DECAY * (kept**2).sum(),
            (gradient + 2 * DECAY * kept).ravel())
  return scipy.optimize.minimize(
      loss, np.zeros(inputs.shape[1] * CLASSES), jac=True, method='L-BFGS-B',
      options={'maxiter': 500}).x.reshape(-1, CLASSES)


def many_clusters(rng, number):
  """K-means of one window from a grid of number x number."""
  pixels = clustering.normalize(tf.constant(
      rng.normal(size=(WINDOW[0] * WINDOW[1], DIM)), tf.float32))
  locations = tf.reshape(clustering.location_features(*WINDOW), [-1, 2])
  labels = tf.reshape(clustering.grid_labels(*WINDOW, number, number), [-1])
  features = clustering.add_location(pixels, locations)
  ours = tf.function(lambda: chunked_kmeans.cluster_pixels(
      pixels, locations, labels, number**2, ITERATIONS))
  twin = tf.function(lambda: clustering.spherical_kmeans(
      features[None], labels[None], number**2, ITERATIONS)[0])
  return measure.Comparison(
      name=f'k-means of {number**2} clusters, {WINDOW[0]}x{WINDOW[1]}', aim=2,
      ours=lambda: ours().numpy(), twin=lambda: twin().numpy())


def streamed_search(folder):
  """A search in a set that stays in its file; the twin has it in memory."""
  features, _ = prototype_set.load(folder, retrieval_suite.DIM, 1)
  queries = tf.constant(retrieval_suite.unit(np.random.default_rng(1), QUERIES))
  ours, twin = (
      prototype_search.make_search(
          features, retrieval_suite.NEIGHBOURS, resident_bytes=size)
      for size in (0, features.nbytes))
  return measure.Comparison(
      name=f'{QUERIES} queries on 1M prototypes in a file; twin: in memory',
      aim=.8, ours=lambda: ours(queries).numpy(),
      twin=lambda: twin(queries).numpy())
