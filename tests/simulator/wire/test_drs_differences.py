"""Differences between DRS in the fast tier and through boto3: a list, and a test that shows each."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
import pytest

from drsim.simulator import moto_drs
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs, JobLife
from drsim.simulator.trace import Trace

if TYPE_CHECKING:
    from mypy_boto3_drs import DrsClient

from tests.simulator.wire.test_drs_conformance import EAST, EPOCH_US, SERVER_IDS

pytestmark = pytest.mark.usefixtures("moto")

DIFFERENCES: Final = {
    "a filter without ids": "the fast tier finds no job, the wire all of them, as the model of DescribeJobs says",
    "jobs of one instant": "the fast tier sorts them by id, the wire has the later call first; AWS promises neither",
    "a server that is named twice": "the fast tier's job has it twice, the wire's once; no code here names one twice",
    "how many jobs a page holds": "the fast tier knows its own page size only, the wire obeys maxResults as well",
}
SHOWN: Final[list[str]] = []
_Test = TypeVar("_Test")


def shows(name: str) -> Callable[[_Test], _Test]:
    """The test shows this difference."""
    assert name in DIFFERENCES, f"{name!r} is no difference listed"
    SHOWN.append(name)
    return lambda test: test


def test_each_difference_is_shown_by_one_test() -> None:
    assert sorted(SHOWN) == sorted(DIFFERENCES)


class Rig:
    """One DRS, asked directly and through moto, with three servers and a job for each of the first two."""

    def __init__(self, kernel: Kernel) -> None:
        self.drs = DrsService(kernel, Trace(), Drs())
        self.drs.add_servers(EAST, SERVER_IDS, JobLife())
        moto_drs.attach(self.drs, epoch_us=EPOCH_US)
        self.client: DrsClient = boto3.client("drs", region_name=EAST.region)
        self.job_ids = [self.drs.start_recovery(EAST, [server_id]).job_id for server_id in SERVER_IDS[:2]]

    def wire(self, **asked: Any) -> list[str]:
        """The ids in one answer of DescribeJobs."""
        return [job["jobID"] for job in self.client.describe_jobs(**asked)["items"]]

    def direct(self, job_ids: Sequence[str]) -> list[str]:
        """The ids in one page of the fast tier's."""
        return [job.job_id for job in self.drs.describe_jobs(EAST, job_ids)[0]]


@pytest.fixture
def rig(kernel: Kernel) -> Iterator[Rig]:
    """A DRS that is attached while the test runs."""
    try:
        yield Rig(kernel)
    finally:
        moto_drs.detach()


@shows("a filter without ids")
def test_a_filter_without_ids_finds_all_jobs_on_the_wire_only(rig: Rig) -> None:
    assert rig.direct([]) == []
    assert sorted(rig.wire(filters={"jobIDs": []})) == sorted(rig.wire()) == sorted(rig.job_ids)


@shows("jobs of one instant")
def test_jobs_of_one_instant_are_ordered_by_id_or_on_the_wire_by_call(rig: Rig) -> None:
    assert rig.direct(rig.job_ids) == sorted(rig.job_ids)
    assert rig.wire(filters={"jobIDs": rig.job_ids}) == rig.job_ids[::-1]


@shows("a server that is named twice")
def test_a_server_that_is_named_twice_counts_once_on_the_wire_only(rig: Rig) -> None:
    answer = rig.client.start_recovery(sourceServers=[{"sourceServerID": SERVER_IDS[2]}] * 2)
    assert len(answer["job"]["participatingServers"]) == 1
    assert len(rig.drs.start_recovery(EAST, [SERVER_IDS[3]] * 2).servers) == 2


@shows("how many jobs a page holds")
def test_the_wire_obeys_max_results(rig: Rig) -> None:
    assert len(rig.wire(filters={"jobIDs": rig.job_ids}, maxResults=1)) == 1
