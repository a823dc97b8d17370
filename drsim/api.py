"""The public Python API: `from drsim.api import load, run`.

result = run(load("drill"), seed=7).result
assert result.verdict == "pass"
"""

from reports.markdown import render as markdown
from scenarios.files import ScenarioError, catalogue, load, parse
from scenarios.model import Scenario
from scenarios.result import Result
from scenarios.runner import Run, run

__all__ = ["Result", "Run", "Scenario", "ScenarioError", "catalogue", "load", "markdown", "parse", "run"]
