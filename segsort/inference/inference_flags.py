"""What to label: the images of a list, or a folder of one's own pictures."""

import dataclasses
import os

from segsort.data import panoptic
from segsort.errors import InputError
from segsort.inference import inference_settings
from segsort.runs.settings import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputFlags(Settings):
  """The pictures to work on; the first of the bases of a stage's flags."""

  data_list: str = setting(
      '', 'list file: `image mask` a line, relative to --data_dir')
  data_dir: str = setting('', 'folder that the list lines are relative to')
  image_dir: str = setting(
      '', 'folder of pictures of any format, subfolders included, in place of '
      '--data_list and --data_dir')

  def check(self):
    """Raises InputError for none or two kinds of input."""
    super().check()
    if self.image_dir and (self.data_list or self.data_dir):
      raise InputError(
          '--image_dir is given, and --data_list or --data_dir as well; label '
          'either a folder or a list')
    missing = [f'--{name}' for name in ('data_list', 'data_dir')
               if not getattr(self, name)]
    if missing and not self.image_dir:
      raise InputError(
          f'the following arguments are required: {", ".join(missing)}; or '
          'give --image_dir, a folder of pictures, alone')
    if self.image_dir and os.path.realpath(
        self.image_dir) == os.path.realpath(self.save_dir):
      raise InputError(
          f'--save_dir and --image_dir are both {self.save_dir}: the results '
          'would be taken for pictures next time; name another --save_dir')


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferenceFlags(
    InputFlags, panoptic.OutputSettings, inference_settings.InferenceConfig):
  """Labels by retrieval, of a list or of a folder."""

  method: str = setting(
      'segsort', 'retrieval from --prototype_dir, or the largest probability '
      'of a network of train_softmax.py', ('segsort', 'softmax'))
  prototype_dir: str = setting('', 'folder written by extract_prototypes.py')
  classifier_weight: float = setting(
      0., "of the probabilities of a jointly trained network's classifier "
      '(train_segsort.py --softmax_weight) in a segment\'s label, beside the '
      'shares of its votes; 0: by votes alone')
  fold_batch_norm: bool = setting(
      False, 'fold it into the convolutions: some per cent faster on CPUs; '
      'another rounding moves the labels of single pixels')

  def check(self):
    """Raises InputError for a value out of range, or what does not go well."""
    super().check()
    self._check_method()
    if self.classifier_weight and self.tf1_compat:
      raise InputError(
          '--classifier_weight and --tf1_compat do not go together: the 2019 '
          'release labelled by votes alone; leave one of them out')
    if self.image_dir and self.tf1_compat:
      raise InputError(
          '--tf1_compat repeats the 2019 release, which knows lists only; give '
          '--data_list and --data_dir, or leave it out')
    if self.classifier_weight and not self.classifier:
      raise InputError(
          f'--classifier_weight needs a classifier, and {self.restore_from} '
          'was trained without one; train with train_segsort.py '
          '--softmax_weight, or leave --classifier_weight out (the scripts: '
          'CLASSIFIER_WEIGHT=0)')
    if self.cache_features and self.fold_batch_norm:
      raise InputError(
          '--cache_features and --fold_batch_norm do not go together: features '
          'are kept of the network as it was trained; leave one of them out')

  def _check_method(self):
    """Raises InputError for flags of the other method."""
    if self.method == 'segsort' and not self.prototype_dir:
      raise InputError(
          'the following arguments are required: --prototype_dir; write it '
          'with pyscripts/extract_prototypes.py')
    if self.method == 'softmax' and (
        self.prototype_dir or self.tf1_compat or self.vote_concentration or
        self.classifier_weight):
      raise InputError(
          '--method softmax goes without --prototype_dir, --tf1_compat, '
          '--vote_concentration and --classifier_weight; leave them out')
