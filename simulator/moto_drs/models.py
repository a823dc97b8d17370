"""The backend of each account and Region, and the DRS that it answers from: its own, or one that was attached."""

import datetime
from collections.abc import Mapping
from typing import ClassVar, Final

from moto.cloudwatch.models import MetricDatum
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import CloudWatchMetricProvider

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api.region import DrsRegion, DrsWorld
from drsim.simulator.drs_api.shapes import EPOCH
from drsim.simulator.moto_drs import metrics
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs
from drsim.simulator.trace import Trace


class HostClock:
    """The host's clock, which freezegun moves, and what `advance` has added to it, in Unix microseconds."""

    seed: Final = 0
    ahead_us: ClassVar[int] = 0
    """Shared by the backends of all accounts and Regions, until moto's next reset."""

    @property
    def now_us(self) -> int:
        """Now. A float holds a present Unix time to a quarter of a microsecond, so rounding gives the exact one.

        moto's own `unix_time` adds freezegun's `tz_offset`, since a frozen `now(UTC)` does (seen with freezegun 1.5.5).
        The timestamp of the local time is the frozen instant in any zone. freezegun replaces the name in the module.
        """
        return round(datetime.datetime.now().timestamp() * 1_000_000) + self.ahead_us


class DRSBackend(BaseBackend, CloudWatchMetricProvider):
    """DRS in one account and Region. moto makes a new one at each reset."""

    attached: ClassVar[DrsWorld | None] = None
    """The world that all backends answer from instead of their own. It outlives moto's resets."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.scope = JobScope(account_id, region_name)
        self._own = DrsWorld(DrsService(HostClock(), Trace(level="off"), Drs()), epoch_us=0)

    def reset(self) -> None:
        """Start again, on the host's time."""
        HostClock.ahead_us = 0
        super().reset()

    @staticmethod
    def get_cloudwatch_metrics(account_id: str, region: str) -> list[MetricDatum]:
        """DRS's metrics as of now, which moto's CloudWatch asks for whenever metrics are read."""
        here = drs_backends[account_id][region].region
        at = EPOCH + datetime.timedelta(microseconds=here.world.epoch_us + here.frame.now_us)
        # moto compares it with times without a zone.
        at = at.replace(tzinfo=None)
        return [
            MetricDatum(
                metrics.NAMESPACE,
                each.name,
                each.value,
                [{"Name": "SourceServerID", "Value": each.server_id}] if each.server_id else [],
                at,
                each.unit,
            )
            for each in metrics.metrics(here)
        ]

    @property
    def world(self) -> DrsWorld:
        return self.attached or self._own

    @property
    def region(self) -> DrsRegion:
        return DrsRegion(self.scope, self.world, self.partition)


drs_backends: Mapping[str, Mapping[str, DRSBackend]] = BackendDict(DRSBackend, "drs")
