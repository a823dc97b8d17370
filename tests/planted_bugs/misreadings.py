"""Parsers that misread one attribute: production code with one expression of its text changed.

A bug in `items` is planted in both tiers, because the adapters of both call it. One in `aws` is in the wire tier only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from types import FunctionType
from typing import Final

from drsim.orchestrator import items
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.events import POLLER
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.world import Parts, World

_PRODUCTION: Final = Path(items.__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Misreading:
    """One edit of production: `wrong` replaces `right` in `file`. A scenario with changes shows it."""

    name: str
    right: str
    wrong: str
    scenario: str
    caught_by: str
    changes: tuple[str, ...] = ()
    file: str = "items.py"

    def text(self) -> str:
        """The edited module."""
        text = (_PRODUCTION / self.file).read_text(encoding="utf-8")
        assert text.count(self.right) == 1, f"{self.file} holds {self.right!r} once"
        return text.replace(self.right, self.wrong)

    @property
    def parts(self) -> Parts:
        """The parts of the fast tier: `items` runs the edited code as long as the world runs."""
        return Parts(running=self._running)

    def bundle(self, folder: Path) -> Handlers:
        """The functions of the wire tier: a copy of production in the folder, with the edit, under another name."""
        copytree(_PRODUCTION, folder / "misreading")
        (folder / "misreading" / self.file).write_text(self.text(), encoding="utf-8")
        finder, poller = (f"misreading.entrypoints:{role}_handler" for role in ("finder", "poller"))
        return Handlers(finder=finder, poller=poller, paths=(folder,), variables=_VARIABLES)

    @contextmanager
    def _running(self, world: World) -> Iterator[None]:
        edited = {"__name__": items.__name__, "__package__": items.__package__}
        exec(compile(self.text(), self.file, "exec"), edited)
        own = [
            each
            for each in vars(items).values()
            if isinstance(each, FunctionType) and each.__module__ == items.__name__
        ]
        before = [(function, function.__code__) for function in own]
        try:
            for function in own:
                function.__code__ = edited[function.__name__].__code__  # type: ignore[attr-defined]
            with Parts().running(world):
                yield
        finally:
            for function, code in before:
                function.__code__ = code


_VARIABLES: Final = {
    "EXECUTION_TABLE": OUR_CONTRACT.table.name,
    "POLLER_FUNCTION": POLLER,
    "METRICS_NAMESPACE": "DRSOrchestration",
    "DRS_ROLE_NAME": "drs-orchestration-polling",
}
"""What the template sets for our functions, and the wire tier for no others."""
_ONE_BY_ONE: Final = ("order=sequential", "listed=as_started", "reaction=3m")

ITEMS: Final = (
    Misreading(
        "TotalWaves is one too small",
        '_count(item, "TotalWaves")',
        '_count(item, "TotalWaves") - 1',
        "drill",
        "completion-soundness",
        _ONE_BY_ONE,
    ),
    Misreading(
        "JobId is misspelt",
        '_optional_text(wave, "JobId")',
        '_optional_text(wave, "JobID")',
        "drill",
        "no-lost-update",
    ),
    Misreading(
        "LastPolledTime is milliseconds",
        'else _instant_us(item, "LastPolledTime")',
        'else _instant_us(item, "LastPolledTime") // 1000',
        "sub-minute",
        "poll-cadence",
        ("duration=6m", "expect=null"),
    ),
    Misreading(
        "StartTime is an hour off",
        'start_us=_instant_us(item, "StartTime")',
        'start_us=_instant_us(item, "StartTime") - 3_600_000_000',
        "drill",
        "timeout-truth",
    ),
    Misreading(
        "InstanceId is misspelt",
        '_optional_text(server, "InstanceId")',
        '_optional_text(server, "InstanceID")',
        "drill",
        "no-lost-update",
    ),
    Misreading(
        "attributes of servers are dropped",
        "extra={name: value for name, value in server.items() if name not in _SERVER_ATTRIBUTES}",
        "extra={}",
        "drill",
        "no-lost-update",
    ),
)
"""Bugs of `items`."""

AWS: Final = (
    Misreading(
        "the first job of a page only",
        'answer.get("items", ())',
        'answer.get("items", [])[:1]',
        "drill",
        "completion-soundness",
        file="aws/drs.py",
    ),
    Misreading(
        "launchStatus is misspelt",
        'if "launchStatus" not in server:',
        'if "LaunchStatus" not in server:',
        "drill",
        "completion-soundness",
        file="aws/drs.py",
    ),
    Misreading(
        "recoveryInstanceID is misspelt",
        'server.get("recoveryInstanceID")',
        'server.get("recoveryInstanceId")',
        "drill",
        "completion-soundness",
        file="aws/drs.py",
    ),
    Misreading(
        "a launched server is a failed one",
        '_one_of(_LAUNCH_STATUSES, server["launchStatus"], f"{where}: launchStatus")',
        'ServerStatus.FAILED if server["launchStatus"] == "LAUNCHED" else ServerStatus.PENDING',
        "drill",
        "completion-soundness",
        file="aws/drs.py",
    ),
    Misreading(
        "executions behind the first page are dropped",
        'answer.get("LastEvaluatedKey")',
        "None",
        "load-100",
        "no-starvation",
        ("executions=6", "table.page_bytes_max=2000", "duration=15m", "expect=null"),
        file="aws/dynamodb.py",
    ),
)
"""Bugs of `aws`."""
