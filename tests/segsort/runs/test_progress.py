"""Lines where standard error is a file, a bar where it is a terminal."""

import fcntl
import io
import os
import pathlib
import pty
import re
import struct
import sys
import termios
import types

import pytest
import tqdm.std

from segsort.errors import warn
from segsort.runs import progress


@pytest.fixture(name='read_log')
def _read_log(capsys):
  """Returns the lines that standard error, no terminal, has got."""
  def read_log():
    text = capsys.readouterr().err
    assert '\r' not in text and text.endswith(']\n')
    return text.splitlines()
  return read_log


@pytest.fixture(name='clock')
def _clock(monkeypatch):
  """Its `now` is the time by which tqdm goes."""
  clock = types.SimpleNamespace(now=1000.)
  monkeypatch.setattr(tqdm.std, 'time', lambda: clock.now)
  return clock


def _counts(lines):
  """What stands before the times."""
  return [line.partition(' [')[0] for line in lines]


def test_a_log_gets_a_line_every_30_seconds(read_log, clock):
  for _ in progress.track(range(100), 'work', unit='image'):
    clock.now += 10
  lines = read_log()
  assert _counts(lines) == [
      f'work: {count}/100' for count in (*range(0, 100, 3), 100)]
  assert lines[0] == 'work: 0/100 [00:00<?, ?image/s]'
  assert lines[-1] == 'work: 100/100 [16:40<00:00, 10.00s/image]'


def test_a_loop_that_slows_down_gets_a_line_each_step(read_log, clock):
  for number in progress.track(range(33), 'work'):
    clock.now += 1 if number < 30 else 31
  assert _counts(read_log()) == [  # no two of the last
      f'work: {count}/33' for count in (0, 30, 31, 32, 33)]


def test_another_interval(read_log, monkeypatch):
  monkeypatch.setattr(progress, 'INTERVAL', 0)
  assert list(progress.track(range(50), 'work')) == list(range(50))
  assert _counts(read_log()) == [f'work: {count}/50' for count in range(51)]


def test_a_short_loop_costs_two_lines(read_log):
  steps = progress.track(range(10000), 'work')
  for number in steps:
    steps.set_postfix(loss=f'{number / 2}', refresh=False)
  lines = read_log()
  assert _counts(lines) == ['work: 0/10000', 'work: 10000/10000']
  assert lines[1].endswith('it/s, loss=4999.5]')


def test_a_loop_that_goes_on(read_log):
  list(progress.track([3, 4], 'work', total=4, initial=2))
  list(progress.track([], 'rest', total=4, initial=4))
  list(progress.track([], 'none'))
  assert _counts(read_log()) == [
      'work: 2/4', 'work: 4/4', 'rest: 4/4', 'none: 0/0']


def test_nobody_knows_how_many(read_log):
  list(progress.track(iter('abc'), 'work', unit='image'))
  lines = read_log()
  assert _counts(lines) == ['work: 0image', 'work: 3image']
  assert lines[0] == 'work: 0image [00:00, ?image/s]'


def test_a_warning_is_one_line_of_a_log(read_log):
  for number in progress.track(range(3), 'work'):
    if number == 1:
      warn('of one')
      warn('of another')
  lines = read_log()
  assert lines[1:-1] == ['warning: of one', 'warning: of another']
  assert lines[0].startswith('work: 0/3') and lines[-1].startswith('work: 3/3')


def _fail_at(failing):
  for number in progress.track(range(3), 'work'):
    if number == failing:
      raise ValueError('of the loop')


def test_an_error_ends_the_lines(read_log):
  with pytest.raises(ValueError, match='of the loop'):
    _fail_at(1)
  assert _counts(read_log()) == ['work: 0/3', 'work: 1/3']
  with pytest.raises(ValueError, match='of the loop'):
    _fail_at(0)
  assert _counts(read_log()) == ['work: 0/3']


@pytest.mark.parametrize('kind', ('none', 'closed', 'writes only'))
def test_streams_that_are_hardly_any(kind, monkeypatch):
  got = []
  stream = {'none': None, 'closed': io.StringIO(),
            'writes only': types.SimpleNamespace(write=got.append)}[kind]
  if kind == 'closed':
    stream.close()
  monkeypatch.setattr(sys, 'stderr', stream)
  steps = progress.track(range(3), 'work')
  for _ in steps:
    steps.set_postfix(loss='1', refresh=False)
  assert steps.n == (0 if kind == 'none' else 3)
  assert len(got) == (2 if kind == 'writes only' else 0)


def test_a_real_terminal_gets_a_bar_of_its_width(monkeypatch):
  reader, writer = pty.openpty()
  fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack('4H', 24, 80, 0, 0))
  with open(writer, 'w', encoding='utf-8') as stream:
    monkeypatch.setattr(sys, 'stderr', stream)
    steps = progress.track(range(4), 'work')
    for _ in steps:
      steps.set_postfix(loss='1.5', refresh=False)
    got = b''
    while not got.endswith(b'\n'):
      got += os.read(reader, 1024)
  os.close(reader)
  first, last = got.decode().strip().split('\r')
  assert first.startswith('work:   0%|') and len(first) == 79
  assert last.startswith('work: 100%|█') and len(last) == 79
  assert '| 4/4 [' in last and last.endswith('it/s, loss=1.5]')


def test_a_warning_leaves_the_bar_of_a_terminal_whole(capsys, monkeypatch):
  monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
  for number in progress.track(range(3), 'work'):
    if number == 1:
      warn('of one')
  before, after = capsys.readouterr().err.split('warning: of one\n')
  assert before.rpartition('\r')[0].endswith(' ')  # the bar is wiped out
  assert before.endswith('\r') and re.match(r'\rwork: +\d+%\|', after)
  assert after.rstrip().rpartition('\r')[2].startswith('work: 100%|')


def test_nothing_else_shows_progress_of_its_own(root):
  users = {path.name for path in pathlib.Path(root, 'segsort').rglob('*.py')
           if 'tqdm' in path.read_text(encoding='utf-8')}
  assert users == {'progress.py', 'errors.py'}
