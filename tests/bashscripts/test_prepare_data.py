"""The download of VOC 2012, SBD and ResNet-101, against a local server."""

import functools
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading

import needs
import numpy as np
import PIL.Image
import pytest
import scipy.io

SCRIPT = os.path.abspath('bashscripts/voc12/prepare_data.sh')
VOC = 'VOCtrainval_11-May-2012.tar'
SBD = 'benchmark.tgz'
RESNET = 'resnet_v1_101_2016_08_28.tar.gz'
# Random, so that gzip leaves it large enough to be cut in half.
CHECKPOINT = np.random.default_rng(1).bytes(50000)


class RangeHandler(http.server.SimpleHTTPRequestHandler):
  """Serves files, also from the middle; notes (name, first byte) asked for."""

  def do_GET(self):
    first = int(self.headers.get('Range', 'bytes=0-')[6:].split('-')[0])
    name = self.path.lstrip('/')
    self.server.asked.append((name, first))
    try:
      with open(os.path.join(self.directory, name), 'rb') as file:
        data = file.read()
    except FileNotFoundError:
      return self.send_error(404)
    if first >= len(data) > 0:
      return self.send_error(416)
    self.send_response(206 if 'Range' in self.headers else 200)
    self.send_header('Content-Length', str(len(data) - first))
    if 'Range' in self.headers:
      self.send_header(
          'Content-Range', f'bytes {first}-{len(data) - 1}/{len(data)}')
    self.end_headers()
    return self.wfile.write(data[first:])

  def log_message(self, *_):
    """Says nothing."""


def picture(pixels, form):
  data = io.BytesIO()
  PIL.Image.fromarray(pixels).save(data, format=form)
  return data.getvalue()


def class_file():
  data = io.BytesIO()
  scipy.io.savemat(data, {'GTcls': {
      'Segmentation': np.full((4, 6), 7, np.uint8)}})
  return data.getvalue()


def write_archive(path, mode, members):
  with tarfile.open(path, mode) as archive:
    for name, data in members.items():
      member = tarfile.TarInfo(name)
      member.size = len(data)
      archive.addfile(member, io.BytesIO(data))


def write_archives(folder):
  """Small archives of the form of the real ones."""
  image = picture(np.zeros((4, 6, 3), np.uint8), 'JPEG')
  mask = picture(np.full((4, 6), 3, np.uint8), 'PNG')
  voc, lists = 'VOCdevkit/VOC2012', 'VOCdevkit/VOC2012/ImageSets/Segmentation'
  write_archive(folder / VOC, 'w', {
      **{f'{voc}/JPEGImages/{i}.jpg': image for i in 'tvs'},
      **{f'{voc}/SegmentationClass/{i}.png': mask for i in 'tv'},
      f'{lists}/train.txt': b't\n', f'{lists}/val.txt': b'v\n'})
  sbd = 'benchmark_RELEASE/dataset'
  write_archive(folder / SBD, 'w:gz', {
      f'{sbd}/train.txt': b's\n', f'{sbd}/val.txt': b'v',
      f'{sbd}/cls/s.mat': class_file()})
  write_archive(folder / RESNET, 'w:gz', {'resnet_v1_101.ckpt': CHECKPOINT})


@pytest.fixture
def server(tmp_path):
  """A server of the three archives: `.folder`, `.asked`, `.address`."""
  folder = tmp_path / 'served'
  folder.mkdir()
  write_archives(folder)
  with http.server.ThreadingHTTPServer(
      ('127.0.0.1', 0),
      functools.partial(RangeHandler, directory=str(folder))) as server:
    server.folder, server.asked = folder, []
    server.address = f'http://127.0.0.1:{server.server_port}'
    threading.Thread(target=server.serve_forever, args=(0.02,)).start()
    yield server
    server.shutdown()


def md5(path):
  return hashlib.md5(path.read_bytes()).hexdigest()


def settings(server, tmp_path, **others):
  """The environment: everything into tmp_path, and a Python that only tells.

  The interpreter stands in for one with all packages, and for the preparation
  of masks and lists, which takes seconds to start.
  """
  python = tmp_path / 'python'
  python.write_text('#!/bin/sh\ncase "$1" in -c) ;; *) echo "ran $*" ;; esac\n')
  python.chmod(0o755)
  return {
      **{name: value for name, value in os.environ.items()
         if not name.lower().endswith('_proxy')},
      'DATAROOT': str(tmp_path / 'data'), 'LIST_DIR': str(tmp_path / 'lists'),
      'CHECKPOINT': str(tmp_path / 'trained/resnet_v1_101.ckpt'),
      'VOC_URL': f'{server.address}/{VOC}',
      'VOC_MD5': md5(server.folder / VOC),
      'SBD_URL': f'{server.address}/{SBD}',
      'SBD_MD5': md5(server.folder / SBD),
      'RESNET_URL': f'{server.address}/{RESNET}', 'PYTHON': str(python),
      **others}


def run(environment, command=('bash', SCRIPT), cwd=None):
  return subprocess.run(
      command, env=environment, cwd=cwd, capture_output=True, text=True,
      timeout=100)


def last_error(result):
  """The one line of ours on standard error; curl's own come before."""
  lines = [line for line in result.stderr.splitlines()
           if line.startswith('error: ')]
  assert len(lines) == 1, result.stderr
  return lines[0]


@pytest.mark.slow
def test_from_nothing_to_masks_and_lists(server, tmp_path):
  environment = settings(server, tmp_path, PYTHON=sys.executable)
  result = run(environment, cwd=tmp_path)
  assert result.returncode == 0, result.stderr
  assert server.asked == [(VOC, 0), (SBD, 0), (RESNET, 0)]
  voc, sbd = '/VOC2012/JPEGImages', '/sbd/dataset/clsimg'
  assert (tmp_path / 'lists/train+.txt').read_text() == (
      f'{voc}/t.jpg /VOC2012/segcls/t.png\n{voc}/s.jpg {sbd}/s.png\n')
  mask = PIL.Image.open(tmp_path / 'data/sbd/dataset/clsimg/s.png')
  np.testing.assert_array_equal(np.array(mask), np.full((4, 6), 7))
  assert (tmp_path / 'data/VOC2012/segcls/v.png').exists()
  assert (tmp_path / 'trained/resnet_v1_101.ckpt').read_bytes() == CHECKPOINT
  first = result.stdout.splitlines()
  assert first[0].endswith('prepare_data.sh ==')
  assert f'DATAROOT={tmp_path}/data' in first

  again = run(settings(server, tmp_path), cwd=tmp_path)
  assert again.returncode == 0, again.stderr
  assert len(server.asked) == 3
  assert again.stdout.count('is there already') == 3
  assert again.stdout.splitlines()[-1] == (
      f'ran {os.path.dirname(SCRIPT)}/../../pyscripts/prepare_voc12.py'
      f' --data_dir {tmp_path}/data --list_dir {tmp_path}/lists'
  ).replace('/bashscripts/voc12/../..', '')


@pytest.mark.parametrize('name', [VOC, RESNET])
@pytest.mark.parametrize('suffix', ['', '.partial'])
def test_half_a_file_is_gone_on_with(server, tmp_path, name, suffix):
  downloads = tmp_path / 'data/downloads'
  downloads.mkdir(parents=True)
  data = (server.folder / name).read_bytes()
  (downloads / f'{name}{suffix}').write_bytes(data[:len(data) // 2])
  result = run(settings(server, tmp_path))
  assert result.returncode == 0, result.stderr
  assert (name, len(data) // 2) in server.asked
  assert (name, 0) not in server.asked
  assert (downloads / name).read_bytes() == data


def test_whole_archives_are_not_fetched_again(server, tmp_path):
  downloads = tmp_path / 'elsewhere'
  downloads.mkdir()
  for name in (VOC, SBD):
    shutil.copy(server.folder / name, downloads / name)
  shutil.copy(server.folder / RESNET, downloads / f'{RESNET}.partial')
  result = run(settings(server, tmp_path, DOWNLOAD_DIR=str(downloads)))
  assert result.returncode == 0, result.stderr
  assert server.asked == []


def test_wrong_checksum(server, tmp_path):
  result = run(settings(server, tmp_path, VOC_MD5='0' * 32))
  damaged = tmp_path / f'data/downloads/{VOC}.damaged'
  assert result.returncode == 3
  assert last_error(result) == (
      f'error: {server.address}/{VOC} is not the published archive: its MD5 is '
      f'{md5(server.folder / VOC)}, not {"0" * 32}; kept as {damaged}; run '
      'this again, or give another address')
  assert damaged.exists()
  assert server.asked == [(VOC, 0)]  # nothing after the failure
  assert run(settings(server, tmp_path)).returncode == 0
  assert server.asked[1] == (VOC, 0)  # from the start


@pytest.mark.parametrize('members', [{'resnet_v1_50.ckpt': CHECKPOINT}, None])
def test_another_archive_than_resnet_101(server, tmp_path, members):
  if members:
    write_archive(server.folder / RESNET, 'w:gz', members)
  else:
    (server.folder / RESNET).write_text('<html>moved</html>')
  result = run(settings(server, tmp_path))
  assert result.returncode == 3
  assert ('it does not open, or lacks resnet_v1_101.ckpt; kept as'
          ) in last_error(result)
  assert not (tmp_path / 'trained').exists()


def test_address_without_the_file(server, tmp_path):
  address = f'{server.address}/gone.tgz'
  result = run(settings(server, tmp_path, SBD_URL=address))
  assert result.returncode == 4
  assert last_error(result).startswith(f'error: cannot download {address} ')


@pytest.mark.parametrize('name', ['/tmp/evil', '../evil', 'VOCdevkit/../../x'])
def test_archive_that_would_write_elsewhere(server, tmp_path, name):
  write_archive(server.folder / VOC, 'w', {
      name: b'x', 'VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt': b't'})
  result = run(settings(server, tmp_path))
  assert result.returncode == 5
  assert last_error(result).endswith(
      'has files outside its own folder; it is not unpacked')
  assert not (tmp_path / 'data/VOCdevkit').exists()


def test_archive_of_something_else(server, tmp_path):
  write_archive(server.folder / SBD, 'w:gz', {'other/file': b'x'})
  result = run(settings(server, tmp_path))
  assert result.returncode == 5
  assert last_error(result).endswith(f'{SBD} has no folder benchmark_RELEASE')


def test_no_place_to_write(server, tmp_path):
  (tmp_path / 'data').write_text('a file')
  result = run(settings(server, tmp_path))
  assert result.returncode == 2
  assert last_error(result) == (
      f'error: cannot write to {tmp_path}/data/downloads; mend the '
      'permissions, or give another DATAROOT')


@pytest.mark.parametrize(
    'shell', ['bash', pytest.param('zsh', marks=needs.zsh)])
def test_sourcing_leaves_the_shell_as_it_was(server, tmp_path, shell):
  environment = settings(server, tmp_path, VOC_MD5='0' * 32)
  del environment['DATAROOT']
  # A setting that is not exported counts, a setting with a space too.
  result = run(environment, (shell, '-c', (
      'DATAROOT="$1/with space"; set -u; set > "$1/before"; set -o >> '
      '"$1/before"; source "$0"; echo "status $?"; pwd; '
      'set > "$1/after"; set -o >> "$1/after"'), SCRIPT, str(tmp_path)),
               cwd=tmp_path)
  assert result.stdout.splitlines()[-2:] == ['status 3', str(tmp_path)]
  assert (tmp_path / f'with space/downloads/{VOC}.damaged').exists()
  changing = ('_=', 'BASH_', 'PIPESTATUS', 'LINENO', 'RANDOM', 'SECONDS',
              'EPOCH', 'TTYIDLE', "'?'", '?=', 'status=', 'pipestatus',
              'argv', '\'*', '@=')
  before, after = ([
      line for line in (tmp_path / name).read_text().splitlines()
      if not line.startswith(changing)] for name in ('before', 'after'))
  assert before == after
