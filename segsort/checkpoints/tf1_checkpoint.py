"""Variables by the names of TF1 checkpoints: TF-Slim's, SegSort's, ours.

Every checkpoint that this project restores goes through `match_names`, be it
a single file of TF-Slim (V1) or a bundle (V2) of the 2019 release, of its
relatives (AAF) or of a run of ours: their weights have the same names.
"""

import dataclasses
import re

import network
from segsort.checkpoints import backbones

# What a checkpoint may hold besides weights, by name: never restored.
BESIDE_WEIGHTS = {
    'momentum slots': re.compile(r'/Momentum(_\d+)?$'),
    'global_step': re.compile(r'(^|/)global_step$'),
    # The release names its banks by their order, not by one name.
    'memory banks': re.compile(r'(?i)memory'),
    'loss scale': re.compile(r'^loss_scale/'),
    'weights of the loss': re.compile(r'^loss_weights/'),
    'mean_rgb': re.compile(r'(^|/)mean_rgb$'),
    'ImageNet logits': re.compile(r'/logits/'),
}


@dataclasses.dataclass(frozen=True)
class Match:
  """Which tensor of a checkpoint goes to which variable of a network.

  Attributes:
    used: names in both, with one shape.
    missing: names of the network only.
    left_over: names of the checkpoint only, that look like weights.
    misshapen: names in both, with two shapes.
    ignored: {what: names of the checkpoint that are no weights}.
    head: names of either that belong to a head that is left alone.
  """
  used: tuple
  missing: tuple
  left_over: tuple
  misshapen: tuple
  ignored: dict
  head: tuple

  def unexpected(self, skip):
    """Returns missing, left_over and misshapen without what `skip` names.

    Args:
      skip: comma-separated parts of names.
    """
    parts = [part for part in skip.split(',') if part]
    return tuple(
        [name for name in names if not any(part in name for part in parts)]
        for names in (self.missing, self.left_over, self.misshapen))


def match_names(variables, tensors, skip_head=False):
  """Compares a network with a checkpoint.

  Args:
    variables: the network's, by name; only shapes are looked at.
    tensors: the checkpoint's, by name; only shapes are looked at.
    skip_head: leave the head alone on both sides.

  Returns:
    A `Match`; all names sorted.
  """
  ignored = {what: [] for what in BESIDE_WEIGHTS}
  head, weights = set(), set()
  for name in sorted(tensors):
    kind = next((what for what, pattern in BESIDE_WEIGHTS.items()
                 if pattern.search(name)), None)
    if kind and name not in variables:
      ignored[kind].append(name)
    else:
      weights.add(name)
  if skip_head:
    head = {name for name in weights | variables.keys()
            if network.is_head(name)}
  weights -= head
  wanted = variables.keys() - head
  common = weights & wanted
  fitting = {name for name in common
             if tuple(variables[name].shape) == tuple(tensors[name].shape)}
  return Match(
      used=tuple(sorted(fitting)), missing=tuple(sorted(wanted - weights)),
      left_over=tuple(sorted(weights - wanted)),
      misshapen=tuple(sorted(common - fitting)),
      ignored={what: tuple(names) for what, names in ignored.items() if names},
      head=tuple(sorted(head)))


def explain(missing, left_over, misshapen, variables, tensors):
  """Says in one line why a checkpoint does not fit, and what to do.

  Args:
    missing: names as `Match.unexpected` returns them; so left_over, misshapen.
    variables: the network's, by name.
    tensors: the checkpoint's, by name.

  Returns:
    A sentence to follow the checkpoint's name; '' if nothing is unexpected.
  """
  said = [
      f'{what} {len(names)} variables of this network, first {names[0]}'
      for names, what in ((missing, 'lacks'), (left_over, 'has besides'))
      if names]
  if misshapen:
    name = misshapen[0]
    said.append(
        f'has in another shape {len(misshapen)} variables of this network, '
        f'first {name} ({tuple(tensors[name].shape)} there, '
        f'{tuple(variables[name].shape)} here)')
  if not said:
    return ''
  return ' and '.join(said) + ': ' + _advice(missing, variables, tensors)


def _advice(missing, variables, tensors):
  """What most likely mends it."""
  scopes = [
      {name.split('/')[0] for name in names
       if name.split('/')[0] in backbones.NAMES}
      for names in (variables, tensors)]
  if all(scopes) and not scopes[0] & scopes[1]:
    return (f'it holds a {min(scopes[1])}, not a {min(scopes[0])}; '
            f'give --backbone {min(scopes[1])}')
  if missing and all(map(network.is_head, missing)) and not any(
      map(network.is_head, tensors)):
    return ('it has no head, as a backbone from TF-Slim; train one with '
            '--not_restore_classifier')
  return ('another architecture? Check --backbone, --head and '
          '--embedding_dim, or name parts of them in --skip')


def summary(match, num_variables, path):
  """Returns the short report, two lines at most.

  Args:
    match: a `Match`.
    num_variables: of the whole network.
    path: of the checkpoint.
  """
  line = f'restored {len(match.used)} variables of {num_variables} from {path}'
  unused = [f'{what} ({len(names)})' for what, names in match.ignored.items()]
  unused += [
      f'{what} ({len(names)})'
      for names, what in ((match.left_over, '--skip'),
                          (match.misshapen, 'of another shape'),
                          (match.head, 'head')) if names]
  return line + (f'\nnot restored: {", ".join(unused)}' if unused else '')


def table(match, variables, tensors):
  """Returns the full report: a line per name, as `used (3, 3, 64, 64) name`.

  Args:
    match: a `Match`.
    variables: the network's, by name.
    tensors: the checkpoint's, by name.
  """
  groups = {
      'used': match.used, 'missing': match.missing,
      'left over': match.left_over, 'other shape': match.misshapen,
      'head, left alone': match.head, **match.ignored}
  shape_of = {**variables, **tensors}
  return [f'{what:16s} {str(tuple(shape_of[name].shape)):18s} {name}'
          for what, names in groups.items() for name in names]
