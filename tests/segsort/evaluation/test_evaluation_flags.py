"""Flags of the evaluation that no value, or no other flag, goes with."""

import pytest

from segsort.errors import InputError
from segsort.evaluation import evaluation_flags
from segsort.runs import cli

NEEDED = ['--pred_dir', 'p', '--gt_dir', 'g']


def test_defaults():
  config = cli.parse(evaluation_flags.EvaluateConfig, NEEDED)
  assert not config.boundary and not config.compare_dir
  assert (config.tolerance, config.boundary_width) == (.0075, .02)
  assert (config.bootstrap, config.random_seed, config.classes) == (1000, 1, 21)


@pytest.mark.parametrize('flags, message', [
    ('--tolerance -0.1', '--tolerance is -0.1; it must be 0 or more'),
    ('--tolerance nan', '--tolerance is nan; it must be a finite number'),
    ('--tolerance 4', '--tolerance is 4.0; it must be below 1'),
    ('--boundary_width 1', '--boundary_width is 1.0; it must be below 1'),
    ('--bootstrap 0', '--bootstrap is 0; it must be above 0'),
    ('--random_seed -1', '--random_seed is -1; it must be 0 or more'),
    ('--save_confusion x.jpg', "is 'x.jpg'; name a file X.png, and"),
    ('--void_trimaps', '--void_trimaps says where bands of --boundary lie'),
    ('--tf1_compat --boundary', 'which had no --boundary; leave one'),
    ('--tf1_compat --compare_dir c', 'which had no --compare_dir; leave one'),
    ('--tf1_compat --save_csv c', 'which had no --save_csv; leave one'),
    ('--tf1_compat --save_confusion c.png', 'had no --save_confusion; leave')])
def test_bad_flags_are_one_line(flags, message):
  with pytest.raises(InputError) as raised:
    cli.parse(evaluation_flags.EvaluateConfig, NEEDED + flags.split())
  assert message in str(raised.value) and '\n' not in str(raised.value)
