"""Whether prototypes go with the network and the segments of a stage."""

from segsort.checkpoints import checkpoint
from segsort.errors import InputError, warn
from segsort.inference import prototype_set
from segsort.runs import resumption


def check_prototypes(config):
  """Raises InputError where prototypes tell of another checkpoint.

  Args:
    config: has `prototype_dir` and `restore_from`.
  """
  run = resumption.read_run(prototype_set.find(config.prototype_dir)) or {}
  known = (run.get('inputs') or {}).get('restore_from')
  if known and known != checkpoint.digest(config.restore_from):
    raise InputError(
        f'the prototypes in {config.prototype_dir} were extracted with another '
        f'checkpoint than --restore_from {config.restore_from}, as '
        f'{run["settings"].get("restore_from")} was then; extract them again')


def warn_of_other_segments(config):
  """Warns where prototypes are of regions and segments are clusters.

  The other way round is the better one: a region follows what it labels, but a
  small one says less of its class than a cluster.

  Args:
    config: has `prototype_dir` and `regions_dir`.
  """
  run = resumption.read_run(prototype_set.find(config.prototype_dir))
  if run and run['settings'].get('regions_dir') and not config.regions_dir:
    warn(f'the prototypes in {config.prototype_dir} are of regions of '
         '--regions_dir, the segments here are k-means clusters: labels are '
         'better with prototypes of clusters')
