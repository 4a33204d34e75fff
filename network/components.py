"""Head of an untrained network: the principal components of its features.

Where the backbone knows photographs already, as from ImageNet, segments are
found and retrieved by them without any training. Beside the paper's.
"""

from network import layers

LAYER = 'block5.components'


def build_components(features, embedding_dim, scope, normalise=None):
  """Projects features linearly; `segsort.unsupervised.components` fits it.

  Args:
    features: [B, H, W, C].
    embedding_dim: D.
    scope: prefix of the layer's name.
    normalise: unused: this head has no batch normalisation; the argument
      keeps the heads interchangeable.

  Returns:
    [B, H, W, D].
  """
  del normalise
  return layers.project(features, embedding_dim, 1, name=f'{scope}.{LAYER}')
