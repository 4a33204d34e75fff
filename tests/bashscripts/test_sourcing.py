"""The scripts sourced in bash and zsh: they work, and leave no trace."""

import re

import needs
import pytest

SHELLS = ['bash', pytest.param('zsh', marks=needs.zsh)]
SCRIPTS = ['demo/train_segsort.sh', 'camvid/train_segsort.sh',
           'demo/train_segsort_unsup.sh', 'camvid/train_segsort_unsup.sh',
           'cityscapes/train_segsort.sh', 'coco_stuff/train_segsort.sh',
           'voc12_half/train_segsort.sh', 'voc12_half/train_segsort_unsup.sh',
           'voc12/train_segsort.sh', 'voc12/train_segsort_mgpu.sh',
           'voc12/train_segsort_multiworker.sh',
           'voc12/train_segsort_unsup.sh']
WORKERS = {'WORKERS': 'a:1', 'WORKER_INDEX': '0'}


@pytest.mark.parametrize('shell', SHELLS)
@pytest.mark.parametrize('name', SCRIPTS)
def test_sourcing_twice_runs_twice_and_passes_the_status_on(
    project, name, shell):
  result = project.run(
      name, 'source {}; echo first $?; FAILING=extract_prototypes.py '
      'source {}; echo second $?', shell, **WORKERS)
  assert 'first 0\n' in result.stdout, result.stderr
  assert 'second 3\n' in result.stdout
  assert 'stage 1 extract_prototypes failed' in result.stderr


# Variables that differ between any two looks at a shell.
FLEETING = re.compile(
    r'(_|PIPESTATUS|BASH_\w+|RANDOM|SRANDOM|SECONDS|EPOCH\w+|LINENO|status|'
    r'\?|pipestatus|history\w*|TTYIDLE)=')

CALLER = '''
state() {
  set -o
  set
  alias
  trap
  pwd
  umask
}
shopt -s expand_aliases 2>/dev/null || true
alias python='echo aliased' cd='echo aliased'
python3() { echo mine; }
trap 'true' INT
BATCH_SIZE=3
CDPATH=/usr
set -eu
IFS=e:
state >before.txt
source {}
state >after.txt
'''


@pytest.mark.parametrize('shell', SHELLS)
@pytest.mark.parametrize('name', SCRIPTS[-2:] + ['setup.sh'])
def test_the_caller_is_left_as_it_was(project, name, shell):
  result = project.run(name, CALLER, shell, **WORKERS)
  assert result.returncode == 0, result.stderr
  before, after = (
      [line for line in (project.caller / which).read_text().splitlines()
       if not FLEETING.match(line)] for which in ('before.txt', 'after.txt'))
  assert before == after and len(before) > 50
  # A setting counts though the caller does not export it.
  assert {flags['batch_size'] for call, flags in project.calls()
          if call.startswith('train')} == (
              set() if name == 'setup.sh' else {'3'})


@pytest.mark.parametrize('shell', SHELLS)
def test_a_failure_ends_a_caller_with_errexit_only(project, shell):
  how = 'IS_TRAIN_1=x; set -e; source {}; echo alive'
  result = project.run('demo/train_segsort.sh', how, shell)
  assert result.returncode == 2 and 'alive' not in result.stdout
  result = project.run('demo/train_segsort.sh',
                       how.replace('set -e', 'true'), shell)
  assert result.returncode == 0 and 'alive' in result.stdout


def test_odd_options_of_the_caller_do_not_reach_the_stages(project):
  result = project.run('demo/train_segsort.sh', '''
      set -fu -o posix -o pipefail -o noclobber; IFS=/; cd() { false; }
      . {}''')
  assert result.returncode == 0, result.stderr
  assert len(project.calls()) == 5


def test_paths_are_short_where_the_caller_is_in_the_root(project):
  project.caller = project.root
  (project.root / 'dataset/voc12/val.txt').unlink()
  result = project.run('voc12/train_segsort.sh', 'DATAROOT=dataset/voc12/data '
                       'source bashscripts/voc12/train_segsort.sh')
  assert result.stderr.endswith(
      'get it with: DATAROOT=dataset/voc12/data bash '
      'bashscripts/voc12/prepare_data.sh\n')
