"""Recovery snapshots."""

from typing import NamedTuple

from drsim.simulator.drs_api.region import DrsRegion


class Snapshot(NamedTuple):
    """A point in time of a source server."""

    snapshot_id: str
    at_us: int


def known(region: DrsRegion, server_id: str) -> list[Snapshot]:  # noqa: ARG001
    """Return the snapshots of a server, oldest first."""
    return []
