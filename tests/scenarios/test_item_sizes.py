"""Plans whose record comes near the 400 KB of an item, and one whose record would pass them."""

from pathlib import Path

from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run

OLD = Path(__file__).parents[1] / "old"


def verdict_of(name: str) -> Result:
    return run(load(str(OLD / f"{name}.yaml")), seed=1).result


def test_plan_with_a_record_of_249_kb_passes() -> None:
    assert verdict_of("item-legal-249-kb").verdict == "pass"


def test_plan_whose_record_would_pass_400_kb_fails_with_aws_error() -> None:
    result = verdict_of("item-over-400-kb")
    assert result.verdict == "fail"
    (failed,) = [each for each in result.criteria if each.name == "No errors or failures"]
    assert "Item size to update has exceeded the maximum allowed size" in failed.evidence
