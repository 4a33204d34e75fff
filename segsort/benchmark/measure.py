"""Times two ways to one result in turns, and the memory that each adds."""

import ctypes
import dataclasses
import gc
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
  """Two ways to one result.

  Attributes:
    name: of the row.
    ours: does the work once, to its very end (results on the host).
    twin: the same by plain code.
    aim: the least wall-clock ratio twin / ours; None without one.
    memory_aim: the least ratio of peak memories, twin / ours.
    repeats: turns that are timed, after one that is not.
  """

  name: str
  ours: Callable
  twin: Callable
  aim: float | None = None
  memory_aim: float | None = None
  repeats: int = 7


def measure(comparison, repeats=0):
  """Runs both ways of a comparison in turns.

  Args:
    comparison: a `Comparison`.
    repeats: instead of its own, if not 0.

  Returns:
    A dict: name, repeats; ours and twin, each {'wall_s', 'cpu_s' (medians),
    'peak_mb' (memory added at the highest point, or None)}; wall_ratio,
    cpu_ratio, memory_ratio (twin / ours, None where not measured); aim,
    memory_aim; met (bool, None without an aim).
  """
  sides = {'ours': comparison.ours, 'twin': comparison.twin}
  repeats = repeats or comparison.repeats
  times = {side: [] for side in sides}
  for turn in range(repeats + 1):
    # The first turn traces and compiles. Later ones swap who goes first.
    for side in sorted(sides, reverse=turn % 2 == 0):
      taken = _time(sides[side])
      if turn:
        times[side].append(taken)
  row = {'name': comparison.name, 'repeats': repeats}
  for side, work in sides.items():
    wall, cpu = zip(*times[side])
    row[side] = {'wall_s': statistics.median(wall),
                 'cpu_s': statistics.median(cpu), 'peak_mb': peak_memory(work)}
  return {**row, **_judge(row, comparison.aim, comparison.memory_aim)}


def _time(work):
  """Returns the wall-clock and the CPU seconds of one call."""
  wall, cpu = time.perf_counter(), time.process_time()
  work()
  return time.perf_counter() - wall, time.process_time() - cpu


def _judge(row, aim, memory_aim):
  """The ratios of a row, and whether they reach their aims."""
  def ratio(what):
    ours, twin = row['ours'][what], row['twin'][what]
    return twin / ours if ours and twin is not None else None

  ratios = {'wall_ratio': ratio('wall_s'), 'cpu_ratio': ratio('cpu_s'),
            'memory_ratio': ratio('peak_mb')}
  judged = [ratios[name] >= least for name, least in (
      ('wall_ratio', aim), ('memory_ratio', memory_aim))
            if least is not None and ratios[name] is not None]
  return {**ratios, 'aim': aim, 'memory_aim': memory_aim,
          'met': all(judged) if judged else None}


def peak_memory(work):
  """Returns the MB that a call has in use at its highest point, on top.

  TensorFlow keeps the memory that it once had, so what its tensors take is
  read off its own count, and the rest (numpy, OpenCV, files) off the process,
  which must have done the work before.

  Args:
    work: a function without arguments.

  Returns:
    A float, or None where the system does not tell.
  """
  gc.collect()
  if sys.platform != 'linux' or not _forget_peak():
    return None
  device = 'GPU:0' if tf.config.list_physical_devices('GPU') else 'CPU:0'
  try:
    tf.config.experimental.reset_memory_stats(device)
    tensors = tf.config.experimental.get_memory_info(device)['current']
    process = _status('VmRSS')
    work()
    tensors = (tf.config.experimental.get_memory_info(device)['peak'] - tensors)
  except (ValueError, tf.errors.OpError):  # an allocator that does not count
    return None
  return tensors / 1e6 + (_status('VmHWM') - process) / 1e3


def _forget_peak():
  """Returns free memory to the system and restarts its count of the peak."""
  try:
    ctypes.CDLL(None).malloc_trim(0)
    with open('/proc/self/clear_refs', 'w', encoding='ascii') as file:
      # 5 restarts VmHWM, see proc(5).
      file.write('5')
  except (OSError, AttributeError):
    return False
  return True


def _status(field):
  """One number of this process's status, in kB."""
  with open('/proc/self/status', encoding='ascii') as file:
    for line in file:
      if line.startswith(field + ':'):
        return int(line.split()[1])
  return np.nan
