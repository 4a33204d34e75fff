"""One image of a list: its contours, its regions, its files."""

import contextlib
import dataclasses
import functools
import io
import os
import zipfile

import cv2
import numpy as np

from segsort.contours import contour_detectors
from segsort.contours import ultrametric
from segsort.data import reading
from segsort.errors import InputError, warn
from segsort.runs import files
from segsort.runs import processes


@dataclasses.dataclass(frozen=True)
class Job:
  """One image to do: its path, its name, the mask's path, a ready edge map."""
  image: str
  name: str
  mask: str
  edges: str = ''

  @property
  def inputs(self):
    """The files that the mask is made of."""
    return [path for path in (self.image, self.edges) if path]


def remove_masks(jobs):
  """Removes the masks and contour maps of jobs."""
  for job in jobs:
    for path in (job.mask, map_path(job)):
      with files.writing(path), contextlib.suppress(FileNotFoundError):
        os.remove(path)


def is_done(job, config):
  """Whether a job's files are there; each is whole if it is."""
  return os.path.isfile(job.mask) and (
      not config.ucm or os.path.isfile(map_path(job)))


def find_cut_short(jobs, config):
  """Finds the files that a copy or a power cut left in part; warns of them.

  Args:
    jobs: list of Job, of folders of this project's masks.
    config: an `oversegmentation.OversegmentationConfig`.

  Returns:
    A set of jobs.
  """
  def is_short(path, is_whole):
    return os.path.isfile(path) and not is_whole(path)

  short = {job for job in jobs
           if (job.mask.endswith('.png')  # another format is not ours
               and is_short(job.mask, files.is_whole_png))
           or (config.ucm and is_short(map_path(job), zipfile.is_zipfile))}
  if short:
    warn(f'{len(short)} of {len(jobs)} masks of regions, or their contour '
         f'maps, end too early, as {min(job.mask for job in short)}: '
         'made again')
  return short


def map_path(job):
  """Returns where a job's contour map goes."""
  return f'{os.path.splitext(job.mask)[0]}.npz'


def run_jobs(jobs, config):
  """Makes and writes masks.

  A detector that is `shared` runs in this process alone, since each one that
  runs TensorFlow would ask for the whole of a GPU; other processes make regions
  of its contours meanwhile.

  Args:
    jobs: list of Job.
    config: an `oversegmentation.OversegmentationConfig`.

  Returns:
    An iterator over what `write_regions` returns.
  """
  if contour_detectors.DETECTORS[config.detector].shared:
    return processes.in_processes(
        functools.partial(write_regions, config=config),
        ((job, detect(job, config)) for job in jobs),
        min(config.num_workers, len(jobs)))
  return processes.in_processes(
      functools.partial(run_job, config=config), jobs, config.num_workers)


@functools.lru_cache(1)
def detector(config):
  """One for all images of a process."""
  cv2.setNumThreads(1)  # the processes share the cores
  return contour_detectors.make_detector(config)


def detect(job, config):
  """Returns f32[K, H, W], the contours of a job's image.

  Of an image that cannot be read it is the InputError: the others are done.
  """
  try:
    image = reading.read_image(job.image)
  except InputError as error:
    return error
  return detector(config)(image, job.name)


def run_job(job, config):
  """Makes and writes one mask; returns what `write_regions` returns."""
  return write_regions((job, detect(job, config)), config)


def write_regions(found, config):
  """Makes and writes the mask of contours.

  Args:
    found: a Job and f32[K, H, W], or what there is in their place.
    config: an `oversegmentation.OversegmentationConfig`.

  Returns:
    The number of regions and whether --max_regions raised the threshold; or
    the InputError of an image that cannot be read.
  """
  job, contours = found
  if isinstance(contours, InputError):
    return contours
  regions, ucm, cut_at = oversegment(
      contours, config.cut_at, config.max_regions, config.smallest)
  if config.ucm:
    data = io.BytesIO()
    np.savez_compressed(data, ucm2=ucm)
    files.write_bytes(map_path(job), data.getvalue())
  files.write_png(
      job.mask, regions.astype(f'uint{config.bit_depth}'))
  return int(regions.max()) + 1, cut_at > config.cut_at


def oversegment(contours, threshold, max_regions, min_pixels=1):
  """Divides an image into regions bounded by contours.

  Args:
    contours: f32[K, H, W], 0..1.
    threshold: contours above it remain; raised until at most `max_regions`
      are left.
    max_regions: 1 or more.
    min_pixels: basins of fewer are none, see `ultrametric.absorb_small`.

  Returns:
    i32[H, W], regions from 0 on in raster order; f32[2H+1, 2W+1], the
    ultrametric contour map; the threshold that was raised or not.
  """
  hierarchy = ultrametric.build_hierarchy(contours, min_pixels)
  threshold = ultrametric.threshold_for(hierarchy, threshold, max_regions)
  return (ultrametric.cut(hierarchy, threshold),
          ultrametric.contour_map(hierarchy), threshold)
