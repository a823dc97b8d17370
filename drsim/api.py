"""The public Python API: `from drsim.api import load, run`.

result = run(load("drill"), seed=7).result
assert result.verdict == "pass"
"""

from drsim.reports.markdown import render as markdown
from drsim.scenarios.files import ScenarioError, catalogue, load, parse
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import Result
from drsim.scenarios.runner import Run, run

__all__ = ["Result", "Run", "Scenario", "ScenarioError", "catalogue", "load", "markdown", "parse", "run"]
