"""SegSort's modules, tensors in and tensors out.

`clustering` groups pixels by spherical k-means, `loss` trains them, `retrieval`
labels them (arXiv:1910.06962). What other Keras code needs is named here:

    SegSortHead       a layer: features to embeddings
    SegSortLoss       for `model.compile`
    resize_embeddings embeddings of every pixel
    image_prototypes  of an annotated image
    label_image       labels by the nearest prototypes

Letters used in all shapes of this package:
  B batch  H height  W width  P pixels  D embedding  K clusters  S segments
  M bank  C classes  N neighbours
"""

from network.segsort.keras_parts import SegSortHead, SegSortLoss
from network.segsort.labelling import image_prototypes, label_image
from network.segsort.labelling import resize_embeddings

__all__ = ['SegSortHead', 'SegSortLoss', 'image_prototypes', 'label_image',
           'resize_embeddings']
