"""The pages: static HTML beside page.css, page.js and JPEGs, for any browser.

Names of files and classes come from outside: whatever reaches HTML goes through
`html.escape`, what reaches the script through `embed_json`.
"""

import dataclasses
import html
import json

_HEAD = '''<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="{root}page.css">
</head>
<body>
'''


@dataclasses.dataclass(frozen=True)
class Picture:
  """An explained picture.

  Attributes:
    key: of its files: KEY.html and KEY.jpg.
    name: for people.
    size: (height, width).
    segments: list of `retrieved.Segment`.
  """
  key: str
  name: str
  size: tuple
  segments: list


@dataclasses.dataclass(frozen=True)
class Classes:
  """Names of the classes, and their colours as `#rrggbb`."""
  names: tuple
  colors: tuple


def embed_json(value):
  """Returns JSON that is safe between script tags."""
  text = json.dumps(value, separators=(',', ':'))  # ASCII only
  for character in '<>&':
    text = text.replace(character, f'\\u{ord(character):04x}')
  return text


def picture_data(picture, crops, sources, classes):
  """Returns what page.js shows of a picture's segments, for `embed_json`.

  Args:
    picture: a `Picture`.
    crops: {row: `crops.Crop`}, of prototypes that have one.
    sources: `sources.Sources`.
    classes: `Classes`.

  Returns:
    {'names', 'colors', 'segments', 'prototypes'}; cosines to 4 digits, a
    prototype once however many segments it is near to.
  """
  rows = sorted({
      row for segment in picture.segments for row, _ in segment.neighbours})
  return {
      'names': classes.names, 'colors': classes.colors,
      'segments': [{
          'votes': segment.votes, 'centre': segment.centre,
          'share': segment.pixels / (picture.size[0] * picture.size[1]),
          'truth': segment.truth,
          'neighbours': [(row, round(cosine, 4))
                         for row, cosine in segment.neighbours],
      } for segment in picture.segments],
      'prototypes': {row: _prototype_data(row, crops.get(row), sources)
                     for row in rows}}


def _prototype_data(row, crop, sources):
  """What a page shows of one prototype."""
  data = {'label': int(sources.labels[row])}
  if sources.segments is not None:
    data['pixels'] = int(sources.segments['pixels'][row])
    data['picture'] = sources.names[sources.segments['image'][row]]
  if crop is not None:
    data.update(size=crop.size, outline=crop.outline, exact=crop.exact)
  return data


def image_page(picture, data, before, after, notes):
  """Returns the page of one picture.

  Args:
    picture: a `Picture`.
    data: of `picture_data`.
    before: key of the picture before; None for the first.
    after: key of the picture after; None for the last.
    notes: sentences on what is not shown.
  """
  name = html.escape(picture.name)
  links = ''.join(
      f'<a rel="{rel}" href="{key}.html">{text}</a>' for rel, key, text in (
          ('prev', before, '&larr; before'), ('next', after, 'after &rarr;'))
      if key is not None)
  height, width = picture.size
  head = _HEAD.format(title=f'{name}: why these labels', root='../')
  return head + f'''<header>
<nav aria-label="Pictures"><a href="../index.html">All pictures</a>{links}</nav>
<h1>{name}</h1>
<p>{_summary(picture)}</p>
</header>
{_notes(notes)}<main class="picture-page">
<section class="seen" aria-label="Picture">
<div class="stage" style="--width:{width};--height:{height}">
<img src="../pictures/{picture.key}.jpg" width="{width}" height="{height}"
 alt="{name}, in {len(picture.segments)} segments">
<svg viewBox="0 0 {width} {height}" role="group" aria-label="Segments">
{_paths(picture, data)}
</svg>
</div>
<p class="controls">
<label><input type="checkbox" id="show-labels"> colour by label</label>
<span class="keys">Tab or arrow keys move, Enter pins, Esc lets go</span>
</p>
{_legend(picture, data)}
</section>
<section id="why" aria-live="polite" aria-label="Why this label">
<p class="hint">Point at a segment, tap it, or move there with Tab: here are the
training segments that it is labelled by.</p>
<noscript><p class="note">The explanations need JavaScript.</p></noscript>
</section>
</main>
<script type="application/json" id="data">{embed_json(data)}</script>
<script src="../page.js"></script>
</body>
</html>
'''


def _summary(picture):
  """How many segments there are, and how many are labelled wrong."""
  text = f'{len(picture.segments)} segments'
  judged = [segment for segment in picture.segments if segment.truth]
  if judged:
    wrong = sum(segment.is_wrong for segment in judged)
    text += (f', {wrong} of them labelled wrong, by most of their pixels'
             if wrong else ', all labelled right, by most of their pixels')
  return text


def _notes(notes):
  """A paragraph for each sentence on what is not shown."""
  return ''.join(
      f'<p class="note" role="note">{html.escape(note)}</p>\n'
      for note in notes)


def _paths(picture, data):
  """An SVG path a segment, which can be pointed at and focused."""
  lines = []
  for index, segment in enumerate(picture.segments):
    winner, votes = segment.votes[0]
    text = (f'Segment {index + 1}: {data["names"][winner]}, {votes} of '
            f'{len(segment.neighbours)} votes')
    lines.append(
        f'<path class="segment{" wrong" * segment.is_wrong}" tabindex="0" '
        f'role="button" aria-pressed="false" id="segment-{index + 1}" '
        f'aria-label="{html.escape(text)}" '
        f'style="--class:{data["colors"][winner]}" d="{segment.outline}"/>')
  return '\n'.join(lines)


def _legend(picture, data):
  """The classes that the segments of a picture have."""
  labels = sorted({segment.label for segment in picture.segments})
  items = ''.join(f'<li>{chip(label, data)}</li>' for label in labels)
  if any(segment.is_wrong for segment in picture.segments):
    items += '<li><span class="dash"></span>labelled wrong</li>'
  return f'<ul class="legend" aria-label="Classes">{items}</ul>'


def chip(label, data):
  """A class' colour and name."""
  return (f'<span class="chip" style="--class:{data["colors"][label]}"></span>'
          + html.escape(data['names'][label]))


def index_page(pictures, classes, facts, notes):
  """Returns the page that links to all pictures.

  Args:
    pictures: list of `Picture`.
    classes: `Classes`.
    facts: sentences on the run.
    notes: sentences on what is not shown.
  """
  data = dataclasses.asdict(classes)
  cards = '\n'.join(_card(picture, data) for picture in pictures)
  said = ' '.join(map(html.escape, facts))
  return _HEAD.format(title='Why these labels', root='') + f'''<header>
<h1>Why these labels</h1>
<p>A segment gets the class that most of its nearest training segments have.
Open a picture and point at a segment to see them. {said}</p>
</header>
{_notes(notes)}<main>
<ul class="cards">
{cards}
</ul>
</main>
</body>
</html>
'''


def _card(picture, data):
  """The link to one picture."""
  name = html.escape(picture.name)
  labels = sorted({segment.label for segment in picture.segments})
  chips = ''.join(f'<span>{chip(label, data)}</span>' for label in labels)
  height, width = picture.size
  wrong = sum(segment.is_wrong for segment in picture.segments)
  wrong = f'<span class="count">{wrong} wrong</span>' if wrong else ''
  return (f'<li><a href="images/{picture.key}.html"><img loading="lazy" '
          f'src="pictures/{picture.key}.jpg" width="{width}" height="{height}" '
          f'alt=""><span class="name">{name}</span>{wrong}'
          f'<span class="chips">{chips}</span></a></li>')
