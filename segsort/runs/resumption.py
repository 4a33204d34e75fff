"""What an earlier run left in a folder: whether to go on from it.

A folder's config.json names the settings of its results and has a digest of the
checkpoint, prototypes or list that they follow from. A run goes on where both
are its own. Images go by name; `input_records` tells those that changed.
"""

import contextlib
import json
import os

from segsort.errors import InputError, warn
from segsort.runs import files
from segsort.runs import folder_lock
from segsort.runs import input_records

# Settings that say where and in how many parts, not what is computed. Images
# are the same wherever they lie; of lists, the images count.
NOT_COMPARED = {
    'save_dir', 'overwrite', 'num_shards', 'shard_index', 'strategy', 'num_gpu',
    'logical_devices', 'data_dir', 'data_list', 'regions_dir',
    'cache_features'}


def begin(folder, run, overwrite, outputs):
  """Goes on from what is in a folder, or clears it and starts anew.

  Processes that share a folder come one after the other through here; the
  first one with new settings clears it, the others then find their own.

  Args:
    folder: of the results; made if absent.
    run: this run's `run_record.describe_run`, with inputs.
    overwrite: whether to start anew in any case.
    outputs: a function that returns the paths of results: of all shards if its
      argument is True, else of this one.

  Raises:
    InputError: the folder has results of other settings, or of nobody knows
      what.
  """
  with folder_lock.waiting(folder):
    earlier = read_run(folder)
    if earlier and not differing(earlier, run):
      if overwrite:
        remove(outputs(False))
      return
    if earlier and not overwrite:
      _refuse_or_warn(folder, earlier, run)
    if not overwrite and not earlier:
      _refuse_unknown(folder, outputs(True))
    remove(outputs(True))
    # Last: it must not stand beside results of other settings.
    files.write_json(os.path.join(folder, 'config.json'), run)


def _refuse_unknown(folder, outputs):
  """Raises where results are in a folder that does not say what of."""
  found = [path for path in outputs
           if path.startswith(os.path.join(folder, '')) and
           os.path.exists(path)]
  if found:
    raise InputError(
        f'{folder} has results ({found[0]}, {len(found)} files) but no '
        'config.json that tells how they were made; name another --save_dir, '
        'or give --overwrite to start anew')


def read_run(folder):
  """Returns a folder's config.json, or None where there is none to go by."""
  try:
    with open(os.path.join(folder, 'config.json'), encoding='utf-8') as file:
      run = json.load(file)
    return run if {'stage', 'settings'} <= run.keys() else None
  except (OSError, ValueError, AttributeError):
    return None


def refuse_others(folder, config):
  """Raises InputError where a folder's config.json is of another command.

  Args:
    folder: where a command without resumption writes its own.
    config: of the command.
  """
  stage = (read_run(folder) or {}).get('stage', type(config).__name__)
  if stage != type(config).__name__:
    raise InputError(
        f'{folder} has results of {stage}, whose config.json would be '
        'overwritten; name another --save_dir')


def differing(earlier, run, not_compared=frozenset(NOT_COMPARED)):
  """Returns the names of settings and inputs that differ between two runs.

  Of an input, the content is compared where both know it, else the setting that
  names it. What only one of them knows is not compared: versions differ.

  Args:
    earlier: what `read_run` returned.
    run: what `run_record.describe_run` or `read_run` returned.
    not_compared: names of settings.
  """
  now, was = json.loads(json.dumps(run['settings'])), earlier['settings']
  inputs, known = run['inputs'], earlier.get('inputs') or {}
  both = inputs.keys() & known.keys()
  names = ['stage'] if run['stage'] != earlier['stage'] else []
  names += sorted(name for name in (now.keys() & was.keys()) - not_compared
                  if name not in both and now[name] != was[name])
  # Earlier versions had neither; regions count wherever they lie.
  names += [name for name in ('classifier_weight', 'regions_dir')
            if name not in names and bool(now.get(name)) != bool(was.get(name))]
  return names + [name for name in inputs
                  if name in both and inputs[name] != known[name]]


def describe_difference(name, earlier, run):
  """Returns, for a name of `differing`, what is there and what is not."""
  if name == 'stage':
    return f'of {earlier["stage"]}, not {run["stage"]}'
  was, now = (_typed(one['settings'].get(name)) for one in (earlier, run))
  if was == now:
    return f'of another content of --{name} {now}'
  return f'of --{name} {was}, not {now}'


def _refuse_or_warn(folder, earlier, run):
  """Raises for other settings; warns where inputs were renewed in place."""
  names = differing(earlier, run)
  other = [name for name in names if name not in run['inputs'] or
           earlier['settings'].get(name) != run['settings'][name]]
  if 'stage' in other:  # of which the others follow
    other = ['stage']
  text = f'{folder} has results ' + ' and '.join(
      describe_difference(name, earlier, run) for name in other or names)
  if other:
    raise InputError(
        f'{text}; name another --save_dir, or give --overwrite to start anew '
        '(a recipe: another RESULTS_NAME, or OVERWRITE_RESULTS=1)')
  warn(f'{text}: starting anew')


def _typed(value):
  """A setting as one would type it."""
  if isinstance(value, (list, tuple)):
    return ','.join(map(str, value))
  return repr(value) if value in ('', None) else value


def remove_outdated(folder, examples, outputs,
                    inputs=lambda example: [example.image], what='images'):
  """Removes the results of images that changed since; warns of them.

  Args:
    folder: of results, with `input_records`.
    examples: list of `image_list.Example`.
    outputs: a function of an example to the paths of its results.
    inputs: a function of an example to those of what they are made of.
    what: that is, for the warning.
  """
  outdated = input_records.changed(folder, {
      example.name: inputs(example) for example in examples})
  paths = [path for example in examples if example.name in outdated
           for path in outputs(example)]
  if any(map(os.path.exists, paths)):
    warn(f'{len(outdated)} of {len(examples)} {what} changed since their '
         f'results in {folder} were made, as {min(outdated)}: made again')
  remove(paths)


def remove(paths):
  """Removes files, if they are there."""
  for path in paths:
    with files.writing(path), contextlib.suppress(FileNotFoundError):
      os.remove(path)
