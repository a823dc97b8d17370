"""A result as pandas DataFrames, for notebooks and for comparing runs.

Kept apart from `drsim run`, which starts several times faster without pandas.
"""

from collections.abc import Sequence

import pandas as pd

from reports.plain import visible
from scenarios.result import Result


def ticks(result: Result) -> pd.DataFrame:
    """A row a tick, indexed by its instant (UTC): number, looks, found, polled."""
    rows = [tick.model_dump() for tick in result.metrics.ticks]
    frame = pd.DataFrame(rows, columns=["number", "at", "looks", "found", "polled"])
    return frame.assign(at=pd.to_datetime(frame["at"], format="ISO8601", utc=True)).set_index("at")


def distributions(results: Sequence[Result]) -> pd.DataFrame:
    """A row a distribution and run, indexed by scenario, seed and name: unit, basis, count, min, mean, p50 ... max."""
    rows = [
        {"scenario": result.scenario, "seed": result.seed, "name": name, **figure.model_dump()}
        for result in results
        for name, figure in result.metrics.distributions.items()
    ]
    return pd.DataFrame(rows).set_index(["scenario", "seed", "name"])


def verdicts(results: Sequence[Result]) -> pd.DataFrame:
    """A row a run, indexed by scenario and seed, with a column for each criterion and property."""
    rows = [
        {"scenario": result.scenario, "seed": result.seed}
        | {each.name: each.verdict for each in result.criteria}
        | {each.name: each.verdict for each in result.properties}
        for result in results
    ]
    return pd.DataFrame(rows).set_index(["scenario", "seed"])


def metrics(result: Result) -> pd.DataFrame:
    """A row a CloudWatch metric and minute, indexed by the minute's first second (UTC), metric by metric.

    Columns: namespace, name, dimensions (Name=Value,Name=Value), unit, basis, samples, sum, min, max, p50, p99.
    """
    columns = ["at", "namespace", "name", "dimensions", "unit", "basis", "samples", "sum", "min", "max", "p50", "p99"]
    rows = []
    for metric in result.metrics.cloudwatch:
        names, values = metric.dimensions[::2], metric.dimensions[1::2]
        dimensions = ",".join([f"{name}={value}" for name, value in zip(names, values, strict=True)])
        told = (metric.namespace, metric.name, dimensions, metric.unit, metric.basis)
        rows += [(at, *told, *figures) for at, *figures in metric.minutes]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(at=pd.to_datetime(frame["at"], unit="s", utc=True)).set_index("at")


def metrics_csv(result: Result) -> str:
    """`metrics.csv`: the rows of `metrics` with a header, instants in ISO 8601, lines ended by line feeds."""
    frame = metrics(result)
    # Anybody's handlers may publish metrics, under any name.
    texts = {column: frame[column].map(visible) for column in ("namespace", "name", "dimensions")}
    return frame.assign(**texts).to_csv(date_format="%Y-%m-%dT%H:%M:%SZ", lineterminator="\n")
