"""What eval_miou.py is told: two folders, their classes, and which scores."""

import dataclasses

from segsort.data.dataset_flags import ClassSettings
from segsort.errors import InputError
from segsort.evaluation import boundary_metrics
from segsort.evaluation import void_band
from segsort.runs.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateConfig(ClassSettings):
  """Scores of predicted masks."""

  POSITIVE = (*ClassSettings.POSITIVE, 'bootstrap')
  NOT_NEGATIVE = (*ClassSettings.NOT_NEGATIVE, 'tolerance', 'boundary_width')
  BELOW = {**ClassSettings.BELOW, 'tolerance': 1, 'boundary_width': 1}

  pred_dir: str = setting(text='folder of predicted masks, subfolders included')
  gt_dir: str = setting(text='folder of true masks, under the same names')
  string_replace: str = setting(
      '', '`A,B`: the truth of a prediction has B in its name for A')
  data_list: str = setting('', 'list whose images must all have a prediction')
  boundary: bool = setting(
      False, 'score boundaries as well: boundary F, boundary IOU, and mean IOU '
      'in narrow bands. VOC ignores a band between all objects: where no '
      f'ignored pixel is further than {100 * void_band.REACH:g}% of the '
      f'diagonal (or {void_band.LEAST} pixels) from a labelled one, each '
      'counts as the nearest class, so that the boundary lies in the middle, '
      'no further off than boundary F tolerates; wider areas stay ignored and '
      'are no boundary')
  void_trimaps: bool = setting(
      False, 'the narrow bands of --boundary lie around all ignored pixels as '
      'well, and none counts as a class, as in Kohli et al. (IJCV 2009) and '
      'DeepLab')
  tolerance: float = setting(
      boundary_metrics.TOLERANCE, 'of boundary F, a share of the diagonal')
  boundary_width: float = setting(
      0.02, 'of the bands of boundary IOU, a share of the diagonal')
  compare_dir: str = setting(
      '', 'other predictions of the same images: the difference, with its '
      'interval over images')
  bootstrap: int = setting(1000, 'resamples of the images for --compare_dir')
  random_seed: int = setting(1, 'of the resamples')
  save_json: str = setting('', 'file for the scores')
  save_csv: str = setting('', 'file for the scores of each image')
  save_confusion: str = setting(
      '', 'PNG for the confusion matrix; its counts go into a JSON beside it')
  tf1_compat: bool = setting(False, 'print the figures of the 2019 release')

  def check(self):
    """Raises InputError for a value out of range, or flags at odds."""
    super().check()
    if self.save_confusion and not self.save_confusion.lower().endswith('.png'):
      raise InputError(
          f'--save_confusion is {self.save_confusion!r}; name a file X.png, '
          'and the counts go into X.json')
    if self.void_trimaps and not self.boundary:
      raise InputError(
          '--void_trimaps says where bands of --boundary lie; give both')
    newer = [f'--{name}' for name in (
        'boundary', 'compare_dir', 'save_csv', 'save_confusion')
             if getattr(self, name)]
    if self.tf1_compat and newer:
      raise InputError(
          f'--tf1_compat gives the figures of the 2019 release, which had no '
          f'{newer[0]}; leave one of them out')
