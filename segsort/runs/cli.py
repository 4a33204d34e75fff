"""From the command line to a stage: flags, one-line errors, exit status."""

import argparse
import dataclasses
import io
import os
import select
import sys

from segsort.errors import InputError
from segsort.runs import interruption
from segsort.runs import settings as settings_lib


def run(stage, config_class, argv=None):
  """Parses the flags, runs a stage and leaves with its status.

  Args:
    stage: a function of one config; its docstring is the help text.
    config_class: the stage's dataclass, of `settings.Settings`.
    argv: the arguments; those of this process if None.

  Raises:
    SystemExit: 2 after one `error:` line for an InputError, 130 after Ctrl-C
      (a second one does not wait for threads that hang), 141 where nobody reads
      the output any more (`| head`).
  """
  if isinstance(sys.stdout, io.TextIOWrapper):  # no stand-in of a caller
    sys.stdout.reconfigure(errors='backslashreplace')  # for any file name
  try:
    with interruption.Watch():
      stage(parse(config_class, argv, (stage.__doc__ or '').split('\n')[0]))
    print(end='', flush=True)  # an error at exit could not be caught
  except InputError as error:
    sys.exit(_fail(f'error: {error}', 2))
  except KeyboardInterrupt:
    sys.exit(_fail('interrupted', 130))
  except BrokenPipeError:
    streams = [number for number in (1, 2) if _is_unread(number)]
    if not streams:  # another pipe
      raise
    for number in streams:  # what is buffered is written at exit
      os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.exit(141)


def _is_unread(number):
  """Whether a stream is a pipe that was closed at its other end."""
  poll = select.poll()
  poll.register(number, 0)
  return bool(poll.poll(0))


def _fail(line, status):
  print(line, file=sys.stderr)
  return status


def parse(config_class, argv=None, description=''):
  """Returns a config: the flags, and what follows from them.

  Args:
    config_class: a dataclass whose fields were made by `settings.setting`.
    argv: the arguments; those of this process if None.
    description: shown by --help.

  Raises:
    InputError: a value that no setting takes.
  """
  given = vars(_parser(config_class, description).parse_args(argv))
  settings = config_class(**config_class.complete(given))
  settings.check()
  for name in ('snapshot_dir', 'restore_from'):
    _check_text(name, getattr(settings, name, ''))
  return settings


def _check_text(name, path):
  """Raises InputError for a path that TensorFlow cannot open."""
  try:
    path.encode()
  except UnicodeEncodeError as error:
    raise InputError(
        f'--{name} {path!a} is not UTF-8, as names of checkpoints must be; '
        'rename the folder') from error


class _Parser(argparse.ArgumentParser):
  """Raises instead of printing the usage of forty flags."""

  def error(self, message):
    raise InputError(f'{message}; --help explains the flags')


def _parser(config_class, description):
  """One flag per field, under the field's name."""
  parser = _Parser(
      description=description, allow_abbrev=False,
      argument_default=argparse.SUPPRESS)
  for field in dataclasses.fields(config_class):
    if field.metadata.get('fixed'):
      continue
    required = field.default is dataclasses.MISSING
    inherited = field.name in getattr(config_class, 'INHERITED', ())
    shown = '' if required else (
        f" (default: {'that of the checkpoint, or ' if inherited else ''}"
        f'{_as_flag(field.default)})')
    options = {
        'help': (field.metadata['help'] + shown).replace('%', '%%'),
        'required': required}
    if field.type is bool:
      options['action'] = argparse.BooleanOptionalAction
    else:
      options['type'] = settings_lib.PARSERS.get(field.type, field.type)
      options['metavar'] = field.type.__name__.upper()
      if field.metadata['choices']:
        options['choices'] = field.metadata['choices']
        options.pop('metavar')
    parser.add_argument(f'--{field.name}', **options)
  return parser


def _as_flag(value):
  """A default as the user would type it."""
  if isinstance(value, tuple):
    return ','.join(str(item) for item in value)
  return repr(value) if value == '' else value
