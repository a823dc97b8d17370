"""A result as pandas DataFrames, for notebooks; `drsim run` starts several times faster without them."""

from collections.abc import Sequence

from drsim.reports.formats.metrics_csv import COLUMNS, rows_of
from drsim.scenarios.extras import needs
from drsim.scenarios.result import Result

with needs("frames", "drsim.reports.frames"):
    import pandas as pd


def ticks(result: Result) -> pd.DataFrame:
    """One row per tick, indexed by its instant (UTC): number, looks, found, polled."""
    rows = [tick.model_dump() for tick in result.metrics.ticks]
    frame = pd.DataFrame(rows, columns=["number", "at", "looks", "found", "polled"])
    return frame.assign(at=pd.to_datetime(frame["at"], format="ISO8601", utc=True)).set_index("at")


def distributions(results: Sequence[Result]) -> pd.DataFrame:
    """One row per distribution and run, indexed by scenario, seed and name: unit, basis, count, min, mean ... max."""
    rows = [
        {"scenario": result.scenario, "seed": result.seed, "name": name, **figure.model_dump(exclude={"histogram"})}
        for result in results
        for name, figure in result.metrics.distributions.items()
    ]
    return pd.DataFrame(rows).set_index(["scenario", "seed", "name"])


def verdicts(results: Sequence[Result]) -> pd.DataFrame:
    """One row per run, indexed by scenario and seed, with a column for each criterion and property."""
    rows = [
        {"scenario": result.scenario, "seed": result.seed}
        | {each.name: each.verdict for each in result.criteria}
        | {each.name: each.verdict for each in result.properties}
        for result in results
    ]
    return pd.DataFrame(rows).set_index(["scenario", "seed"])


def metrics(result: Result) -> pd.DataFrame:
    """One row per CloudWatch metric and minute, indexed by the minute's first second (UTC), metric by metric.

    What recoveries took follows, in rows of the run's last minute.

    Columns: namespace, name, dimensions (Name=Value,Name=Value), unit, basis, samples, sum, min, max, p50, p99.
    """
    frame = pd.DataFrame(list(rows_of(result)), columns=list(COLUMNS))
    return frame.assign(at=pd.to_datetime(frame["at"], unit="s", utc=True)).set_index("at")
