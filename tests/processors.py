"""Runs the numeric tests and the golden check as on other processors.

    python tests/processors.py                     (every cell, an hour)
    python tests/processors.py --cell sse41 -- tests/network -k loss
    python tests/processors.py --list

oneDNN and XLA choose kernels by the instruction set that they are told; they
add in another order with other sets, other numbers of threads, and on a busy
machine. Each cell is the numeric tests (what comes after -- instead), and
tests/check_golden.py where ../shared/golden is there, in an environment of its
own. Prints a row a cell; exits with 1 where one has failed.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(os.path.dirname(ROOT), 'shared', 'golden')
# Without those that start programs, whose children compute the same.
NUMERIC = ['-m', 'numeric and not processes']
_ONE_THREAD = {
    'OMP_NUM_THREADS': '1', 'TF_NUM_INTRAOP_THREADS': '1',
    'TF_NUM_INTEROP_THREADS': '1'}
# Of a set that the processor lacks, oneDNN and XLA take the best that it has.
CELLS = {
    'plain': {},
    'sse41': {'ONEDNN_MAX_CPU_ISA': 'SSE41'},
    'avx2': {'ONEDNN_MAX_CPU_ISA': 'AVX2'},
    'avx512': {'ONEDNN_MAX_CPU_ISA': 'AVX512_CORE'},
    'no-onednn': {'TF_ENABLE_ONEDNN_OPTS': '0'},
    'xla-sse4': {'XLA_FLAGS': '--xla_cpu_max_isa=SSE4_2'},
    'xla-avx2': {'XLA_FLAGS': '--xla_cpu_max_isa=AVX2'},
    'one-thread': _ONE_THREAD,
    'busy': {},
    # The worst of the others at once: slow, so for a few tests.
    'oldest': {'ONEDNN_MAX_CPU_ISA': 'SSE41', **_ONE_THREAD,
               'XLA_FLAGS': '--xla_cpu_max_isa=SSE4_2'}}
ALL = [cell for cell in CELLS if cell != 'oldest']


@contextlib.contextmanager
def _busy(cell):
  """Keeps every core busy with something else, for the cell of that name."""
  burners = [subprocess.Popen([sys.executable, '-c', 'while True: pass'])
             for _ in range(os.cpu_count() if cell == 'busy' else 0)]
  try:
    yield
  finally:
    for burner in burners:
      burner.kill()
      burner.wait()


def _run(command, cell, log):
  """Runs a command in a cell; returns its status and how many have passed.

  Args:
    command: a list of words.
    cell: of `CELLS`.
    log: an open file, which takes whatever it writes.
  """
  process = subprocess.run(
      command, cwd=ROOT, env={**os.environ, **CELLS[cell]},
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
  log.write(f'{cell}: {" ".join(command)}\n{process.stdout}\n')
  log.flush()
  counts = re.findall(r'^\d+ (?:passed|failed|error).*', process.stdout, re.M)
  return process.returncode, counts[-1] if counts else 'crashed'


def run_cell(cell, arguments, log):
  """Runs a cell and prints its row; returns whether it has passed."""
  commands = [[sys.executable, '-m', 'pytest', '-q', '-n', '2', '--dist',
               'loadfile', *arguments]]
  # The golden check lets XLA compile nothing.
  golden = set(CELLS[cell]) != {'XLA_FLAGS'} and arguments is NUMERIC
  if golden and os.path.isdir(GOLDEN):
    commands.append([sys.executable, 'tests/check_golden.py', GOLDEN])
  started = time.monotonic()
  with _busy(cell):
    results = [_run(command, cell, log) for command in commands]
  passed = not any(status for status, _ in results)
  print(f'{cell:11s} {"ok" if passed else "FAIL":4s} '
        f'{time.monotonic() - started:5.0f} s  '
        f'{"; golden: ".join(last for _, last in results)}', flush=True)
  return passed


def main(argv=None):
  """Runs the cells; returns the exit status."""
  parser = argparse.ArgumentParser(
      description=__doc__, allow_abbrev=False,
      formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--cell', action='append', choices=list(CELLS),
                      help='one cell, may be repeated; default: all but the '
                      'oldest')
  parser.add_argument('--log', default=os.devnull,
                      help='a file that takes what the tests write')
  parser.add_argument('--list', action='store_true',
                      help='say what the cells are, and end')
  parser.add_argument('arguments', nargs='*', metavar='PYTEST',
                      help='what to run instead of the numeric tests')
  given = parser.parse_args(argv)
  if given.list:
    for name, environment in CELLS.items():
      print(f'{name:11s}', *(f'{key}={value}'
                             for key, value in environment.items()))
    return 0
  with open(given.log, 'w', encoding='utf-8') as log:
    passed = [run_cell(cell, given.arguments or NUMERIC, log)
              for cell in given.cell or ALL]
  print(f'{sum(passed)} of {len(passed)} cells passed')
  return int(not all(passed))


if __name__ == '__main__':
  sys.exit(main())
