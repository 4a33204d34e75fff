"""The record of a run: config.json, with settings, command and commit."""

import dataclasses
import os
import shlex
import subprocess
import sys

from segsort import files


def write_run(folder, settings):
  """Writes config.json: what `describe_run` says."""
  files.write_json(os.path.join(folder, 'config.json'), describe_run(settings))


def describe_run(settings, **inputs):
  """Returns resolved settings, command, git commit and digests of inputs."""
  return {'stage': type(settings).__name__,
          'command': shlex.join([sys.executable, *sys.argv]),
          'git_commit': git_commit(),
          'settings': dataclasses.asdict(settings), 'inputs': inputs}


def git_commit():
  """Returns the commit of this checkout, or None outside a repository."""
  root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
  try:
    return subprocess.run(
        ['git', '-C', root, 'rev-parse', 'HEAD'], capture_output=True,
        text=True, check=True).stdout.strip()
  except (OSError, subprocess.CalledProcessError):
    return None
