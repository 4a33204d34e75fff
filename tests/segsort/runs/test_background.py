"""Reading ahead and writing behind: order, errors and what gets written."""

import threading
import time

import pytest

from segsort.runs import background


def test_items_come_in_order_with_what_was_read():
  found = [(item, outcome()) for item, outcome in background.read_ahead(
      lambda item: item * item, [3, 1, 2])]
  assert found == [(3, 9), (1, 1), (2, 4)]
  assert list(background.read_ahead(lambda item: item, [])) == []


def test_the_next_item_is_read_while_this_one_is_worked_on():
  started = {item: threading.Event() for item in range(3)}

  def read(item):
    started[item].set()
  coming = background.read_ahead(read, range(3))
  next(coming)
  assert started[1].wait(10)  # nobody asked for it yet
  coming.close()
  assert not started[2].is_set()


def test_an_error_comes_with_its_item_and_the_others_go_on():
  found = []
  for item, outcome in background.read_ahead(lambda item: 6 // item, [2, 0, 3]):
    try:
      found.append(outcome())
    except ZeroDivisionError:
      found.append(f'no {item}')
  assert found == [3, 'no 0', 2]


def test_all_is_written_in_order_in_another_thread():
  written = []
  with background.Writer() as writer:
    for number in range(9):
      writer.submit(lambda number: written.append(
          (number, threading.current_thread())), number)
  assert [number for number, _ in written] == list(range(9))
  assert all(thread is not threading.main_thread() for _, thread in written)


@pytest.mark.parametrize('broken', (0, 3))  # seen by a later call; on leaving
def test_an_error_of_the_writer_surfaces(broken):
  written = []

  def write(number):
    if number == broken:
      raise OSError('full')
    written.append(number)
  with pytest.raises(OSError, match='full'):
    with background.Writer() as writer:
      for number in range(4):
        writer.submit(write, number)
  assert broken not in written


def test_what_was_handed_over_is_written_after_an_error_of_the_caller():
  gate, written = threading.Event(), []

  def write(number):
    gate.wait(10)
    written.append(number)
  with pytest.raises(KeyError):
    with background.Writer(depth=3) as writer:
      for number in range(3):
        writer.submit(write, number)
      gate.set()
      raise KeyError
  assert written == [0, 1, 2]


def test_no_more_than_depth_results_wait():
  gate, handed_over = threading.Event(), []

  def hand_over():
    with background.Writer(depth=2) as writer:
      for number in range(4):
        writer.submit(gate.wait)
        handed_over.append(number)
  thread = threading.Thread(target=hand_over)
  thread.start()
  deadline = time.time() + 60
  while len(handed_over) < 2 and time.time() < deadline:
    time.sleep(.01)
  thread.join(.3)
  assert handed_over == [0, 1]
  gate.set()
  thread.join(10)
  assert handed_over == [0, 1, 2, 3]


def test_what_was_asked_for_is_read_though_nobody_asks_for_more():
  """Threads that work on items may look at them after the last was asked."""
  def slow(item):
    time.sleep(.05)
    return item

  outcomes = [outcome for _, outcome in background.read_ahead(slow, range(4))]
  assert [outcome() for outcome in outcomes] == [0, 1, 2, 3]
