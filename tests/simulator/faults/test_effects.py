"""What each fault does at its boundary to the calls of production code."""

from collections.abc import Callable, Sequence
from typing import Final

import pytest

from drsim.orchestrator.errors import LostRaceError, RefusedError, TryLaterError
from drsim.orchestrator.model import Dispatch, MetricPoint, PollUpdate
from drsim.orchestrator.ports import JobsPage
from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.presets import preset
from drsim.simulator.events import JobsDescribed
from drsim.simulator.faults.kinds import noted_by_another_tool
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.spec import JobLife
from tests.simulator.faults.worlds import a_spec
from tests.simulator.lambdas import SECOND
from tests.simulator.ports import HANDLER_US, MS, SCOPE, Rig
from tests.simulator.tables import attributes_of, key_of, read

KEY: Final = key_of("e")
ONCE_US: Final = {"GetItem": 4 * MS, "UpdateItem": 80 * MS, "DescribeJobs": 100 * MS}
"""What one attempt takes when nothing holds it up."""


class FaultRig(Rig):
    """All ports behind these rules, over a table with an execution in POLLING and a DRS with one job."""

    def __init__(
        self, kernel: Kernel, *rules: dict[str, object], server_ids: Sequence[str] = ("s-1",), **fields: object
    ) -> None:
        super().__init__(kernel, faults=a_spec(*rules, **fields))
        self.table.put(attributes_of("e", "POLLING", Version=1, Waves=[]), writer="worker")
        self.drs.add_servers(SCOPE, server_ids, JobLife())
        self.job = self.drs.start_recovery(SCOPE, server_ids)

    def described(self) -> JobsPage:
        """What DRS says of the job."""
        return self.jobs.describe_page(SCOPE, [self.job.job_id], None)


def call(rig: FaultRig, operation: str) -> Callable[[], object]:
    """One call of production code, by the operation that it is for AWS."""
    calls: dict[str, Callable[[], object]] = {
        "Query": lambda: rig.index.polling_page(None),
        "Invoke": lambda: rig.invoker.invoke(Dispatch(key=KEY)),
        "GetItem": lambda: rig.store.get(KEY),
        "DescribeJobs": rig.described,
        "UpdateItem": lambda: rig.store.save_poll(
            PollUpdate(key=KEY, expected_version=1, last_polled_us=0, waves=(), status=None, end_us=None)
        ),
        "PutMetricData": lambda: rig.metrics.publish([MetricPoint("WavesPolled", 1)]),
    }
    return calls[operation]


def made(rig: FaultRig) -> list[tuple[str, str]]:
    """The error and the fault of each attempt."""
    return [(event.error, event.fault) for event in rig.calls]


def fails(rig: FaultRig, operation: str, error: type[Exception]) -> None:
    """Play a scene in which the call fails so."""

    def scene() -> None:
        with pytest.raises(error):
            call(rig, operation)()

    rig.play(scene)


# --- calls that fail -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("Query", "ProvisionedThroughputExceededException"),
        ("GetItem", "ProvisionedThroughputExceededException"),
        ("UpdateItem", "ProvisionedThroughputExceededException"),
        ("Invoke", "TooManyRequestsException"),
        ("DescribeJobs", "ThrottlingException"),
        ("PutMetricData", "ThrottlingException"),
    ],
)
def test_a_throttled_call_fails_as_its_service_says_it(kernel: Kernel, operation: str, code: str) -> None:
    rig = FaultRig(kernel, {"fault": "throttled"})
    fails(rig, operation, TryLaterError)
    assert made(rig) == [(code, "throttled")] * 3


@pytest.mark.parametrize("fault", ["throttled", "server-error", "timed-out"])
def test_a_call_that_fails_less_often_than_botocore_tries_succeeds(kernel: Kernel, fault: str) -> None:
    rig = FaultRig(kernel, {"fault": fault, "attempts": 2})
    rig.play(call(rig, "UpdateItem"))
    assert [error != "" for error, _ in made(rig)] == [True, True, False]
    assert read(rig.table, "e") == attributes_of("e", "POLLING", Version=2, Waves=[], LastPolledTime=0)


@pytest.mark.parametrize("fault", ["throttled", "server-error", "timed-out", "denied"])
def test_a_call_that_fails_leaves_nothing_at_its_service(kernel: Kernel, fault: str) -> None:
    rig = FaultRig(kernel, {"fault": fault})
    fails(rig, "UpdateItem", RefusedError if fault == "denied" else TryLaterError)
    assert read(rig.table, "e") == attributes_of("e", "POLLING", Version=1, Waves=[])


def test_a_server_error_is_tried_again(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "server-error"})
    fails(rig, "GetItem", TryLaterError)
    assert made(rig) == [("InternalServerError", "server-error")] * 3


def test_a_call_that_times_out_takes_its_time_at_each_attempt(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "timed-out", "delay": "5s"})
    fails(rig, "GetItem", TryLaterError)
    assert made(rig) == [("ReadTimeoutError", "timed-out")] * 3
    assert [event.duration_us for event in rig.calls] == [5 * SECOND + ONCE_US["GetItem"]] * 3


def test_a_denied_call_is_not_tried_again(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "denied"})
    fails(rig, "DescribeJobs", RefusedError)
    assert made(rig) == [("AccessDeniedException", "denied")]


def test_write_with_a_lost_answer_is_done_and_its_retry_refused(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "answer-lost", "attempts": 1})
    fails(rig, "UpdateItem", LostRaceError)
    assert read(rig.table, "e") == attributes_of("e", "POLLING", Version=2, Waves=[], LastPolledTime=0)
    assert [error for error, _ in made(rig)] == ["ConnectionClosedError", "ConditionalCheckFailedException"]


def test_every_answer_may_be_lost_although_each_call_did_its_work(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "answer-lost"})
    fails(rig, "PutMetricData", TryLaterError)
    assert [event.points[0].name for event in rig.published] == ["WavesPolled"] * 3


def test_a_slow_call_answers_late(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "slow", "delay": "20s"})
    rig.play(call(rig, "DescribeJobs"))
    assert made(rig) == [("", "slow")]
    assert rig.calls[0].duration_us == 20 * SECOND + ONCE_US["DescribeJobs"]


def test_a_slow_call_is_let_go_at_healing(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "slow", "delay": "20s"}, heal="5s")
    rig.play(call(rig, "DescribeJobs"))
    assert rig.calls[0].at_us == 5 * SECOND


def test_a_call_that_is_stuck_lasts_until_lambda_ends_the_run(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "stuck"})
    rig.scene = call(rig, "GetItem")
    rig.invoke()
    kernel.run()
    assert [(event.outcome, event.duration_us) for event in rig.ended] == [("timeout", 600 * SECOND)]


def test_rule_with_a_number_acts_on_that_call_of_a_run_only(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "denied", "operation": "GetItem", "nth": 2})

    def scene() -> None:
        call(rig, "GetItem")()
        call(rig, "DescribeJobs")()
        with pytest.raises(RefusedError):
            call(rig, "GetItem")()
        call(rig, "GetItem")()

    rig.play(scene)
    assert [fault for _, fault in made(rig)] == ["", "", "denied", ""]


def test_rule_for_a_region_acts_on_calls_to_that_region_only(kernel: Kernel) -> None:
    rig = FaultRig(
        kernel,
        {"fault": "denied", "operation": "DescribeJobs", "region": "eu-west-1"},
        regions=["us-east-1", "eu-west-1"],
    )

    def scene() -> None:
        rig.described()
        with pytest.raises(RefusedError):
            rig.jobs.describe_page(SCOPE._replace(region="eu-west-1"), ["drsjob-1"], None)

    rig.play(scene)


# --- runs that end where they stand ----------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "version"), [("crashed-before", 1), ("crashed-after", 2)])
def test_a_crash_ends_the_run_before_or_after_the_write(kernel: Kernel, fault: str, version: int) -> None:
    rig = FaultRig(kernel, {"fault": fault, "operation": "UpdateItem"})
    went_on = list[bool]()

    def scene() -> None:
        call(rig, "UpdateItem")()
        went_on.append(True)

    rig.scene = scene
    rig.invoke()
    kernel.run()
    assert went_on == []
    written = read(rig.table, "e")
    assert written is not None
    assert written["Version"] == version
    assert [(event.outcome, event.detail) for event in rig.ended] == [("crash", "Runtime.ExitError")]
    assert rig.log[-1] == (HANDLER_US + ONCE_US["UpdateItem"], "e retries exhausted")


@pytest.mark.parametrize("fault", ["crashed-before", "crashed-after"])
def test_a_crashed_run_is_delivered_again_if_the_rule_says_so(kernel: Kernel, fault: str) -> None:
    rig = FaultRig(kernel, {"fault": fault, "operation": "GetItem", "run": 1, "redelivered": True})
    rig.scene = call(rig, "GetItem")
    rig.invoke()
    kernel.run()
    assert [(event.request_id, event.attempt) for event in rig.started] == [
        (rig.started[0].request_id, 1),
        (rig.started[0].request_id, 2),
    ]
    assert [event.outcome for event in rig.ended] == ["crash", "ok"]
    # Lambda waits a minute, and the environment that crashed is cold again.
    assert rig.log[2] == (HANDLER_US + ONCE_US["GetItem"] + 60 * SECOND + HANDLER_US - MS, "e cold 1")


# --- other writers ---------------------------------------------------------------------------------------------


def test_another_writer_comes_first_and_raises_the_version(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "raced", "operation": "UpdateItem"})
    fails(rig, "UpdateItem", LostRaceError)
    assert read(rig.table, "e") == attributes_of("e", "POLLING", Version=2, Waves=[], Note="written by another tool")


@pytest.mark.parametrize(("versioned", "noted"), [(True, False), (False, True)])
def test_another_writer_notes_waves_that_no_version_protects(versioned: bool, noted: bool) -> None:
    layout = Layout(preset("plain", promises={"versioned": versioned}))
    changes = noted_by_another_tool(layout, {"Waves": [{"Status": "PENDING"}, None]}, 0)
    note = {"Note": "written by another tool"}
    assert changes == {**note, **({"Waves": [{"Status": "PENDING", **note}, None]} if noted else {})}


def test_a_person_cancels_just_before_the_write(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "cancelled", "operation": "UpdateItem"})
    fails(rig, "UpdateItem", LostRaceError)
    item = read(rig.table, "e")
    assert item is not None
    assert (item["Status"], item["Version"]) == ("CANCELLED", 2)
    assert "EndTime" in item
    assert "LastPolledTime" not in item


def test_a_record_is_deleted_just_before_the_read(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "deleted", "operation": "GetItem"})
    found = list[object]()
    rig.play(lambda: found.append(call(rig, "GetItem")()))
    assert found == [None]
    assert read(rig.table, "e") is None


@pytest.mark.parametrize("fault", ["raced", "cancelled", "deleted"])
def test_other_writers_leave_a_finished_execution_alone(kernel: Kernel, fault: str) -> None:
    rig = FaultRig(kernel, {"fault": fault, "operation": "GetItem"})
    ended = attributes_of("e", "COMPLETED", Version=7, EndTime=200)
    rig.table.put(ended, writer="worker")
    rig.play(call(rig, "GetItem"))
    assert read(rig.table, "e") == ended


# --- what DRS answers ------------------------------------------------------------------------------------------


def test_a_job_that_vanished_is_left_out_of_the_answer(kernel: Kernel) -> None:
    rig = FaultRig(kernel, {"fault": "job-vanished"})
    pages = list[JobsPage]()
    rig.play(lambda: pages.append(rig.described()))
    assert pages == [JobsPage((), None)]


@pytest.mark.parametrize(("fault", "shown"), [("servers-omitted", []), ("answer-partial", ["s-1", "s-2"])])
def test_answer_without_servers_keeps_all_else(kernel: Kernel, fault: str, shown: list[str]) -> None:
    rig = FaultRig(kernel, {"fault": fault, "run": 1}, server_ids=["s-1", "s-2", "s-3"])
    described: list[JobsDescribed] = []
    rig.trace.listen(JobsDescribed, described.append)
    pages = list[JobsPage]()
    rig.play(lambda: pages.append(rig.described()))
    rig.play(lambda: pages.append(rig.described()))
    (short,), (full,) = pages[0].jobs, pages[1].jobs
    assert (short.job_id, short.status) == (full.job_id, full.status)
    assert [server.source_server_id for server in short.servers] == shown
    assert [server.source_server_id for server in full.servers] == ["s-1", "s-2", "s-3"]
    assert [event.incomplete for event in described] == [(rig.job.job_id,), ()]
