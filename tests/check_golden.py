"""Compares this project with numbers of the 2019 release.

    python tests/check_golden.py ../shared/golden
    python tests/check_golden.py ../shared/golden --case c2 --case c3
    python tests/check_golden.py ../shared/golden_affinity

DIR holds the files that its README.md describes: inputs and outputs of each
piece of the release, and the rule for the weights of its networks; or those of
the baselines' losses, which came in a folder of their own (c11). Prints a row
per stored quantity: case, key, error, tolerance, ok or FAIL. Errors are
fractions of the largest magnitude; where the tolerance is 0, numbers of values
that differ. Exits with 1 on any failure, a missing file, a key or a case that
nothing here compares.
"""

import argparse
import os
import sys
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (HERE, os.path.dirname(HERE)):
  if folder not in sys.path:
    sys.path.insert(0, folder)

from golden import affinity_cases  # noqa: E402
from golden import clustering_cases  # noqa: E402
from golden import loss_cases  # noqa: E402
from golden import metric_cases  # noqa: E402
from golden import network_cases  # noqa: E402
from golden import pipeline_cases  # noqa: E402
from golden import reader_cases  # noqa: E402
from golden import report as report_lib  # noqa: E402
from golden import retrieval_cases  # noqa: E402
from golden import trajectory_cases  # noqa: E402

CASES = {
    'c1': clustering_cases.check_c1, 'c2': loss_cases.check_c2,
    'c3': loss_cases.check_c3, 'c4': retrieval_cases.check_c4,
    'c5': clustering_cases.check_c5, 'c6': network_cases.check_c6,
    'c7': trajectory_cases.check_c7, 'c7b': trajectory_cases.check_c7b,
    'c8': pipeline_cases.check_c8, 'c9': metric_cases.check_c9,
    'c10': reader_cases.check_c10, 'map': metric_cases.check_colormap,
    'c11': affinity_cases.check_c11}
FILES = {
    'README.md', 'salt.txt', 'colormap_uint8.npy', 'c1_common_utils.npz',
    'c2_segsort_loss.npz', 'c3_unsup_loss.npz', 'c4_eval_utils.npz',
    'c5_pca.npz', 'c6_networks.npz', 'c6_variables.json', 'c7_trajectory.npz',
    'c7b_trajectory_lowlr.npz', 'c8', 'c9', 'c10', 'c10_reader.npz'}
AFFINITY = {'README.md', 'c11_affinity.npz'}


def check(folder, cases=()):
  """Runs cases on a folder; returns the `report.Report`.

  Args:
    folder: of golden files.
    cases: names; all cases of such a folder, and a look for unknown files, if
      empty.
  """
  report = report_lib.Report(folder)
  if not cases:
    found = set(os.listdir(folder))
    for name in sorted(found - FILES - AFFINITY):
      report.fail('?', name, 'a file of no case that this check knows')
    cases = ['c11'] if found == AFFINITY else [
        case for case in CASES if case != 'c11' or found >= AFFINITY]
  for case in cases:
    started = time.monotonic()
    if case not in CASES:
      report.fail(case, '-', f'unknown case; known: {" ".join(CASES)}')
      continue
    with report.guard(case, '-'):
      CASES[case](report)
    print(f'{case:5s} took {time.monotonic() - started:.1f} s')
  return report


def main(argv=None):
  """Runs the check; returns the exit status."""
  parser = argparse.ArgumentParser(
      description=__doc__, allow_abbrev=False,
      formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('folder', metavar='DIR')
  parser.add_argument('--case', action='append', default=[])
  given = parser.parse_args(argv)
  if not os.path.isdir(given.folder):
    print(f'FAIL  no folder {given.folder}')
    print('0 passed, 1 failed')
    return 1
  report = check(given.folder, given.case)
  for case, (ratio, key) in report.worst.items():
    print(f'{case:5s} closest to its tolerance: {ratio:7.1%}  {key}')
  print(f'{report.left_out} left out, each with its reason above')
  print(f'{report.passed} passed, {report.failed} failed')
  return int(report.failed > 0 or not report.passed)


if __name__ == '__main__':
  sys.exit(main())
