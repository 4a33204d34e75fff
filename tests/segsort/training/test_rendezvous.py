"""Workers on loopback: all there, one absent, strangers and impostors."""

import concurrent.futures
import json
import socket
import time

import pytest

from segsort.errors import InputError
from segsort.training import rendezvous

pytestmark = pytest.mark.processes


def free_port():
  with socket.socket() as one:
    one.bind(('127.0.0.1', 0))
    return one.getsockname()[1]


def meet(indices, count, seconds=20, lists=None):
  """Lets workers meet in threads; returns None or the error of each."""
  workers = [f'127.0.0.1:{free_port()}' for _ in range(count)]

  def one(place):
    try:
      rendezvous.meet((lists or {}).get(place, list)(workers), indices[place],
                      seconds)
    except InputError as error:
      return str(error)
    return None

  with concurrent.futures.ThreadPoolExecutor(len(indices)) as pool:
    return list(pool.map(one, range(len(indices)))), workers


@pytest.mark.parametrize('indices', [[0], [0, 1], [2, 1, 0]])
def test_all_there_go_on(indices):
  assert meet(indices, len(indices))[0] == [None] * len(indices)


def test_the_absent_are_named_to_all():
  told, workers = meet([0, 2], 4, seconds=1)
  expected = (f'waited 1 s for the workers of TF_CONFIG; no call from '
              f'{workers[1]}, {workers[3]}; start the same command')
  assert told[0].startswith(expected)
  assert told[1].startswith(f'worker 0 sent worker 2 away: {expected}')
  (told,), workers = meet([1], 2, seconds=.5)
  assert f'no answer from {workers[0]}' in told


def test_one_index_is_given_to_one_worker():
  told, _ = meet([0, 1, 1], 3)
  assert told[0].startswith('two workers call themselves 1')
  assert all('sent worker 1 away' in one for one in told[1:])


def test_other_lists_are_refused():
  told, _ = meet([0, 1], 2, lists={1: lambda workers: workers + ['x:1']})
  assert told[0].startswith('worker 1 has other workers in its TF_CONFIG')
  assert 'knows other workers' in told[1]


def test_a_stranger_is_not_counted():
  workers = [f'127.0.0.1:{free_port()}' for _ in range(2)]
  with concurrent.futures.ThreadPoolExecutor(1) as pool:
    first = pool.submit(rendezvous.meet, workers, 0, 20)
    for words in (b'GET / HTTP/1.0\n', b'[7, []]\n', b''):
      while True:
        try:
          with socket.create_connection(
              ('127.0.0.1', int(workers[0].split(':')[1]))) as call:
            call.sendall(words)
          break
        except OSError:
          pass
    assert not first.done()
    rendezvous.meet(workers, 1, 20)
    assert first.result() is None


def test_a_worker_that_was_killed_may_call_again():
  workers = [f'127.0.0.1:{free_port()}' for _ in range(3)]
  address = '127.0.0.1', int(workers[0].split(':')[1])
  with concurrent.futures.ThreadPoolExecutor(3) as pool:
    first = pool.submit(rendezvous.meet, workers, 0, 20)
    while True:
      try:
        with socket.create_connection(address) as call:
          call.sendall(json.dumps([1, workers]).encode() + b'\n')
          time.sleep(.3)
        break
      except OSError:
        time.sleep(.05)
    others = [pool.submit(rendezvous.meet, workers, i, 20) for i in (1, 2)]
    assert [one.result() for one in (first, *others)] == [None] * 3


def test_what_is_no_answer_of_ours_is_asked_again():
  """As of a TensorFlow of an earlier run that still has the port."""
  with socket.create_server(('127.0.0.1', 0)) as server:
    port = server.getsockname()[1]

    def speak():
      call, _ = server.accept()
      with call:
        call.sendall(b'\x00\x00\x18\x04\xff\xff\n')

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
      pool.submit(speak)
      with pytest.raises(InputError, match='waited 1 s for worker 0'):
        rendezvous.meet([f'127.0.0.1:{port}', 'b:1'], 1, 1)


def test_a_taken_port_and_a_malformed_address():
  with socket.create_server(('', 0)) as server:
    port = server.getsockname()[1]
    with pytest.raises(InputError, match=f'cannot listen at port {port}'):
      rendezvous.meet([f'127.0.0.1:{port}', 'b:1'], 0, 1)
  for worker in ('nowhere', ':1', 'a:b', 'a:99999'):
    with pytest.raises(InputError, match='must be HOST:PORT'):
      rendezvous.meet([worker, 'b:1'], 1, 1)
