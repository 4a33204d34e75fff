"""What an embedding is worth, read out in three ways.

Unsupervised methods are scored by different protocols; an embedding's numbers
stand beside others' only under the same one:

    k-NN      the segments of an image take the vote of their nearest
              annotated segments, as inference does (SegSort's own);
    linear    a softmax classifier of single pixels, learned from annotated
              pixels on the frozen embedding;
    clusters  k-means of all scored pixels into as many clusters as classes,
              each named once, by the best one-to-one matching with the truth
              (Hungarian): no labels are used but for the names.
"""

import dataclasses
import os
import tempfile

import cv2
import numpy as np
import scipy.optimize

from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import InputError
from segsort.evaluation import run_origin
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import inference_settings
from segsort.inference import labeller as labeller_lib
from segsort.inference import linear_probe
from segsort.runs import files
from segsort.runs import progress
from segsort.runs import resumption
from segsort.runs import run_record
from segsort.runs import settings as settings_lib


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalEmbeddingsConfig(inference_settings.RetrievalSettings):
  """An embedding, annotated images and images to score."""

  POSITIVE = inference_settings.RetrievalSettings.POSITIVE + (
      'samples_per_image', 'kmeans_restarts')
  NOT_NEGATIVE = (
      *inference_settings.RetrievalSettings.NOT_NEGATIVE, 'probe_decay')

  eval_list: str = settings_lib.setting(
      text='list of the images to score; --data_list has the annotated ones')
  prototype_dir: str = settings_lib.setting('', 'not used: they are extracted')
  samples_per_image: int = settings_lib.setting(
      300, 'pixels that the linear probe and the k-means learn from')
  probe_decay: float = settings_lib.setting(1e-4, 'L2 of the linear probe')
  kmeans_restarts: int = settings_lib.setting(5, 'the best of so many counts')
  random_seed: int = settings_lib.setting(1, 'of the samples and the k-means')


def evaluate_embeddings(config):
  """Scores an embedding by k-NN, linear probe and matched k-means.

  Args:
    config: an EvalEmbeddingsConfig.

  Returns:
    {'knn', 'linear', 'clusters': {'mean_iou', 'pixel_accuracy'}, ...}, which
    is also written to SAVE_DIR/readouts.json.
  """
  train, scored = (
      image_list.read_list(path, config.data_dir, ('image', 'mask'))
      for path in (config.data_list, config.eval_list))
  files.check_place(os.path.join(config.save_dir, 'readouts.json'))
  resumption.refuse_others(config.save_dir, config)
  embedder = embedding.Embedder(
      embedding.restore_model(config), config.input_size,
      config.window_strides)
  centres = fit_clusters(
      sample_list(embedder, scored, config), config.classes, config)
  bank, pixels, classes = learn_from(embedder, train, config)
  weights = linear_probe.fit_linear(
      pixels, classes, config.classes, config.probe_decay)
  labeller = labeller_lib.Labeller(embedder, *bank, config)
  knn, linear, clusters = (
      ConfusionMatrix(config.classes, input_pipeline.IGNORED)
      for _ in range(3))
  for image, truth in _read(scored, config, 'scoring'):
    vectors = np.asarray(embedder.embed(image))
    knn.update(truth, np.asarray(labeller.predict(image)))
    linear.update(truth, (vectors @ weights[:-1] + weights[-1]).argmax(-1))
    clusters.update(truth, nearest_centre(vectors, centres))
  scores = {'knn': _scores(knn), 'linear': _scores(linear),
            'clusters': _scores(match_clusters(clusters)),
            'initialisation': run_origin.describe(config.restore_from)}
  _report(scores, config)
  return scores


def _read(examples, config, what):
  """Iterates over u8[H, W, 3] and i32[H, W], showing progress."""
  pairs = (input_pipeline.read_example(
      example, config.classes, config.ignore_label, config.dataset)
           for example in examples)
  return progress.track(pairs, total=len(examples), desc=what)


def _scores(matrix):
  return {'mean_iou': matrix.mean_iou(),
          'pixel_accuracy': matrix.pixel_accuracy()}


def _report(scores, config):
  """Prints the scores and writes them."""
  for key, name in (('knn', 'k-NN retrieval'), ('linear', 'linear probe'),
                    ('clusters', 'k-means, Hungarian matching')):
    print(f'{name}: mean IOU {100 * scores[key]["mean_iou"]:.4f}%, pixel '
          f'accuracy {100 * scores[key]["pixel_accuracy"]:.4f}%')
  print(f'initialisation: {scores["initialisation"]}')
  run_record.write_run(config.save_dir, config)
  files.write_json(os.path.join(config.save_dir, 'readouts.json'), scores)


def learn_from(embedder, examples, config):
  """Embeds annotated images.

  Returns:
    (f32[M, D], i32[M]) prototypes and classes of their segments, and f32[N, D],
    u8[N] embeddings, mapped from a file, and classes of sampled pixels.

  Raises:
    InputError: there is no annotated pixel, or the disk is full.
  """
  with files.writing(config.save_dir):  # a file that ends with its mapping
    pixels = tempfile.TemporaryFile(dir=config.save_dir)
  with pixels:
    return _learn_from(embedder, examples, config, pixels)


def _learn_from(embedder, examples, config, pixels):
  """As `learn_from`; sampled embeddings go by a file, `pixels`."""
  rng = np.random.default_rng(config.random_seed)
  prototypes, labels, classes = [], [], []
  for image, truth in _read(examples, config, 'learning'):
    annotated = truth != input_pipeline.IGNORED
    if not annotated.any():
      continue
    embeddings = embedder.embed(image)
    features, ids = extraction.prototypes_of(
        embeddings, truth, annotated, config, image)
    prototypes.append(np.asarray(features))
    labels.append(np.asarray(ids))
    places = _sample(annotated, config.samples_per_image, rng)
    with files.writing(config.save_dir):
      np.asarray(embeddings)[places].tofile(pixels)
    classes.append(truth[places].astype(np.uint8))  # there are at most 255
  if not classes:
    raise InputError(
        f'no pixel of {config.data_list} is annotated; check the masks and '
        '--ignore_label')
  prototypes, labels, classes = map(
      np.concatenate, (prototypes, labels, classes))
  vectors = np.memmap(pixels, np.float32, 'r',
                      shape=(len(classes), prototypes.shape[1]))
  return (prototypes, labels), vectors, classes


def _sample(mask, count, rng):
  """Draws up to `count` places (rows, columns) of a bool[H, W]."""
  places = np.argwhere(mask)
  return tuple(rng.permutation(places)[:count].T)


def sample_list(embedder, examples, config):
  """Returns f32[N, D], embeddings of scored pixels drawn from a list.

  Raises:
    InputError: no pixel is scored.
  """
  rng = np.random.default_rng(config.random_seed)
  drawn = []
  for image, truth in _read(examples, config, 'sampling'):
    places = _sample(truth != input_pipeline.IGNORED,
                     config.samples_per_image, rng)
    if places[0].size:
      drawn.append(np.asarray(embedder.embed(image))[places])
  if not drawn:
    raise InputError(
        f'no pixel of {config.eval_list} is annotated; check the masks and '
        '--ignore_label')
  return np.concatenate(drawn)


def fit_clusters(vectors, num_clusters, config):
  """Returns f32[K, D], k-means centres of f32[N, D]; fewer if N is less."""
  if len(vectors) == 1:
    return vectors  # which OpenCV takes for D vectors of one number
  cv2.setRNGSeed(config.random_seed)
  stop = cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-5
  _, _, centres = cv2.kmeans(
      np.ascontiguousarray(vectors, np.float32),
      min(num_clusters, len(vectors)), None, stop, config.kmeans_restarts,
      cv2.KMEANS_PP_CENTERS)
  return centres


def nearest_centre(vectors, centres):
  """Returns i[...], the nearest of f32[K, D] for f32[..., D]."""
  return ((centres ** 2).sum(1) - 2 * vectors @ centres.T).argmin(-1)


def match_clusters(matrix):
  """Names clusters by classes, one to one, for the most right pixels.

  Args:
    matrix: ConfusionMatrix of true classes against clusters.

  Returns:
    ConfusionMatrix of true classes against the clusters' names.
  """
  classes, clusters = scipy.optimize.linear_sum_assignment(
      matrix.counts, maximize=True)
  matched = ConfusionMatrix(matrix.num_classes, matrix.ignore_label)
  matched.counts[:, classes] = matrix.counts[:, clusters]
  matched.other[:] = matrix.other
  return matched
