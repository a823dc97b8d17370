"""The backend of each account and Region, and the DRS that it answers from: its own, or one that was attached."""

import sys
from collections.abc import Mapping
from threading import RLock
from typing import ClassVar, Final

from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.utils import unix_time
from moto.utilities.utils import get_partition

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api.region import DrsRegion, DrsWorld, Ec2Instance
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs
from drsim.simulator.trace import Trace

LOCK: Final = RLock()
"""moto's server answers in many threads; a check and what it allows must not be interleaved with another request."""


class HostClock:
    """moto's clock, which freezegun moves, in Unix microseconds."""

    seed: Final = 0

    @property
    def now_us(self) -> int:
        """Now. A float holds a present Unix time to a quarter of a microsecond, so rounding gives the exact one."""
        return round(unix_time() * 1_000_000)


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


class DRSBackend(BaseBackend):
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

    @property
    def world(self) -> DrsWorld:
        return self.attached or self._own

    @property
    def region(self) -> DrsRegion:
        return DrsRegion(self.scope, self.world, self.partition)


def _world_of(scope: JobScope) -> DrsWorld:
    """The world of another account and Region. Raises KeyError for a Region that does not exist."""
    return drs_backends[scope.account_id][scope.region].world


drs_backends: Mapping[str, Mapping[str, DRSBackend]] = BackendDict(DRSBackend, "drs")
