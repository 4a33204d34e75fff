"""Nearest prototypes in a file of a million, against faiss and plain code."""

import functools
import importlib.util
import os
import tempfile

import numpy as np
import tensorflow as tf

from segsort.benchmark import measure
from segsort.errors import InputError
from segsort.inference import prototype_search
from segsort.inference import prototype_set

PROTOTYPES, DIM, NEIGHBOURS = 10**6, 32, 15


def comparisons():
  """Yields the rows: time of 25 and 300 queries, and the memory of it all.

  Raises:
    InputError: faiss is not installed.
  """
  if importlib.util.find_spec('faiss') is None:
    raise InputError('the suite retrieval compares with faiss: run `pip '
                     'install faiss-cpu`, or leave it out of --suites')
  with tempfile.TemporaryDirectory() as folder:
    write_set(folder)
    features, _ = prototype_set.load(folder, DIM, 1)
    ways = {'': prototype_search.make_search(features, NEIGHBOURS),
            ', from the file': prototype_search.make_search(
                features, NEIGHBOURS, resident_bytes=0)}
    twin = prototype_search.make_search(features, NEIGHBOURS, 'faiss')
    for count in 25, 300:
      queries = tf.constant(unit(np.random.default_rng(1), count))
      for way, search in ways.items():
        yield measure.Comparison(
            name=f'{count} queries on 1M prototypes{way}', aim=1.,
            ours=functools.partial(search, queries),
            twin=functools.partial(twin, queries))
    del ways, twin, search
    yield measure.Comparison(  # at most 1.5 times the file
        name='load 1M prototypes and search; twin: the file', aim=None,
        memory_aim=1 / 1.5, repeats=1,
        ours=lambda: _load_and_search(folder, queries),
        twin=lambda: np.load(os.path.join(folder, prototype_set.FEATURES)))
    yield measure.Comparison(
        name='the same; twin: all cosines at once', aim=None, repeats=1,
        ours=lambda: _load_and_search(folder, queries),
        twin=lambda: _load_and_search_twin(folder, queries))


def write_set(folder):
  """Writes a set of random prototypes, in parts."""
  rng = np.random.default_rng(0)
  path = os.path.join(folder, prototype_set.FEATURES)
  features = np.lib.format.open_memmap(
      path, 'w+', np.float32, (PROTOTYPES, DIM))
  for first, rows in prototype_set.rows_in_parts(features):
    features[first:first + len(rows)] = unit(rng, len(rows))
  features.flush()
  np.save(os.path.join(folder, prototype_set.LABELS),
          np.zeros(PROTOTYPES, np.int32))


def unit(rng, count):
  """Returns f32[N, D], `count` random vectors of unit length."""
  vectors = rng.normal(size=(count, DIM)).astype(np.float32)
  return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _load_and_search(folder, queries):
  features, _ = prototype_set.load(folder, DIM, 1)
  return prototype_search.make_search(features, NEIGHBOURS)(queries).numpy()


def _load_and_search_twin(folder, queries):
  """As the release does it: the file in memory, the k best of all cosines."""
  features = np.load(os.path.join(folder, prototype_set.FEATURES))
  cosines = tf.matmul(queries, features, transpose_b=True)
  return tf.math.top_k(cosines, NEIGHBOURS).indices.numpy()
