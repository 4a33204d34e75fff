"""Workers of several machines find one another before TensorFlow starts.

TensorFlow waits an hour for a worker that does not come, in a call that nothing
in Python interrupts. Here worker 0 listens at its own address until all others
have called; then it lets them all go on, and the address is TensorFlow's.
"""

import json
import socket
import time

from segsort.errors import InputError

_PAUSE = 0.2  # seconds between two calls
_TAG = b'segsort: '  # of worker 0's answers


def meet(workers, index, seconds):
  """Returns once all workers are there.

  Args:
    workers: 'HOST:PORT' of each.
    index: of this one.
    seconds: to wait for.

  Raises:
    InputError: one does not come in time, calls itself by the index of another
      or knows other workers; or the address cannot be listened at.
  """
  if len(workers) == 1:
    return
  deadline = time.monotonic() + seconds
  hosts = [_split(worker) for worker in workers]
  if index == 0:
    _receive(workers, hosts[0][1], deadline, seconds)
  else:
    _call(workers, hosts[0], index, deadline, seconds)


def _split(worker):
  """Returns (host, port) of 'HOST:PORT'."""
  host, _, port = worker.rpartition(':')
  try:
    if not host or not 0 < int(port) < 65536:
      raise ValueError
  except ValueError:
    raise InputError(
        f'TF_CONFIG names {worker!r}; it must be HOST:PORT') from None
  return host.strip('[]'), int(port)


def _receive(workers, port, deadline, seconds):
  """Worker 0: waits for the calls of all others, then answers them."""
  calls = {}
  try:
    both = socket.has_dualstack_ipv6()
    server = socket.create_server(
        ('', port), dualstack_ipv6=both,
        family=socket.AF_INET6 if both else socket.AF_INET)
  except OSError as error:
    raise InputError(
        f'cannot listen at port {port}, that of worker 0 in TF_CONFIG: '
        f'{error.strerror}; end what uses it, or name another port') from error
  try:
    with server:
      while True:
        _forget_dead(calls)
        if len(calls) == len(workers) - 1:
          break
        absent = [workers[i] for i in range(1, len(workers)) if i not in calls]
        server.settimeout(max(deadline - time.monotonic(), 1e-3))
        try:
          call, _ = server.accept()
        except TimeoutError:
          raise InputError(
              f'waited {seconds} s for the workers of TF_CONFIG; no call from '
              f'{", ".join(absent)}; start the same command on each, with its '
              'own index, or wait longer with --worker_timeout') from None
        _admit(call, calls, workers)
    answer = b'go'
  except InputError as error:
    answer = str(error).encode()
    raise
  finally:
    for call in calls.values():
      _answer(call, answer)


def _admit(call, calls, workers):
  """Takes a caller down; something that is no worker is sent away."""
  try:
    call.settimeout(5)
    index, theirs = json.loads(call.makefile('rb').readline())
    known = isinstance(index, int) and 0 < index < len(workers)
  except (OSError, ValueError, TypeError):
    known = False
  if not known:
    call.close()
    return
  if theirs != workers:
    _answer(call, b'worker 0 knows other workers')
    raise InputError(
        f'worker {index} has other workers in its TF_CONFIG ({theirs}) than '
        f'worker 0 ({workers}); give all the same list')
  _forget_dead(calls)
  if index in calls:
    _answer(call, b'another worker has this index')
    raise InputError(
        f'two workers call themselves {index}; give each an index of its own')
  calls[index] = call


def _forget_dead(calls):
  """Drops the callers that have hung up, as killed workers do."""
  for index, call in list(calls.items()):
    call.setblocking(False)
    try:
      # A peek at a closed connection returns nothing, at an open one blocks.
      hung_up = not call.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
      hung_up = False  # nothing to read: it waits
    except OSError:
      hung_up = True
    call.settimeout(5)
    if hung_up:
      calls.pop(index).close()


def _answer(call, answer):
  """Sends a line and hangs up; who has hung up before does not matter."""
  try:
    with call:
      call.sendall(_TAG + answer + b'\n')
  except OSError:
    pass


def _call(workers, host, index, deadline, seconds):
  """Another worker: calls worker 0 until it answers."""
  while time.monotonic() < deadline:
    try:
      with socket.create_connection(host, timeout=5) as call:
        call.sendall(json.dumps([index, workers]).encode() + b'\n')
        call.settimeout(max(deadline - time.monotonic(), 1e-3) + 5)
        answer = call.makefile('rb').readline()
    except OSError:
      answer = b''
    if answer.startswith(_TAG):  # else it is a TensorFlow that is to end yet
      answer = answer[len(_TAG):].decode().strip()
      if answer == 'go':
        return
      raise InputError(f'worker 0 sent worker {index} away: {answer}')
    time.sleep(_PAUSE)
  raise InputError(
      f'waited {seconds} s for worker 0 of TF_CONFIG; no answer from '
      f'{workers[0]}; start the same command there, or wait longer with '
      '--worker_timeout')
