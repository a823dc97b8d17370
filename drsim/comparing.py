"""`drsim compare`: two runs, or two sets of seeds, side by side. `reports.comparing.comparison` compares them."""

from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Exit

from drsim.arguments import ExitCode, UserError, writing
from drsim.stored_runs import result_in, runs_in


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="The earlier run's folder, or a folder of run folders.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The later one, likewise.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the comparison as a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON, nothing else.")] = False,
) -> None:
    """Compare runs: which verdicts changed, and how much values differ; exit 1 if worse.

    A folder of run folders is a set of seeds. Of several scenarios, those on both sides are compared, one by one.

    Worse is a criterion, property or verdict that newly fails, or that passed and is not exercised now. In a set, one
    failing run is enough. If runs fail on both sides, the pass rate must have fallen by more than chance explains.
    A distribution that differs is neither worse nor better.
    """
    from drsim.console import errors, output
    from drsim.reports.comparing import comparison, documents
    from drsim.reports.text import visible
    from drsim.side_by_side import show

    before, after = ([result_in(file) for file in runs_in(path)] for path in (a, b))
    scenarios = {label: {run.scenario for run in runs} for label, runs in (("A", before), ("B", after))}
    shown = {label: ", ".join(sorted(map(visible, names))) for label, names in scenarios.items()}
    comparisons = [comparison.compare(*pair) for pair in comparison.in_common(before, after)]
    if not comparisons:
        raise UserError(f"nothing in common: A has {shown['A']}, B has {shown['B']}")
    if html is not None:
        text = documents.render_html(comparisons)
        writing(lambda: html.write_text(text, encoding="utf-8"))
    if as_json:
        output().out(documents.render_json(comparisons), highlight=False)
    else:
        compared = {name for each in comparisons for name in (each.a.scenario, each.b.scenario)}
        for each in comparisons:
            show(output(), each)
        for label, names in scenarios.items():
            if left_out := sorted(map(visible, names - compared)):
                errors().print(f"drsim: only in {label}: {', '.join(left_out)}", markup=False)
    raise Exit(ExitCode.FAIL if any(each.changed("worse") for each in comparisons) else ExitCode.PASS)
