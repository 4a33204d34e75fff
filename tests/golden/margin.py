"""How close a k-means run came to another result: `min_margin`."""

import numpy as np

from network.segsort import clustering


def smallest_margin(features, labels, num_clusters, iterations):
  """Returns the smallest lead of a best cluster over the second best.

  The E-steps of `clustering.spherical_kmeans`, measured in float64: labels
  that agree although the margin is small agree for a reason.

  Args:
    features: f64[P, D], unit length.
    labels: i32[P] in 0..K-1, the start.
    num_clusters: K.
    iterations: rounds.
  """
  smallest = np.inf
  for done in range(iterations):
    current = labels if not done else np.asarray(clustering.spherical_kmeans(
        np.float32(features)[None], labels[None], num_clusters, done))[0]
    sums = np.zeros([num_clusters, features.shape[-1]])
    np.add.at(sums, current, features)
    centers = unit(sums[np.any(sums, axis=-1)])
    if len(centers) > 1:
      best = np.partition(features @ centers.T, -2, axis=-1)[:, -2:]
      smallest = min(smallest, (best[:, 1] - best[:, 0]).min())
  return smallest


def unit(vectors):
  """Returns f64[..., D] of unit length."""
  vectors = np.asarray(vectors, np.float64)
  return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def with_location(embeddings, locations):
  """Returns f64[P, D + 2]: the features of the k-means, flattened."""
  features = unit(np.concatenate([embeddings, locations], -1))
  return features.reshape(-1, features.shape[-1])
