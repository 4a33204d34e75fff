"""Writes programs as StableHLO, for machines that have JAX alone.

A folder holds the programs (weights are arguments: no constants inside), a
manifest of their arguments and results, arrays, what TensorFlow computes, and
the script that runs them, `stablehlo/run_stablehlo.py`.
"""

import dataclasses
import os
import re
import shutil

import keras
import numpy as np
import tensorflow as tf
from tensorflow.compiler.mlir.stablehlo import stablehlo

from network.segsort import chunk_device
from segsort.benchmark import programs as programs_lib
from segsort.benchmark.stablehlo import run_stablehlo
from segsort.errors import InputError
from segsort.runs import files

_SCRIPTS = os.path.join(os.path.dirname(__file__), 'stablehlo')
_TYPES = {'f32': 'float32', 'i32': 'int32', 'i64': 'int64', 'i1': 'bool'}


def export(folder, sizes, machine):
  """Writes all programs, each as it is done, and the manifest at last.

  Args:
    folder: new or empty.
    sizes: a `programs.Sizes`.
    machine: a dict that says where and of which commit, kept as it is.

  Raises:
    InputError: the folder holds files.
  """
  if os.path.isdir(folder) and os.listdir(folder):
    raise InputError(
        f'{folder} holds files; name a new folder, or empty this one')
  files.check_place(os.path.join(folder, 'manifest.json'))
  entries, arrays = {}, {}
  for precision in programs_lib.PRECISIONS:
    for program in programs_lib.make_programs(sizes, precision):
      entry, module = _lower(program)
      _keep_files(program, arrays)
      entry['judged'] = precision == 'float32'
      # Other precisions are shown beside what float32 gives.
      entry['expected'] = (
          _compute(program, arrays) if entry['judged'] else entries[
              program.name.replace(precision, 'float32')]['expected'])
      files.write_bytes(os.path.join(folder, entry['file']), module)
      entries[program.name] = entry
      print(f'{program.name}: {len(module) / 1e6:.1f} MB, '
            f'{len(entry["arguments"])} arguments', flush=True)
  with files.open_whole(os.path.join(folder, 'arrays.npz')) as file:
    np.savez_compressed(file, **arrays)
  for name in ('run_stablehlo.py', 'torch_twin.py', 'torch_network.py'):
    shutil.copy(os.path.join(_SCRIPTS, name), folder)
  files.write_json(os.path.join(folder, 'manifest.json'), {
      'machine': machine, 'settings': dataclasses.asdict(sizes),
      'programs': entries})


def _lower(program):
  """Returns a program's entry in the manifest, and its bytes."""
  function = tf.function(program.function, jit_compile=True)
  given = _given(program, program.inputs.get)
  names = sorted(given)  # as TensorFlow flattens a dict
  # Cut for the machine that it is written for, whatever this one is.
  with chunk_device.cut_for('GPU'):
    concrete = function.get_concrete_function(given)
    lower = function.experimental_get_compiler_ir(given)
  of_handle = {id(_handle(variable)): name
               for name, variable in program.variables.items()}
  for index, tensor in enumerate(concrete.captured_inputs):
    name = of_handle.get(id(tensor))
    if name is None:  # a constant, such as the loss scale
      name = f'{program.name}_constant_{index}'
      program.inputs[name] = tensor.numpy()
      program.fills[name] = ['file', name]
    names.append(name)
  text = _without_copies(lower(stage='stablehlo'))
  arguments, results = _signature(text)
  for argument, name in zip(arguments, names, strict=True):
    argument.update(name=name, fill=program.fills[name])
  outputs = sorted(concrete.structured_outputs)
  for result, name in zip(results, outputs):
    result['name'] = name
  updates = []
  if program.updates:  # behind the named results: all variables, in order
    variables = [index for index, name in enumerate(names)
                 if name in program.variables]
    updates = list(zip(range(len(outputs), len(results)), variables,
                       strict=True))
    if any(arguments[argument]['shape'] != results[result]['shape']
           for result, argument in updates):
      raise ValueError(f'{program.name}: results and variables do not match')
  return ({'file': f'{program.name}.mlir.bc', 'arguments': arguments,
           'results': results, 'updates': updates, 'images': program.images},
          stablehlo.serialize_portable_artifact_str(
              text, stablehlo.get_current_version()))


def _without_copies(text):
  """Drops `mhlo.copy` of updated variables: GPUs take StableHLO alone."""
  before, main = text.split('func.func @main', 1)  # of which names are
  main, end, after = main.partition('\n  }\n')
  sources, kept = {}, []
  for line in main.split('\n'):
    copy = re.match(r'\s*(%\w+) = mhlo\.copy (%\w+) ', line)
    if copy:
      sources[copy[1]] = sources.get(copy[2], copy[2])
    else:
      kept.append(line)
  main = re.sub(r'%\w+', lambda name: sources.get(name[0], name[0]),
                '\n'.join(kept))
  return before + 'func.func @main' + main + end + after


def _given(program, value_of):
  """Returns tensors by name: inputs that are no content of a variable."""
  contents = {fill[1] for name, fill in program.fills.items()
              if name in program.variables and isinstance(fill, list)}
  return {name: tf.constant(value_of(name))
          for name in program.inputs
          if name not in contents and '_constant_' not in name}


def _handle(variable):
  if isinstance(variable, keras.Variable):
    variable = variable.value
  return variable.handle


def _signature(text):
  """Returns arguments and results of `main`, dicts of shape and dtype."""
  line = next(line for line in text.splitlines() if 'func.func @main' in line)
  before, after = line.split('->', 1)

  def read(part):
    found = []
    for inside in re.findall(r'tensor<([^>]*)>', part):
      *shape, kind = inside.split('x')
      found.append({'name': '', 'shape': [int(size) for size in shape],
                    'dtype': _TYPES[kind]})
    return found
  return read(before), read(after)


def _keep_files(program, arrays):
  """Adds the arrays that a program's arguments are filled from."""
  for fill in program.fills.values():
    if isinstance(fill, list) and fill[0] == 'file':
      arrays.setdefault(fill[1], program.inputs[fill[1]])


def _compute(program, arrays):
  """Returns what a program should give, of each call, from running it here."""
  def fill(name, tensor):
    return run_stablehlo.make_argument(
        {'shape': tensor.shape, 'dtype': tf.as_dtype(tensor.dtype).name,
         'fill': program.fills[name]}, arrays)
  for name, variable in program.variables.items():
    variable.assign(fill(name, variable))
  given = _given(program, lambda name: fill(name, program.inputs[name]))
  function = tf.function(program.reference or program.function)
  expected = []
  for names in program.check:
    results = function(given)
    expected.append({})
    for name in names:
      if results[name].shape.rank:
        key = f'expected_{program.name}_{name}'
        arrays[key] = results[name].numpy().astype(np.uint8)
        expected[-1][name] = key
      else:
        expected[-1][name] = float(results[name])
  return expected
