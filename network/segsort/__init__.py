"""SegSort's modules, tensors in and tensors out.

Drop them into other Keras code: `clustering` groups pixels by spherical
k-means, `loss` trains them, `retrieval` labels them (arXiv:1910.06962).

Letters used in all shapes of this package:
  B batch  H height  W width  P pixels  D embedding  K clusters  S segments
  M bank  C classes  N neighbours
"""
