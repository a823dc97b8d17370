"""`drsim compare`: two runs, or two sets of seeds, side by side.

Owns what is read, where the comparison goes, and the exit code; what is compared, and how, is
`reports.comparing.comparison`'s.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import Exit

from drsim.arguments import UserError, writing
from drsim.exit_codes import ExitCode
from drsim.stored_results import results_in

if TYPE_CHECKING:
    from drsim.reports.comparing.comparison import Comparison
    from drsim.scenarios.result import Result


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="What was before: a run's folder, or a folder of them.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="What is now, likewise.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the comparison as a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON, nothing else.")] = False,
) -> None:
    """Compare runs: what changed its verdict, how much values differ; exit 1 if worse.

    A folder of run folders is a set of seeds. If it has several scenarios, those
    on both sides are compared, each by itself.

    Worse is a criterion, a property or the verdict that fails and did not, or that
    passed and is not exercised now. In a set one failing run is enough; where runs
    fail on both sides, the rate must have fallen by more than chance explains.
    A distribution that differs is worth a look, but neither worse nor better.
    """
    from drsim.reports.comparing.comparison import compare as side_by_side
    from drsim.reports.comparing.comparison import in_common

    before, after = results_in(a), results_in(b)
    pairs = in_common(before, after)
    if not pairs:
        raise UserError(f"nothing in common: A has {_scenarios(before)}, B has {_scenarios(after)}")
    comparisons = [side_by_side(*pair) for pair in pairs]
    if html is not None:
        _write(html, comparisons)
    if as_json:
        _print_json(comparisons)
    else:
        _show(comparisons)
        _say_left_out(before, after, comparisons)
    raise Exit(ExitCode.FAIL if any(each.changed("worse") for each in comparisons) else ExitCode.PASS)


def _scenarios(runs: "list[Result]") -> str:
    from drsim.reports.text import visible

    return ", ".join(sorted({visible(run.scenario) for run in runs}))


def _write(file: Path, comparisons: "list[Comparison]") -> None:
    from drsim.reports.comparing.page import render

    page = render(comparisons)
    writing(lambda: file.write_text(page, encoding="utf-8"))


def _print_json(comparisons: "list[Comparison]") -> None:
    from drsim.console import output
    from drsim.reports.comparing.as_json import render

    output().out(render(comparisons), highlight=False)


def _show(comparisons: "list[Comparison]") -> None:
    from drsim.console import output
    from drsim.side_by_side import show

    for each in comparisons:
        show(output(), each)


def _say_left_out(before: "list[Result]", after: "list[Result]", comparisons: "list[Comparison]") -> None:
    from drsim.console import errors
    from drsim.reports.text import visible

    for label, runs, compared in (
        ("A", before, {each.a.scenario for each in comparisons}),
        ("B", after, {each.b.scenario for each in comparisons}),
    ):
        if names := sorted({visible(run.scenario) for run in runs if run.scenario not in compared}):
            errors().print(f"drsim: only in {label}: {', '.join(names)}", markup=False)
