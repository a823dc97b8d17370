"""The backend of each account and Region, and the DRS that it answers from: its own, or one that was attached."""

import datetime
import re
import sys
from collections.abc import Mapping
from threading import RLock
from typing import ClassVar, Final

from moto.backends import get_backend
from moto.cloudwatch.models import MetricDatum
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import CloudWatchMetricProvider
from moto.utilities.utils import get_partition

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api.plan_executions import settle
from drsim.simulator.drs_api.region import DrsRegion, DrsWorld, Ec2Instance
from drsim.simulator.drs_api.shapes import EPOCH
from drsim.simulator.moto_drs import metrics
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs
from drsim.simulator.trace import Trace

LOCK: Final = RLock()
"""moto's server answers in many threads; a check and what it allows must not be interleaved with another request."""


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


class MotoServices:
    """moto's other backends, as DRS uses them."""

    def put_object(self, scope: JobScope, bucket: str, key: str, body: str) -> None:
        """Write an object into the bucket of that account, if it exists."""
        s3 = get_backend("s3")[scope.account_id][get_partition(scope.region)]
        if bucket in s3.buckets:
            s3.put_object(bucket, key, body.encode())

    def instance(self, scope: JobScope, instance_id: str) -> Ec2Instance | None:
        # Importing moto's EC2 takes a while, and nothing has made an instance without it.
        if "moto.ec2.models" not in sys.modules:
            return None
        instance = get_backend("ec2")[scope.account_id][scope.region].get_instance_by_id(instance_id)
        if instance is None:
            return None
        interface = instance.nics[0]
        volumes = [device.volume_id for device in instance.block_device_mapping.values()]
        ips = tuple(each["PrivateIpAddress"] for each in interface.private_ip_addresses)
        return Ec2Instance(str(instance.state), ips, interface.mac_address, tuple(filter(None, volumes)))


class DRSBackend(BaseBackend, CloudWatchMetricProvider):
    """DRS in one account and Region. moto makes a new one at each reset."""

    attached: ClassVar[DrsWorld | None] = None
    """The world that all backends answer from instead of their own. It outlives moto's resets."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.scope = JobScope(account_id, region_name)
        self.launched: set[tuple[str, str]] = set()
        """Job and source server of each instance that EC2 has had so far."""
        service = DrsService(HostClock(), Trace(level="off"), Drs())
        self._own = DrsWorld(service, epoch_us=0, world_of=_world_of, outside=MotoServices())

    def reset(self) -> None:
        """Start again, on the host's time."""
        HostClock.ahead_us = 0
        super().reset()

    @staticmethod
    def get_cloudwatch_metrics(account_id: str, region: str) -> list[MetricDatum]:
        """DRS's metrics as of now, which moto's CloudWatch asks for whenever metrics are read."""
        if not has_drs(account_id, region):
            # CloudWatch is in Regions that DRS is not in.
            return []
        here = backend_of(account_id, region).region
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


def has_drs(account_id: str, region: str) -> bool:
    """Whether there is a DRS in that Region: AWS has it in fewer Regions than EC2 and CloudWatch."""
    return region in drs_backends[account_id]


def backend_of(account_id: str, region: str) -> DRSBackend:
    """The backend as of now: what recovery plans were due to do has happened before a test changes or reads anything.

    Raises ValueError for what is no account id, and for a Region without DRS.
    """
    check_account("account_id", account_id)
    try:
        found = drs_backends[account_id][region]
    except KeyError:
        raise ValueError(f"region must be one that has DRS, such as us-east-1, got {region!r}") from None
    settle_all()
    return found


def settle_all() -> None:
    """Let recovery plans of all accounts and Regions do what is due by now: what a test sets up may concern several."""
    with LOCK:
        for backend in known_backends():
            settle(backend.region)


def known_backends() -> list[DRSBackend]:
    """Those that were used since moto's last reset."""
    return [backend for regions in drs_backends.values() for backend in regions.values()]


def check_account(name: str, account_id: object) -> None:
    """Raise ValueError, with the argument's name, for what is no account id."""
    if not isinstance(account_id, str) or not re.fullmatch("[0-9]{12}", account_id):
        raise ValueError(f"{name} must be an account id of 12 digits, got {account_id!r}")


def _world_of(scope: JobScope) -> DrsWorld:
    """The world of another account and Region. Raises KeyError for a Region that does not exist."""
    return drs_backends[scope.account_id][scope.region].world


drs_backends: Mapping[str, Mapping[str, DRSBackend]] = BackendDict(DRSBackend, "drs")
