"""The pages in Chromium, from the disk: mouse, keys, finger and links."""

import browser
import needs
import pytest

from segsort.explanation import stage

pytestmark = [needs.chromium, pytest.mark.slow]


@pytest.fixture(scope='module', name='url')
def _url(run, explain_flags):
  folder = run.folder / 'browsed'
  stage.explain(explain_flags(folder, num_clusters=4))
  return folder.as_uri()


@pytest.fixture(scope='module', name='page')
def _page(tmp_path_factory):
  with browser.start(tmp_path_factory.mktemp('profile')) as page:
    yield page


def _heading(page):
  return page.evaluate('document.querySelector("#why h2").textContent')


def _shown(page):
  return page.evaluate('shown + 1')


def _largest(page, but=0):
  """The number of the largest segment, or of the largest but some."""
  return page.evaluate(
      'data.segments.map((each, i) => [each.share, i + 1])'
      f'.sort((a, b) => b[0] - a[0])[{but}][1]')


def _check_explained(page, number, run):
  """Whether the page says what its data say of a segment."""
  segment = page.evaluate(f'data.segments[{number - 1}]')
  winner = run.names[segment['votes'][0][0]]
  assert _heading(page) == f'Segment {number}: {winner}'
  votes = page.evaluate(
      '[...document.querySelectorAll(".votes li")].map(item => ['
      'item.querySelector(".class").textContent,'
      'Number(item.querySelector(".number").textContent),'
      'item.querySelector(".bar").offsetWidth / '
      'item.querySelector(".track").offsetWidth])')
  assert [(name, count) for name, count, _ in votes] == [
      (run.names[label], count) for label, count in segment['votes']]
  for _, count, share in votes:
    assert share == pytest.approx(count / 5, abs=.02)
  items = page.evaluate(
      '[...document.querySelectorAll(".neighbours li")].map(item => ['
      'item.querySelector(".class").textContent,'
      'item.querySelector(".similarity").textContent,'
      'item.querySelector("img").getAttribute("src"),'
      'item.querySelector("img").alt, item.querySelector(".line") !== null])')
  assert len(items) == 5
  for item, (row, cosine) in zip(items, segment['neighbours']):
    name = run.names[page.evaluate(f'data.prototypes[{row}].label')]
    assert item[:3] == [name, f'{cosine:.3f}', f'../crops/{row}.jpg']
    assert name in item[3] and item[4]


def test_hover_shows_and_a_click_pins(page, url, run):
  page.open(f'{url}/images/00001.html')
  first, second = _largest(page), _largest(page, but=1)
  page.move(f'#segment-{first}')
  _check_explained(page, first, run)
  page.click(f'#segment-{second}')
  _check_explained(page, second, run)
  assert page.evaluate('location.hash') == f'#segment-{second}'
  page.move(f'#segment-{first}')
  assert _shown(page) == second  # pinned
  page.click(f'#segment-{second}')
  page.move(f'#segment-{first}')
  assert _shown(page) == first and page.evaluate('location.hash') == ''
  loaded = ('Promise.all([...document.images].map(image => image.decode()))'
            '.then(() => document.images.length)')
  assert page.evaluate(loaded) == 6  # the picture and five crops
  assert not page.errors


def test_keys_move_pin_and_let_go(page, url, run):
  page.open(f'{url}/images/00002.html')
  focused = ('document.activeElement.id.startsWith("segment-") ? '
             'Number(document.activeElement.id.slice(8)) : 0')
  for _ in range(20):
    page.press('Tab')
    if page.evaluate(focused):
      break
  assert page.evaluate(focused) == 1 and _shown(page) == 1
  centres = page.evaluate('data.segments.map(each => each.centre)')
  at = 1
  for key, axis, sign in (('ArrowDown', 1, 1), ('ArrowRight', 0, 1),
                          ('ArrowUp', 1, -1), ('ArrowLeft', 0, -1)):
    page.press(key)
    to = page.evaluate(focused)
    assert to == _shown(page)
    moved = sign * (centres[to - 1][axis] - centres[at - 1][axis])
    assert moved > 0 or (to == at and all(
        sign * (centre[axis] - centres[at - 1][axis]) <= 0
        for centre in centres))
    at = to
  _check_explained(page, at, run)
  page.press('Enter')
  pressed = f'document.querySelector("#segment-{at}").ariaPressed'
  assert page.evaluate(pressed) == 'true'
  page.press('Escape')
  assert page.evaluate(pressed) == 'false'
  assert not page.errors


def test_weighted_votes_are_said_to_be(page, url, run):
  page.open(f'{url}/images/00001.html')
  said = page.evaluate('verdict({...data.segments[0], truth: null, '
                       'votes: [[1, 2.6], [0, 2.4]]}).textContent')
  assert said == ('The votes of its 5 nearest training segments are weighted; '
                  f'2.6 parts are for {run.names[1]}.')


def test_a_link_opens_a_segment(page, url, run):
  page.open(f'{url}/images/00003.html#segment-3')
  _check_explained(page, 3, run)
  assert page.evaluate('document.querySelector("#segment-3").ariaPressed'
                       ) == 'true'


@pytest.mark.parametrize('size', ((390, 844), (1280, 700)))
def test_a_link_shows_the_segment_and_the_verdict(page, url, run, size):
  page.open(f'{url}/images/00001.html#segment-{_last(page, url)}', size)
  page.evaluate('new Promise(done => setTimeout(done, 300))')  # it scrolls
  top, bottom, heading = page.evaluate(
      '[".stage", "#why h2"].flatMap(name => { const box = '
      'document.querySelector(name).getBoundingClientRect(); '
      'return [box.top, box.bottom]; }).slice(0, 3)')
  assert top >= 0 and heading < size[1]
  if size[0] < 500:  # the verdict is below the picture, not behind it
    assert heading >= bottom


def _last(page, url):
  page.open(f'{url}/images/00001.html')
  return page.evaluate('paths.length')


@pytest.mark.parametrize('name', ('index', 'images/00001'))
def test_a_phone_is_wide_enough(page, url, run, name):
  page.open(f'{url}/{name}.html', (390, 844), touch=True)
  assert page.evaluate('document.documentElement.scrollWidth') <= 390
  if name != 'index':
    number = _largest(page)
    page.tap(f'#segment-{number}')
    _check_explained(page, number, run)
    # What is said begins within the window, below the picture.
    assert page.evaluate(
        'document.querySelector("#why").getBoundingClientRect().top') < 700


def test_links_lead_from_picture_to_picture(page, url):
  page.open(f'{url}/index.html')
  for selector, expected in (
      ('.cards li:nth-child(2) a', 'images/00002.html'),
      ('a[rel=next]', 'images/00003.html'), ('a[rel=prev]',
                                             'images/00002.html'),
      ('nav a', 'index.html')):
    target = page.evaluate(f'document.querySelector("{selector}").href')
    assert target == f'{url}/{expected}'
    page.open(target)


def test_nothing_is_asked_of_a_network(page):
  assert page.requests
  assert all(request.startswith(('file:', 'about:', 'data:'))
             for request in page.requests)
