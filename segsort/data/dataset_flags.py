"""What the labels of masks mean: the flags of every stage that reads them."""

import dataclasses

from segsort.data import dataset_info
from segsort.runs.settings import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassSettings(Settings):
  """Classes and the label that is none."""

  dataset: str = setting(
      'voc12', 'class names, palette and number of classes, or a class file of '
      'your own (dataset/README.md)', dataset_info.CHOICES)
  num_classes: int = setting(0, 'number of classes; 0: that of --dataset')
  ignore_label: int = setting(
      255, 'label of pixels that count for nothing; that of --dataset if it '
      'names another')

  @classmethod
  def complete(cls, values):
    """Takes the ignore label from a class file, if no flag gives one."""
    values = super().complete(values)
    info = dataset_info.get(values.get('dataset', cls.dataset))
    return {'ignore_label': info.ignore_label, **values}

  @property
  def classes(self):
    """The number of classes, from --num_classes or else the data set."""
    return self.num_classes or dataset_info.get(self.dataset).num_classes


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings(ClassSettings):
  """Where the images are and what their labels mean."""

  data_list: str = setting(
      text='list file: `image mask` a line, relative to --data_dir')
  data_dir: str = setting(text='folder that the list lines are relative to')
