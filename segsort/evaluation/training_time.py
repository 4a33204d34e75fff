"""How long a training took, from the log.jsonl that it wrote."""

import json
import os

from segsort.errors import InputError
from segsort.runs import settings as settings_lib


def seconds_until(folder):
  """Returns the seconds that training took, up to a stage.

  Args:
    folder: of the stage, named stageN; those before are beside it.

  Returns:
    What `training_seconds` says of all of them; None where none has a log.

  Raises:
    InputError: the folder has another name.
  """
  snapshots, last = os.path.split(folder)
  number = last.removeprefix('stage')
  if not number.isdigit():
    raise InputError(
        f'{folder} is no stage of training; give --results a folder in one, as '
        'SNAPSHOT_DIR/stage1/results')
  seconds = [training_seconds(os.path.join(
      snapshots, f'stage{stage}', 'log.jsonl'))
             for stage in range(1, int(number) + 1)]
  known = [one for one in seconds if one is not None]
  return sum(known) if known else None


def training_seconds(path):
  """Returns the seconds that the steps in a log.jsonl took; None without one.

  Interruptions do not count, writing checkpoints does.
  """
  try:
    with open(path, encoding='utf-8') as file:
      rows = [json.loads(line) for line in file]
  except FileNotFoundError:
    return None
  settings = settings_lib.read_run(os.path.dirname(path))
  images = settings.get('batch_size', 0) * settings.get('iter_size', 1)
  seconds, before = 0., 0
  for row in rows:
    seconds += (row['step'] - before) * images / row['images_per_second']
    before = row['step']
  return seconds
