"""Shards of a prototype set, extracted by several processes, into one."""

import dataclasses
import json
import os
import re

import numpy as np

from network.segsort import retrieval
from segsort.errors import InputError, warn
from segsort.inference import prototype_set
from segsort.inference import prototype_writer
from segsort.runs import files
from segsort.runs import folder_lock
from segsort.runs import input_records
from segsort.runs import resumption
from segsort.runs import settings as settings_lib


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergeConfig(settings_lib.Settings):
  """Shards to merge."""

  save_dir: str = settings_lib.setting(
      text='that of extract_prototypes.py: its folder prototypes/ has the '
      'shards')


def merge_prototypes(config):
  """Merges the shards of a prototype set, as one process would write it."""
  folder = prototype_set.find(config.save_dir)
  shards = find_shards(folder)
  missing = _unfinished(shards)
  if missing:
    raise InputError(
        f'{len(missing)} of {len(shards)} shards have not finished, the first '
        f'{missing[0]}; run extract_prototypes.py with its --shard_index')
  with folder_lock.waiting(folder):
    _merge(folder, shards)


def _unfinished(shards):
  """The shards that are not there, or not whole."""
  return [shard for shard in shards if not prototype_set.is_finished(shard)]


def merge_if_finished(folder, inputs):
  """Merges the shards in a folder if this was the last one to finish.

  Args:
    folder: of the set.
    inputs: dict from the paths in the set of all images to those of their
      files; where they are not what a shard was made of, it has to be made
      again first, by whoever makes it.
  """
  with folder_lock.waiting(folder):
    shards = find_shards(folder)
    waiting = _unfinished(shards)
    outdated = {shard: input_records.changed(shard, inputs)
                for shard in shards if shard not in waiting}
    for shard, images in outdated.items():
      if images:
        warn(f'{len(images)} images or masks changed since the prototypes in '
             f'{shard} were extracted, as {min(images)}: run '
             'extract_prototypes.py with its --shard_index again, or '
             'merge_prototypes.py to leave it as it is')
    waiting += filter(outdated.get, outdated)
    if waiting:
      print(f'{len(waiting)} of {len(shards)} shards have not finished; the '
            'last one merges them')
    elif prototype_set.is_finished(folder) and _are_merged(folder, shards):
      print(f'the shards are merged: {folder}')
    else:
      _merge(folder, shards)


def _are_merged(folder, shards):
  """Whether a finished set was merged of these shards, as they are now."""
  return all(
      files.has_bytes(os.path.join(folder, os.path.basename(path)),
                      files.read_bytes(path))
      for shard in shards for path in input_records.record_paths(shard))


def find_shards(folder):
  """Returns the folders of all shards, in order, whether they exist or not.

  Raises:
    InputError: there are none, or of several numbers of shards.
  """
  counts = _shard_counts(folder)
  if not counts:
    raise InputError(
        f'no shards in {folder}; extract_prototypes.py with --num_shards makes '
        'them, check --save_dir')
  refuse_others(folder, counts[0])
  return [os.path.join(folder, f'shard-{index:05d}-of-{counts[0]:05d}')
          for index in range(counts[0])]


def refuse_others(folder, num_shards):
  """Raises InputError if a folder has shards of another number of shards."""
  for count in _shard_counts(folder):
    if count != num_shards:
      raise InputError(
          f'{folder} has shards of --num_shards {count} and {num_shards}; '
          'remove those of one, or name another --save_dir')


def _shard_counts(folder):
  """The numbers of shards that the names in a folder tell of, sorted."""
  names = os.listdir(folder) if os.path.isdir(folder) else []
  found = [re.fullmatch(r'shard-\d{5}-of-(\d{5})', name) for name in names]
  return sorted({int(match.group(1)) for match in found if match})


def _merge(folder, shards):
  """Appends finished shards one after the other, in parts of bounded size."""
  runs = [_read_run(shard) for shard in shards]
  for shard, run in zip(shards, runs):
    _check_same(shard, run, shards[0], runs[0])
  settings = runs[0]['settings']
  resumption.remove(prototype_set.paths(folder))
  with prototype_writer.PrototypeWriter(
      folder, settings['embedding_dim']) as writer:
    for shard in shards:
      _append_shard(writer, shard)
      for path in input_records.record_paths(shard):
        files.write_bytes(os.path.join(folder, os.path.basename(path)),
                          files.read_bytes(path))
    prototype_set.check_any(writer.images, settings['data_list'])
    files.write_json(os.path.join(folder, 'config.json'), {
        **runs[0], 'settings': {**settings, 'num_shards': 1, 'shard_index': 0}})
    writer.finish()
    print(prototype_set.summary(writer.images, folder))


def _read_run(shard):
  """A shard's config.json, which tells whether it belongs to the others."""
  run = resumption.read_run(shard)
  if run is None or 'inputs' not in run:
    raise InputError(
        f'{shard} has no config.json of an extraction; copy it as well, or '
        'extract the shard again')
  return run


def _check_same(shard, run, first, first_run):
  """Raises where a shard was not made as the first one was."""
  for name in resumption.differing(first_run, run):
    raise InputError(
        f'{first} is {resumption.describe_difference(name, first_run, run)} '
        f'as {shard}; extract one of them again with --overwrite')


def _append_shard(writer, shard):
  """Appends a shard's images, and its arrays part by part."""
  path = os.path.join(shard, prototype_set.IMAGES)
  with open(path, encoding='utf-8') as file:
    images = [json.loads(line) for line in file]
  arrays = [np.load(os.path.join(shard, name), 'r', allow_pickle=False)
            for name in prototype_set.ARRAYS]
  before = len(writer.images)
  for first, features in prototype_set.rows_in_parts(arrays[0]):
    part = slice(first, first + retrieval.CHUNK)
    segments = np.array(arrays[2][part])
    segments['image'] += before
    writer.append_rows([], features, arrays[1][part], segments)
  # The images after their rows: a line says that its rows are whole.
  writer.append_rows(images, *(array[:0] for array in arrays))
