"""Planned executions, and the items in which the plan's worker first writes them.

Owns which attributes an item has besides the contract's own. The workload decides when it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from drsim.orchestrator.model import ExecutionKey, ExecutionStatus, JobScope, ServerStatus, WaveStatus
from drsim.simulator.contract.layout import Layout
from drsim.simulator.randomness import Stream
from drsim.simulator.services.spec import JobLife
from drsim.simulator.spec.groups import Group, Launch

ODD: Final[Mapping[str, object]] = {
    "OddNull": None,
    "OddBoolean": False,
    "OddText": "",
    "OddTexts": {"tier-1", "Größe"},
    "OddNumber": Decimal("1234567890.1234567890123456789012345678"),
    "OddInteger": -98765432109876543210987654321098765432,
    "OddNumbers": {22, Decimal("0.5")},
    "OddBinary": b"\x00\x01\xfe\xff",
    "OddBinaries": {b"\x00", b"key"},
    "OddList": [None, [], {"OddTexts": {"deep"}}],
    "OddMap": {},
}
"""Attributes that functions do not know, one of each type. DynamoDB's numbers have up to 38 digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWave:
    number: int
    name: str
    scope: JobScope
    server_ids: tuple[str, ...]
    launch: Launch
    life: JobLife


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExecution:
    key: ExecutionKey
    group: Group
    start_us: int
    place: int
    waves: tuple[PlannedWave, ...]
    stream: Stream


def first_item(layout: Layout, plan: PlannedExecution, epoch_us: int) -> dict[str, Any]:
    """Return the item that the worker puts before it starts any wave."""
    group = plan.group
    # An attribute that functions do not know: it must survive every write.
    return layout.execution.written(
        {**layout.keys(plan.key), "InitiatedBy": "drsim", **_odd(group)},
        status=ExecutionStatus.POLLING if group.polling_first else ExecutionStatus.PENDING,
        start=epoch_us + plan.start_us if group.start_time else None,
        type=group.type,
        version=1,
        total_waves=len(plan.waves),
        waves=[listed_wave(layout, plan, wave) for wave in plan.waves] if group.listed == "at_start" else [],
    )


def listed_wave(layout: Layout, plan: PlannedExecution, wave: PlannedWave) -> dict[str, Any]:
    """Return a wave that has not started."""
    group = plan.group
    # Like InitiatedBy above, attributes that functions do not know.
    servers = {
        each: layout.server.written(
            {"Hostname": f"host-{each[2:8]}", **_odd(group)}, id=each, status=ServerStatus.NOT_STARTED
        )
        for each in (wave.server_ids if group.servers_listed else ())
    }
    return layout.wave.written(
        {"ProtectionGroupId": f"pg-{wave.server_ids[0][2:10]}", **_odd(group)},
        name=wave.name,
        account=wave.scope.account_id,
        region=wave.scope.region if group.wave_regions else None,
        status=WaveStatus.PENDING,
        servers=layout.servers_item(servers),
        number=wave.number if group.wave_numbers else None,
    )


def _odd(group: Group) -> Mapping[str, object]:
    return ODD if group.odd_attributes else {}
