"""The losses of a batch, segment sorting: what training calls.

Source: arXiv:1910.06962. From embeddings and clusters to segments, their
prototypes and one number; the sum over pixels itself is in `fused_loss`, above
concentration 40 in `log_space_loss`.

A pixel's posterior of its own segment under a mixture of von Mises-Fisher
densities, one per segment, equal priors and concentration. Supervised, the
segments of the pixel's class all count as its own: neighbours are sorted by
class, and the pixel's own segment is left out of the numerator, for
its prototype holds the pixel itself.

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import tensorflow as tf

from network.segsort import clustering
from network.segsort import fused_loss
from network.segsort import log_space_loss
from network.segsort import prototypes as prototypes_lib


def pixel_to_segment_loss(embeddings, segment_labels, prototypes,
                          prototype_classes, concentration, num_pixels=None):
  """Mean over pixels of -log(numerator / denominator) (arXiv:1910.06962).

  Numerator: exp(concentration * cosine) summed over the prototypes of the
  pixel's class without its own segment's; the own one's when there is no
  other. Denominator: numerator plus the sum over all other classes.

  Args:
    embeddings: f32[P, D], unit length.
    segment_labels: i32[P] in 0..S-1, each pixel's own prototype; -1 for pixels
      that take no part.
    prototypes: f32[S, D], unit length; rows after the batch's own may come
      from a memory bank.
    prototype_classes: i32[S]; negative for rows that hold no prototype.
    concentration: kappa.
    num_pixels: what the sum is divided by; the pixels that take part if None.

  Returns:
    f32[], finite for any concentration; 0 without pixels.
  """
  if concentration <= 0:
    raise ValueError(f'concentration is {concentration}; it must be above 0')
  sum_losses = fused_loss.sum_losses
  if concentration > fused_loss.MAX_CONCENTRATION:
    sum_losses = log_space_loss.sum_losses
  total = sum_losses(embeddings, segment_labels, prototypes, prototype_classes,
                     concentration)
  if num_pixels is None:
    num_pixels = tf.math.count_nonzero(segment_labels >= 0)
  return tf.math.divide_no_nan(total, tf.cast(num_pixels, tf.float32))


def cluster_batch(embeddings, locations, grid_labels, valid, *, num_clusters,
                  iterations):
  """Spherical k-means of each image on [embedding, location].

  Args:
    embeddings: f32[B, H, W, D], unit length.
    locations: f32[B, H, W, 2].
    grid_labels: i32[B, H, W], the start, 0..K-1 where valid.
    valid: bool[B, H, W]; other pixels take no part.
    num_clusters: K.
    iterations: of k-means.

  Returns:
    i32[B, H, W], distinct between images (image b has b*K..b*K+K-1); -1 where
    not valid.
  """
  batch, height, width = tf.unstack(tf.shape(grid_labels))
  features = clustering.add_location(embeddings, locations)
  labels = clustering.spherical_kmeans(
      tf.reshape(features, [batch, height * width, features.shape[-1]]),
      tf.reshape(tf.where(valid, grid_labels, -1), [batch, height * width]),
      num_clusters, iterations)
  labels += num_clusters * tf.range(batch)[:, None]
  return tf.where(valid, tf.reshape(labels, tf.shape(grid_labels)), -1)


MAX_REGIONS = 65536  # of one image: oversegmentations are 16 bit at most
MAX_GROUPS = 256  # of regions of all images: masks of groups have 8 bits


class Alone:
  """What replicas tell each other, for one that has no others.

  A runtime with several replicas gives the losses an object with the same
  attribute and methods that gathers and sums over them.

  Attributes:
    index: of this replica among all.
  """
  index = 0

  def gather(self, prototypes, classes):
    """Returns all replicas' f32[S, D], i32[S] and the first row of its own."""
    return prototypes, classes, 0

  def total(self, count):
    """Returns the sum of a number over the replicas."""
    return count


ALONE = Alone()


def segsort_loss(embeddings, cluster_labels, classes, *, concentration,
                 bank=None, replicas=ALONE, static_shape=None):
  """Supervised segment sorting of one batch (arXiv:1910.06962).

  Args:
    embeddings: f32[B, H, W, D], unit length; the gradient flows through pixels
      and through this batch's prototypes, not through clusters or bank.
    cluster_labels: i32[B, H, W], distinct between images; negative for pixels
      that take no part.
    classes: i32[B, H, W], of the pixels that take part.
    concentration: kappa.
    bank: (prototypes f32[M, D], labels i32[M]) of earlier batches, or None.
    replicas: what holds the rest of a batch that is spread over devices. The
      sum of the replicas' losses is then the loss of the whole batch.
    static_shape: None, or (clusters of the batch, classes, S): shapes known to
      a compiler, with room for S segments. Pixels of segments beyond S would
      take no part, so look at `prototypes.compact_segments` for how
      many there are.

  Returns:
    loss: f32[].
    prototypes: f32[S, D], of all replicas.
    prototype_classes: i32[S]; with `static_shape` -1 for unused rows.
    segment_labels: i32[B, H, W] in 0..S-1; -1 where no part is taken.
  """
  find_segments = _static_segments if static_shape else _present_segments
  pixels, own_segments, segment_classes, segment_labels = find_segments(
      embeddings, cluster_labels, classes, static_shape)
  prototypes = prototypes_lib.segment_prototypes(
      pixels, own_segments, tf.shape(segment_classes)[0])
  prototypes, segment_classes, first = replicas.gather(
      prototypes, segment_classes)
  all_prototypes, all_classes = prototypes, segment_classes
  if bank is not None:
    # Behind the batch's own, as in the release: own segments keep their rows.
    all_prototypes = tf.concat([prototypes, bank[0]], 0)
    all_classes = tf.concat([segment_classes, bank[1]], 0)
  taking_part = own_segments >= 0
  loss = pixel_to_segment_loss(
      pixels, tf.where(taking_part, own_segments + first, -1), all_prototypes,
      all_classes, concentration,
      # All replicas' pixels: their losses add up to that of one big batch.
      replicas.total(tf.math.count_nonzero(taking_part)))
  return loss, prototypes, segment_classes, segment_labels


def _present_segments(embeddings, cluster_labels, classes, unused_static_shape):
  """Drops the pixels that take no part and numbers the segments there are.

  Returns:
    pixels f32[P, D], own_segments i32[P], segment_classes i32[S] and
    segment_labels i32[B, H, W].
  """
  valid = cluster_labels >= 0
  own_segments, segment_classes = prototypes_lib.split_by_class(
      tf.boolean_mask(cluster_labels, valid), tf.boolean_mask(classes, valid))
  segment_labels = tf.tensor_scatter_nd_update(
      tf.fill(tf.shape(cluster_labels), -1), tf.where(valid), own_segments)
  return (tf.boolean_mask(embeddings, valid), own_segments, segment_classes,
          segment_labels)


def _static_segments(embeddings, cluster_labels, classes, static_shape):
  """As `_present_segments`, all pixels kept, S rows whatever is present."""
  segment_labels, segment_classes, _ = prototypes_lib.compact_segments(
      cluster_labels, classes, *static_shape)
  return (tf.reshape(embeddings, [-1, embeddings.shape[-1]]),
          tf.reshape(segment_labels, [-1]), segment_classes, segment_labels)


def unsupervised_segsort_loss(
    embeddings, oversegmentation, *, concentration, bank=None, replicas=ALONE,
    grouped=False, max_segments=None):
  """Segment sorting without labels (arXiv:1910.06962).

  Every region of an image is a class of its own, so that a pixel's numerator
  is its own segment. Or, if regions of all images were grouped beforehand, a
  group is a class: the numerator holds the group's segments in other images.

  Args:
    embeddings: f32[B, H, W, D], unit length.
    oversegmentation: i32[B, H, W], regions per image; negative for padding
      (the 2019 release took padding for a segment).
    concentration: kappa.
    bank: (prototypes f32[M, D], labels i32[M]) of earlier batches, or None;
      without groups all of other classes, whatever the labels.
    replicas: as for `segsort_loss`.
    grouped: whether `oversegmentation` numbers groups that images share.
    max_segments: None, or S: room for segments, in shapes known to a compiler
      and for one replica; see `segsort_loss` and `number_regions`.

  Returns:
    As `segsort_loss`; the classes are groups, or else numbers of regions
    without meaning.
  """
  regions, static_shape = number_regions(oversegmentation, replicas.index), None
  if max_segments is not None:
    regions, _, _ = compact_regions(regions, max_segments)
    static_shape = (
        max_segments, MAX_GROUPS if grouped else max_segments, max_segments)
  if bank is not None and not grouped:  # of classes that no region has
    bank = bank[0], tf.where(bank[1] < 0, -1, tf.int32.max)
  return segsort_loss(
      embeddings, regions, oversegmentation if grouped else regions,
      concentration=concentration, bank=bank, replicas=replicas,
      static_shape=static_shape)


def number_regions(oversegmentation, replica=0):
  """Returns i32[B, H, W]: regions made distinct between images; -1: padding."""
  batch = oversegmentation.shape[0] or tf.shape(oversegmentation)[0]
  images = tf.range(batch) + batch * replica
  return tf.where(
      oversegmentation >= 0,
      oversegmentation + MAX_REGIONS * images[:, None, None], -1)


def compact_regions(regions, max_segments):
  """As `prototypes.compact_segments`, of `number_regions` of one replica."""
  return prototypes_lib.compact_segments(
      regions, tf.zeros_like(regions), regions.shape[0] * MAX_REGIONS, 1,
      max_segments)
