"""The smallest settings that still train, for the tests of this folder."""

import json

from segsort.runs import settings as settings_lib
from segsort.training import training_settings


_SMALL = {
    'num_classes': 2, 'backbone': 'resnet_small', 'embedding_dim': 8,
    'num_clusters': 3, 'kmeans_iterations': 3}


def train_config(where, snapshot_dir,
                 config_class=training_settings.TrainConfig,
                 **settings):
  """Four steps on 32x32 crops of (data_dir, data_list)."""
  return config_class(**{
      **_SMALL, 'data_dir': where[0], 'data_list': where[1],
      'snapshot_dir': str(snapshot_dir), 'batch_size': 2,
      'input_size': settings_lib.Size((32, 32)), 'num_steps': 4,
      'learning_rate': .01, 'batch_norm_decay': .9, **settings})


def restored_config(config_class, where, restore_from, save_dir,
                    **settings):
  """Windows of 32x32 on (data_dir, data_list)."""
  return config_class(**{
      **_SMALL, 'data_dir': where[0], 'data_list': where[1],
      'restore_from': str(restore_from), 'save_dir': str(save_dir),
      'input_size': settings_lib.Size((32, 32)), **settings})


def logged_lines(folder):
  """The lines of a run's log.jsonl."""
  return (folder / 'log.jsonl').read_text().splitlines()


def logged(folder, name='segsort_loss'):
  """One metric of a run's log.jsonl, a value a line."""
  return [json.loads(line)[name] for line in logged_lines(folder)]
