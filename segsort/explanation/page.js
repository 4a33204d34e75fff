// Shows, for the segment that is pointed at, focused or pinned, the training
// segments that voted on it. All text goes in by textContent: names are data.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const paths = [...document.querySelectorAll('.segment')];
const canvas = document.querySelector('.stage svg');
const why = document.getElementById('why');
// Drawn over all segments, whose borders hide parts of each other.
const marker = canvas.appendChild(draw('path', {class: 'marker'}));
let shown = -1;
let pinned = -1;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function draw(tag, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  return element;
}

function nameOf(label, className) {
  const element = make('span', className);
  const chip = make('span', 'chip');
  chip.style.setProperty('--class', data.colors[label]);
  element.append(chip, data.names[label]);
  return element;
}

function verdict(segment) {
  const [winner, votes] = segment.votes[0];
  const tied = segment.votes.filter((vote) => vote[1] === votes).length > 1;
  const counted = segment.neighbours.filter(
      ([row]) => data.prototypes[row].label === winner).length;
  const many = segment.neighbours.length;
  let text = counted === votes ?
      `${votes} of its ${many} nearest training segments are ` +
      `${data.names[winner]}.` :
      `The votes of its ${many} nearest training segments are weighted; ` +
      `${votes} parts are for ${data.names[winner]}.`;
  if (tied) text += ' Of equally many votes the first class wins.';
  if (segment.truth) {
    const percent = Math.round(100 * segment.truth[1]);
    text += ` In truth, ${percent} % of it is ${data.names[segment.truth[0]]}.`;
  }
  return make('p', 'verdict', text);
}

function voteList(segment) {
  const list = make('ul', 'votes');
  list.setAttribute('aria-label', 'Votes');
  segment.votes.forEach(([label, votes], rank) => {
    const item = make('li', rank ? '' : 'winner');
    const track = make('span', 'track');
    const bar = make('span', 'bar');
    bar.style.width = `${100 * votes / segment.neighbours.length}%`;
    track.append(bar);
    item.append(nameOf(label, 'class'), track, make('span', 'number', votes));
    list.append(item);
  });
  return list;
}

function cropOf(row, prototype, text) {
  const frame = make('div', 'crop');
  frame.style.setProperty('--class', data.colors[prototype.label]);
  const [height, width] = prototype.size || [1, 1];
  frame.style.setProperty('--width', width);
  frame.style.setProperty('--height', height);
  if (!prototype.size) {
    frame.classList.add('absent');
    frame.append('no picture');
    return frame;
  }
  const image = make('img');
  image.src = `../crops/${row}.jpg`;
  image.alt = text;
  const lines = draw('svg', {
    viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none',
    'aria-hidden': 'true'});
  lines.append(
      draw('path', {
        class: 'around',
        d: `M0 0h${width}v${height}h-${width}z${prototype.outline}`}),
      draw('path', {
        class: prototype.exact ? 'line' : 'line box', d: prototype.outline}));
  frame.append(image, lines);
  return frame;
}

function neighbourItem([row, cosine], rank) {
  const prototype = data.prototypes[row];
  const name = data.names[prototype.label];
  const item = make('li');
  const text =
      `Training segment ${rank + 1}: ${name}, similarity ${cosine.toFixed(3)}`;
  item.append(
      cropOf(row, prototype, text), nameOf(prototype.label, 'class'),
      make('div', 'similarity', cosine.toFixed(3)));
  if (prototype.picture !== undefined) {
    const from = make('span', 'from', prototype.picture.split('/').pop());
    from.title = `${prototype.picture}, ${prototype.pixels} pixels`;
    item.append(from);
  }
  return item;
}

function explain(index) {
  const segment = data.segments[index];
  const heading = make('h2', '', `Segment ${index + 1}: `);
  heading.append(nameOf(segment.votes[0][0]));
  const list = make('ol', 'neighbours');
  segment.neighbours.forEach((neighbour, rank) => {
    list.append(neighbourItem(neighbour, rank));
  });
  why.replaceChildren(
      heading, verdict(segment), voteList(segment),
      make('h3', '', 'Nearest training segments, by similarity'), list);
}

function show(index) {
  if (index === shown) return;
  if (shown >= 0) delete paths[shown].dataset.shown;
  shown = index;
  paths[index].dataset.shown = '';
  marker.setAttribute('d', paths[index].getAttribute('d'));
  canvas.classList.add('chosen');
  explain(index);
}

function pin(index) {
  if (pinned >= 0) paths[pinned].setAttribute('aria-pressed', 'false');
  pinned = index;
  const url = index < 0 ? location.pathname : `#segment-${index + 1}`;
  if (index >= 0) {
    paths[index].setAttribute('aria-pressed', 'true');
    show(index);
  }
  try {
    history.replaceState(null, '', url);
  } catch (error) {
    // Some browsers refuse this for files: then there is no deep link.
  }
}

// The nearest centre that lies in a direction, sideways steps counting double.
function neighbourOf(index, [right, down]) {
  const [x, y] = data.segments[index].centre;
  let best = index;
  let least = Infinity;
  data.segments.forEach((segment, other) => {
    const [across, below] = [segment.centre[0] - x, segment.centre[1] - y];
    const ahead = across * right + below * down;
    const aside = Math.abs(across * down) + Math.abs(below * right);
    if (other !== index && ahead > 0 && ahead + 2 * aside < least) {
      [best, least] = [other, ahead + 2 * aside];
    }
  });
  return best;
}

const ARROWS = {
  ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]};

function onKey(event, index) {
  if (event.key === 'Enter' || event.key === ' ') {
    pin(pinned === index ? -1 : index);
  } else if (event.key in ARROWS) {
    paths[neighbourOf(index, ARROWS[event.key])].focus();
  } else {
    return;
  }
  event.preventDefault();
}

paths.forEach((path, index) => {
  path.addEventListener('pointerenter', (event) => {
    if (event.pointerType === 'mouse' && pinned < 0) show(index);
  });
  path.addEventListener('click', () => pin(pinned === index ? -1 : index));
  // A click focuses as well, before it pins; keys show where they are.
  path.addEventListener('focus', () => {
    if (pinned < 0 || path.matches(':focus-visible')) show(index);
  });
  path.addEventListener('keydown', (event) => onKey(event, index));
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') pin(-1);
});

document.getElementById('show-labels').addEventListener('change', (event) => {
  canvas.classList.toggle('coloured', event.target.checked);
});

function pinLinked() {
  const index = paths.findIndex((path) => `#${path.id}` === location.hash);
  if (index < 0) return;
  pin(index);
  // A browser scrolls to the segment, in the frame after, and on a phone the
  // verdict under the picture: both are seen from the top.
  requestAnimationFrame(() => requestAnimationFrame(() => scrollTo(0, 0)));
}

addEventListener('hashchange', pinLinked);
addEventListener('load', pinLinked);
pinLinked();
if (pinned < 0) {
  // Without a link to one: the segment with the narrowest vote.
  const most = data.segments.map((segment) => segment.votes[0][1]);
  show(most.indexOf(Math.min(...most)));
}
