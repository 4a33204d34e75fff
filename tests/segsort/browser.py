"""A headless Chromium, driven through the DevTools protocol over pipes."""

import base64
import contextlib
import json
import os
import select
import subprocess
import time

import needs

_PATIENCE = 60  # seconds


class Page:
  """One page of a browser.

  Attributes:
    requests: every URL that it has asked for.
    errors: what its scripts failed with.
  """

  def __init__(self, commands, answers):
    """Takes the file descriptors to write to and to read from."""
    self._commands, self._answers = commands, answers
    self._buffer, self._number, self._session = b'', 0, {}
    self.requests, self.errors, self._events = [], [], []
    target = self.send('Target.createTarget', url='about:blank')['targetId']
    self._session = {'sessionId': self.send(
        'Target.attachToTarget', targetId=target, flatten=True)['sessionId']}
    for domain in 'Page', 'Runtime', 'Network':
      self.send(f'{domain}.enable')

  def send(self, method, **parameters):
    """Sends a command; returns its result."""
    self._number += 1
    message = {'id': self._number, 'method': method, 'params': parameters}
    os.write(self._commands, json.dumps(
        {**message, **self._session}).encode() + b'\0')
    while True:
      answer = self._receive()
      if answer.get('id') == self._number:
        assert 'error' not in answer, answer
        return answer['result']

  def _receive(self):
    """The next message; events are kept."""
    until = time.monotonic() + _PATIENCE
    while b'\0' not in self._buffer:
      ready, _, _ = select.select([self._answers], [], [], 1)
      assert time.monotonic() < until, 'the browser does not answer'
      if ready:
        data = os.read(self._answers, 2**20)
        assert data, 'the browser has ended'
        self._buffer += data
    text, _, self._buffer = self._buffer.partition(b'\0')
    message = json.loads(text)
    event, details = message.get('method'), message.get('params')
    if event == 'Network.requestWillBeSent':
      self.requests.append(details['request']['url'])
    if event == 'Runtime.exceptionThrown':
      self.errors.append(details['exceptionDetails'])
    self._events.append(event)
    return message

  def open(self, url, size=(1280, 800), touch=False):
    """Opens a URL in a window (width, height) and waits until it is loaded."""
    self.send('Emulation.setDeviceMetricsOverride', width=size[0],
              height=size[1], deviceScaleFactor=1, mobile=touch)
    self.send('Emulation.setTouchEmulationEnabled', enabled=touch)
    # By way of a blank page: to another #place of a page nothing is loaded.
    for place in 'about:blank', url:
      self._events.clear()
      self.send('Page.navigate', url=place)
      while 'Page.loadEventFired' not in self._events:
        self._receive()

  def evaluate(self, expression):
    """Returns the value of a JavaScript expression."""
    result = self.send('Runtime.evaluate', expression=expression,
                       returnByValue=True, awaitPromise=True)
    assert 'exceptionDetails' not in result, result
    return result['result'].get('value')

  def middle(self, selector):
    """Returns a point (x, y) of the window that an element is hit at."""
    return self.evaluate(f'''(() => {{
      const element = document.querySelector({json.dumps(selector)});
      element.scrollIntoView({{block: 'nearest'}});
      const box = element.getBoundingClientRect();
      for (let i = 1; i < 20; i++) for (let j = 1; j < 20; j++) {{
        const x = box.left + box.width * (i * 7 % 20) / 20;
        const y = box.top + box.height * (j * 7 % 20) / 20;
        if (document.elementFromPoint(x, y) === element) return [x, y];
      }}
    }})()''')

  def move(self, selector):
    """Moves the mouse over an element."""
    x, y = self.middle(selector)
    self.send('Input.dispatchMouseEvent', type='mouseMoved', x=x, y=y)

  def click(self, selector):
    """Clicks an element with the mouse."""
    self.move(selector)
    x, y = self.middle(selector)
    for event in 'mousePressed', 'mouseReleased':
      self.send('Input.dispatchMouseEvent', type=event, x=x, y=y,
                button='left', clickCount=1)

  def tap(self, selector):
    """Taps an element with a finger."""
    x, y = self.middle(selector)
    self.send('Input.dispatchTouchEvent', type='touchStart',
              touchPoints=[{'x': x, 'y': y}])
    self.send('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])

  def press(self, key):
    """Presses a key, as `Tab`, `Enter`, `Escape` or `ArrowLeft`."""
    code = {'Tab': 9, 'Enter': 13, 'Escape': 27, 'ArrowLeft': 37,
            'ArrowUp': 38, 'ArrowRight': 39, 'ArrowDown': 40}[key]
    text = {'text': '\r'} if key == 'Enter' else {}
    for event in 'keyDown', 'keyUp':
      self.send('Input.dispatchKeyEvent', type=event, key=key, code=key,
                windowsVirtualKeyCode=code, **text)
      text = {}

  def screenshot(self, path, whole=False):
    """Writes a PNG of the window, or of the whole page."""
    data = self.send('Page.captureScreenshot', captureBeyondViewport=whole)
    with open(path, 'wb') as file:
      file.write(base64.b64decode(data['data']))


@contextlib.contextmanager
def start(folder):
  """Starts Chromium with an empty profile in a folder; yields a `Page`."""
  (command_end, commands), (answers, answer_end) = os.pipe(), os.pipe()
  process = subprocess.Popen(
      ['bash', '-c', f'exec "$@" 3<&{command_end} 4>&{answer_end}', 'browser',
       needs.CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu',
       '--disable-dev-shm-usage', '--remote-debugging-pipe',
       f'--user-data-dir={folder}'],
      pass_fds=(command_end, answer_end), stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL)
  os.close(command_end)
  os.close(answer_end)
  try:
    yield Page(commands, answers)
  finally:
    os.close(commands)  # it ends where nobody can command it
    os.close(answers)
    try:
      process.wait(20)
    except subprocess.TimeoutExpired:
      process.kill()
      process.wait()
