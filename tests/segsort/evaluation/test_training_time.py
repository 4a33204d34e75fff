"""How long a training took, stage by stage, without its interruptions."""

import json

import pytest

from segsort.errors import InputError
from segsort.evaluation import training_time


def _write(path, text):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(text)


def test_seconds_follow_from_the_log(tmp_path):
  _write(tmp_path / 'config.json', json.dumps(
      {'settings': {'batch_size': 2, 'iter_size': 4}}))
  _write(tmp_path / 'log.jsonl', ''.join(
      json.dumps({'step': step, 'images_per_second': rate}) + '\n'
      for step, rate in ((10, 8.), (30, 80.))))
  assert training_time.training_seconds(
      str(tmp_path / 'log.jsonl')) == pytest.approx(10 + 2)
  assert training_time.training_seconds(str(tmp_path / 'none')) is None


def test_seconds_of_all_stages_up_to_the_scored_one_count(tmp_path):
  for stage, step in ((1, 10), (2, 20), (3, 40)):
    _write(tmp_path / f'stage{stage}/config.json',
           json.dumps({'settings': {'batch_size': 8}}))
    _write(tmp_path / f'stage{stage}/log.jsonl',
           json.dumps({'step': step, 'images_per_second': 8.}))
  for stage, seconds in ((1, 10), (2, 30), (3, 70)):
    assert training_time.seconds_until(
        str(tmp_path / f'stage{stage}')) == pytest.approx(seconds)
  assert training_time.seconds_until(str(tmp_path / 'no/stage2')) is None
  with pytest.raises(InputError, match='is no stage of training'):
    training_time.seconds_until(str(tmp_path / 'results'))
