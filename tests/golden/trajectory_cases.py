"""c7 and c7b: steps of the optimizer, supervised and unsupervised.

Batch normalisation over two images magnifies rounding from step to step: how
much is measured here, by twins of each trajectory whose weights start off by
rounding errors (`closeness.perturbed`). The release's numbers are one more such
draw, so they may differ from ours by `closeness.FLOORS` times what twins do.
"""

import collections

import numpy as np

import closeness

from golden import trajectory as trajectory_lib
from golden.report import EXACT

# The smallest errors worth finding, as fractions of a quantity's magnitude; one
# whose bound is larger is not compared. A wrong sign, a term left out, a
# momentum or factor of the head forgotten change gradients and updates by tens
# of percents, and the loss of the next step by some.
DETECTS = {'seg_loss': 1e-2, 'l2_loss': 1e-3, 'lr': 1e-3, 'embedding': .05,
           'new_memory': .05, 'grad.norm': .1, 'grad.first8': .5,
           'var_after.first8': .5, 'var_after.mean_std': .5}
ROUNDING = {'lr': 1e-6}  # closeness.FLOATS, but for a product of few factors
# From step 1 on a pixel may fall into another segment, and the rows of a bank
# are no longer in the same places. Of another step's bank no row is like any of
# ours; of our twins', and of the release's on four sets of kernels, each is.
LIKE, UNLIKE_ROWS = .3, .1


def check_c7(report):
  """Compares trajectories at the release's learning rate."""
  _check(report, 'c7', 'c7_trajectory.npz')


def check_c7b(report):
  """Compares better conditioned trajectories, on the inputs of c7."""
  _check(report, 'c7b', 'c7b_trajectory_lowlr.npz')


def _check(report, case, name):
  outputs = report.fields(name)
  inputs = report.fields('c7_trajectory.npz') if case == 'c7b' else outputs
  runs = {}
  for mode in dict.fromkeys(
      key.split('.')[0] for key in outputs.groups(suffix='.step0.seg_loss')):
    with report.guard(case, mode):
      trajectory = trajectory_lib.Trajectory(
          report, case, mode, inputs, outputs)
      runs[trajectory] = trajectory.run(), [
          trajectory.run(np.random.default_rng(seed))
          for seed in range(trajectory_lib.CASES[case].twins)]
  floors = collections.defaultdict(float)
  for step in range(trajectory_lib.CASES[case].steps):
    for ours, twins in runs.values():
      for twin in twins:
        _raise(floors, ours[step], twin[step])
    for trajectory, (ours, _) in runs.items():
      with report.guard(case, f'{trajectory.mode}.step{step}'):
        _compare(report, trajectory, step, ours[step], floors)
  for trajectory in runs:
    _leave_out(report, trajectory)
  report.unread(case, outputs.unread())


def _raise(floors, ours, twin):
  """Raises the floors of all kinds to what a step of a twin is off by.

  They are those of all modes and of the steps before as well: chaos only
  grows, and one number may come out equal by chance.
  """
  for key in ours.keys() & twin.keys():
    kind = kind_of(key)
    if kind in DETECTS:
      floors[kind] = max(floors[kind], closeness.error(twin[key], ours[key]))


def kind_of(key):
  """The kind of a quantity, e.g. `grad.norm` of `grad.conv1|weights.norm`."""
  words = key.split('.')
  return '.'.join([words[0], *words[1:][-1:]])


def _compare(report, trajectory, step, ours, floors):
  """Compares a step with the golden one.

  Args:
    report: a `report.Report`.
    trajectory: a `trajectory.Trajectory`.
    step: its number.
    ours: as `Trajectory.run` returns it.
    floors: of each kind, what twins are off by at most.
  """
  for name in sorted(ours.keys() - set(trajectory_lib.OF_BANKS)):
    key, kind = f'{trajectory.mode}.step{step}.{name}', kind_of(name)
    golden = trajectory.golden(step, name)
    _compare_one(report, trajectory.case, key, ours[name], golden, floors[kind])
  if trajectory.mode == 'rotated':
    _compare_bank(report, trajectory, step, ours, floors['new_memory'])


def _compare_one(report, case, key, ours, golden, floor):
  """Compares a quantity, unless noise would hide an error of it."""
  kind = kind_of(key.split('.', 2)[-1])  # without mode and step
  bound = closeness.FLOORS * floor + ROUNDING.get(kind, closeness.FLOATS)
  if bound > DETECTS[kind]:
    report.leave_out(case, key, f'noise of {bound:.0%} would hide an error')
  else:
    report.compare(case, key, ours, golden, bound)


def _compare_bank(report, trajectory, step, ours, floor):
  key = f'rotated.step{step}.new_memory'
  golden, labels = (trajectory.golden(step, name)
                    for name in trajectory_lib.OF_BANKS[:2])
  report.unit_length(trajectory.case, key, golden)
  if not step:
    _compare_one(
        report, trajectory.case, key, ours['new_memory'], golden, floor)
    report.compare(trajectory.case, f'{key}_labels', ours['new_memory_labels'],
                   labels, EXACT)
    return
  distances = np.linalg.norm(
      golden[:, None] - ours['prototypes'][None], axis=-1)
  same = labels[:, None] == ours['prototype_classes'][None]
  nearest = np.where(same, distances, np.inf).min(-1)
  report.row(trajectory.case, f'{key}: share of rows unlike ours',
             float(np.mean(~(nearest < LIKE))), UNLIKE_ROWS)


def _leave_out(report, trajectory):
  """Names the steps that are not compared."""
  for step, names in trajectory.later_steps().items():
    for name in names:
      trajectory.golden(step, name)
    report.leave_out(
        trajectory.case, f'{trajectory.mode}.step{step}',
        f'{len(names)} quantities after too many steps')
