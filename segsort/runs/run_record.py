"""The record of a run: config.json, with settings, command and commit."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import shlex
import subprocess
import sys

from segsort.runs import files

# Settings that may name a file, whose content counts then.
FILES = (
    'backbone', 'backbone_module', 'dataset', 'class_names', 'prototype_list')


def digest(*paths):
  """Returns a digest of the bytes of files; those that are absent count too."""
  total = hashlib.blake2b(digest_size=16)
  for path in paths:
    with contextlib.suppress(FileNotFoundError), open(path, 'rb') as file:
      while chunk := file.read(2**22):
        total.update(chunk)
    total.update(b'\0')  # ends each file, be it absent
  return total.hexdigest()


def write_run(folder, settings, **inputs):
  """Writes config.json: what `describe_run` says."""
  files.write_json(os.path.join(folder, 'config.json'),
                   describe_run(settings, **inputs))


def describe_run(settings, **inputs):
  """Returns resolved settings, command, git commit and digests of inputs.

  Args:
    settings: of the stage.
    **inputs: digests, by the names of the settings that name what they are of;
      `digests_of_files` are added.
  """
  inputs |= digests_of_files(settings)
  return {'stage': type(settings).__name__,
          'command': shlex.join([sys.executable, *sys.argv]),
          'git_commit': git_commit(),
          'settings': dataclasses.asdict(settings), 'inputs': inputs}


def digests_of_files(settings):
  """Returns {setting: digest} of the FILES that are given."""
  paths = {name: getattr(settings, name, '') for name in FILES}
  return {name: digest(path) for name, path in paths.items()
          if path and os.path.isfile(path)}


def git_commit():
  """Returns the commit of this checkout, or None outside a repository.

  A repository that the project merely lies in, as when it was unpacked or
  installed there, knows nothing of it.
  """
  root = pathlib.Path(__file__).resolve().parents[2]
  try:
    top, commit = subprocess.run(
        ['git', '-C', root, 'rev-parse', '--show-toplevel', 'HEAD'],
        capture_output=True, text=True, check=True).stdout.splitlines()
  except (OSError, ValueError, subprocess.CalledProcessError):
    return None
  return commit if os.path.realpath(top) == str(root) else None
