"""Runs exported programs of SegSort where there is JAX but no TensorFlow.

    python run_stablehlo.py
    python run_stablehlo.py --programs loss_float32 --repeats 5

Needs JAX and NumPy; where PyTorch is there as well, a plain twin of each
program runs beside it (torch_twin.py). The folder is this file's own:
`benchmark.py --export_stablehlo DIR` puts it, the programs and this file there.
Weights are random, of the right shapes; results are compared with those that
TensorFlow gave when the programs were written.
"""

import argparse
import dataclasses
import json
import os
import statistics
import time

import numpy as np

# Relative; of labels, the fraction that may differ. Other precisions are shown,
# not judged. A gradient jumps where a pixel is on the edge of two clusters: in
# the small network by 1e-4 when weights change by 1e-7.
TOLERANCES = {'gradient_norm': 2e-2}
TOLERANCE = 1e-3


def make_argument(argument, files):
  """Makes the value of one argument of a program, the same anywhere.

  Args:
    argument: a dict of shape, dtype and `fill`: a number for all elements,
      ['normal', standard deviation, seed] or ['file', name].
    files: arrays by name.

  Returns:
    An array.
  """
  fill, dtype = argument['fill'], np.dtype(argument['dtype'])
  if not isinstance(fill, list):
    return np.full(argument['shape'], fill, dtype)
  if fill[0] == 'file':
    return np.asarray(files[fill[1]], dtype)
  # The old generator: its numbers are the same in every version of NumPy.
  normal = np.random.RandomState(fill[2]).standard_normal(argument['shape'])
  return (normal * fill[1]).astype(dtype)


def load(folder):
  """Returns the manifest (a dict) and arrays by name of an exported folder."""
  with open(os.path.join(folder, 'manifest.json'), encoding='utf-8') as file:
    manifest = json.load(file)
  path = os.path.join(folder, 'arrays.npz')
  with np.load(path, allow_pickle=False) as arrays:
    return manifest, dict(arrays)


def compile_program(folder, program):
  """Compiles one program for JAX's first device.

  Args:
    folder: of the export.
    program: its entry in the manifest.

  Returns:
    A compiled function of all arguments, in order, to a list of results. It
    takes over the memory of the arguments that it updates.
  """
  import jax  # pylint: disable=import-outside-toplevel
  import jax.numpy as jnp
  from jax import export
  jax.config.update('jax_enable_x64', True)  # the step is an int64

  def shapes(tensors):
    return [jax.ShapeDtypeStruct(tensor['shape'], np.dtype(tensor['dtype']))
            for tensor in tensors]
  results = shapes(program['results'])

  # An export of a function of the same shapes, whose program is exchanged.
  def stand_in(*arguments):
    total = sum(jnp.sum(argument) for argument in arguments)
    return [jnp.full(result.shape, total).astype(result.dtype)
            for result in results]
  arguments = shapes(program['arguments'])
  exported = export.export(
      jax.jit(stand_in), platforms=[export.default_export_platform()])(
          *arguments)
  with open(os.path.join(folder, program['file']), 'rb') as file:
    exported = dataclasses.replace(exported, mlir_module_serialized=file.read())
  updated = tuple(argument for _, argument in program['updates'])
  return jax.jit(exported.call, donate_argnums=updated).lower(
      *arguments).compile()


def run(folder, name, manifest, files, repeats):
  """Runs one program and compares its results.

  Args:
    folder: of the export.
    name: of the program.
    manifest: a dict and
    files: arrays, of `load`.
    repeats: how often it is timed.

  Returns:
    A dict: name, device, compile_s, ms (median), peak_mb (arguments, results
    and what is between them) or None, images_per_s, and of what was compared
    errors, by name.
  """
  import jax  # pylint: disable=import-outside-toplevel
  program = manifest['programs'][name]
  begin = time.perf_counter()
  compiled = compile_program(folder, program)
  compile_s = time.perf_counter() - begin
  arguments = [jax.device_put(make_argument(argument, files))
               for argument in program['arguments']]
  found, times = [], []
  for _ in range(repeats + 2):
    begin = time.perf_counter()
    results = jax.block_until_ready(compiled(*arguments))
    times.append(time.perf_counter() - begin)
    for result, argument in program['updates']:
      arguments[argument] = results[result]
    if len(found) < 2:
      found.append({
          result['name']: np.asarray(value)
          for result, value in zip(program['results'], results)
          if result['name']})
  seconds = statistics.median(times[2:])
  return {
      'name': name, 'device': jax.devices()[0].device_kind,
      'compile_s': round(compile_s, 1), 'ms': seconds * 1e3,
      'images_per_s': program['images'] / seconds, 'peak_mb': _memory(compiled),
      'errors': compare(program, found, files)}


def _memory(compiled):
  """MB of a program at its highest point, or None where JAX does not tell."""
  try:
    sizes = compiled.memory_analysis()
    return (sizes.argument_size_in_bytes + sizes.output_size_in_bytes
            - sizes.alias_size_in_bytes + sizes.temp_size_in_bytes) / 1e6
  except (AttributeError, NotImplementedError):
    return None


def compare(program, found, files):
  """Compares the results of the first runs with those of TensorFlow.

  Args:
    program: its entry in the manifest; `expected` holds for each run a dict of
      numbers, or names of files, by the result's name.
    found: for each run arrays by the result's name.
    files: arrays.

  Returns:
    A dict: '<name> <run>' to the relative difference of numbers, or to the
    fraction of a map's elements that differ. NaN counts as inf.
  """
  errors = {}
  for turn, (expected, values) in enumerate(zip(program['expected'], found), 1):
    for name, value in expected.items():
      if isinstance(value, str):
        error = np.mean(np.asarray(files[value]) != values[name])
      else:
        error = abs(float(values[name]) - value) / max(abs(value), 1e-9)
      errors[f'{name} {turn}'] = float(
          error if np.isfinite(error) else np.inf)
  return errors


def main():
  """Runs the programs; exits with 1 where one has other results."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
  folder = os.path.dirname(os.path.abspath(__file__))
  parser.add_argument('--folder', default=folder, help='of the export')
  parser.add_argument('--programs', default='', help='names, by commas; all')
  parser.add_argument('--repeats', type=int, default=20, help='timed runs')
  parser.add_argument('--no_torch', action='store_true', help='no twins')
  parser.add_argument('--seconds', type=float, default=1e9,
                      help='no program is begun later than this')
  parser.add_argument('--save_json', default='', help='file for the figures')
  options = parser.parse_args()
  manifest, files = load(options.folder)
  names = [name for name in options.programs.split(',') if name]
  unknown = set(names) - set(manifest['programs'])
  if unknown:
    parser.error(f'--programs has {", ".join(sorted(unknown))}; there are '
                 f'{", ".join(manifest["programs"])}')
  os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')
  begin, rows = time.monotonic(), []
  print(f'{"program":<36} {"ms":>9} {"images/s":>9} {"peak MB":>8} '
        f'{"compiled s":>10}  compared', flush=True)
  for name in names or manifest['programs']:
    if time.monotonic() - begin > options.seconds:
      print(f'{name}: not begun, --seconds are over', flush=True)
      continue
    for side in (run, run_twin)[:1 if options.no_torch else 2]:
      try:
        row = side(options.folder, name, manifest, files, options.repeats)
      except Exception as error:  # memory, say: the others may do
        row = {'name': f'{name} ({side.__name__})', 'failed': True,
               'error': f'{type(error).__name__}: {error}'}
        print(f'{row["name"]}: {row["error"][:600]}', flush=True)
      else:
        if row:
          show(row, judged=manifest['programs'][name]['judged'])
      rows += [row] if row else []
    if options.save_json:
      partial = f'{options.save_json}.partial'  # whole or not at all
      with open(partial, 'w', encoding='utf-8') as file:
        json.dump(rows, file, indent=1)
      os.replace(partial, options.save_json)
  raise SystemExit(any(row.get('failed') for row in rows))


def run_twin(unused_folder, name, manifest, files, repeats):
  """Returns the row of a program's PyTorch twin; None without PyTorch."""
  try:
    import torch_twin  # pylint: disable=import-outside-toplevel
  except ImportError:
    return None
  program = manifest['programs'][name]
  row = torch_twin.run(name, program, manifest['settings'], files, repeats,
                       make_argument)
  if row:
    row['errors'] = compare(program, row.pop('found'), files)
  return row


def show(row, judged):
  """Prints a row; marks it as failed where its results are other ones."""
  row['failed'] = judged and any(
      error > TOLERANCES.get(name.split()[0], TOLERANCE)
      for name, error in row['errors'].items())
  compared = ', '.join(
      f'{name}: {error:.1e}' for name, error in row['errors'].items())
  peak = '-' if row['peak_mb'] is None else f'{row["peak_mb"]:.0f}'
  print(f'{row["name"]:<36} {row["ms"]:9.2f} {row["images_per_s"]:9.1f} '
        f'{peak:>8} {row["compile_s"]:10.1f}  {compared}'
        f'{"  DIFFERS" * row["failed"]}', flush=True)


if __name__ == '__main__':
  main()
