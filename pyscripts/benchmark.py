"""Measures the project against plain twins of the 2019 release's formulation.

    python pyscripts/benchmark.py
    python pyscripts/benchmark.py --suites loss --save_json loss.json
"""

import _path  # noqa: F401
from segsort.benchmark import runner
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(runner.benchmark, runner.BenchmarkConfig)
