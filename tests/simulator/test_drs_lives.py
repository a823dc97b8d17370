"""Named lives of jobs, launches by terms, and the log of every kind of job and failure."""

import pytest
from pydantic import ValidationError

from drsim.orchestrator.model import ServerStatus
from drsim.simulator.durations import spread_of
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.drs import DrsJob
from drsim.simulator.services.drs_jobs import InitiatedBy, JobKind, LaunchTerms, ServerLife
from drsim.simulator.services.lives import LIVES
from drsim.simulator.services.spec import JobLife
from tests.simulator.drs import EAST, SECOND, Rig, fixed

ACTION = {"actionId": "a", "optional": False}


def events(job: DrsJob, server_id: str | None = None, cleaned: tuple[str, ...] = ()) -> list[str]:
    items = job.log_items(1 << 62, cleaned)
    return [each.event for each in items if server_id in (None, each.source_server_id)]


# --- names ----------------------------------------------------------------------------------------------------


def test_recorded_life_has_the_times_of_the_recorded_job(kernel: Kernel) -> None:
    job = Rig(kernel, JobLife.named("ec2-linux-recorded")).start(["s-1", "s-2"])
    found = {item.event: item.at_us for item in job.log_items(1 << 62)}
    assert {event: round(at_us / SECOND, 1) for event, at_us in found.items()} == {
        "JOB_START": 0.3,
        "SNAPSHOT_START": 0.8,
        "SNAPSHOT_END": 0.8,
        "CONVERSION_START": 52.9,
        "CONVERSION_END": 251.0,
        "LAUNCH_START": 251.0,
        "LAUNCH_END": 530.5,
        "JOB_END": 533.3,
    }
    assert job.ended_us == 533_300_000


@pytest.mark.parametrize("name", LIVES)
def test_each_named_life_is_valid_and_has_a_source(name: str) -> None:
    life = JobLife.named(name)
    assert LIVES[name].source
    # Dumps hold the values, which need no name.
    assert JobLife.model_validate(life.model_dump(mode="json")) == life
    assert (life == JobLife()) == (name == "phase-2")


def test_values_beside_a_name_take_the_place_of_its_own() -> None:
    life = JobLife.model_validate({"life": "ec2-windows-observed", "pending": "5s"})
    assert life == JobLife.named("ec2-windows-observed", pending="5s")
    assert (life.pending, life.lingers) == (spread_of("5s"), spread_of("3s"))


@pytest.mark.parametrize("name", ["windows", "", 3, ["phase-2"]])
def test_an_unknown_name_of_a_life_is_refused(name: object) -> None:
    with pytest.raises(ValidationError, match="'ec2-linux-recorded'"):
        JobLife.model_validate({"life": name})


# --- failures -------------------------------------------------------------------------------------------------

_STARTED = ["SNAPSHOT_START", "SNAPSHOT_END"]


@pytest.mark.parametrize(
    ("phase", "seconds", "expected"),
    [
        ("skip", 0.7, ["SERVER_SKIPPED"]),
        ("cleanup", 0.7, ["CLEANUP_START", "CLEANUP_FAIL"]),
        ("snapshot", 3, ["SNAPSHOT_START", "SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT_FAILED"]),
        ("conversion", 15, [*_STARTED, "CONVERSION_START", "CONVERSION_FAIL"]),
        ("launch", 35, [*_STARTED, "CONVERSION_START", "CONVERSION_END", "LAUNCH_START", "LAUNCH_FAILED"]),
    ],
)
def test_a_server_fails_in_each_phase_with_its_events(
    kernel: Kernel, phase: str, seconds: float, expected: list[str]
) -> None:
    job = Rig(kernel, fixed(failed_servers=1, fails_in=phase)).start(["s-1", "s-2"])
    (failed,) = (server for server in job.servers if not server.launches)
    assert events(job, failed.source_server_id) == expected
    assert job.log_items(1 << 62)[-1].event == "JOB_END"
    last = [item for item in job.log_items(1 << 62) if item.source_server_id == failed.source_server_id][-1]
    assert (last.at_us, bool(last.raw_error)) == (seconds * SECOND, True)
    assert failed.status(last.at_us - 1) is not ServerStatus.FAILED
    assert failed.status(last.at_us) is ServerStatus.FAILED
    assert job.ended_us == 35 * SECOND


def test_the_log_has_the_raw_error_of_the_life(kernel: Kernel) -> None:
    job = Rig(kernel, fixed(failed_servers=1, raw_error="no such subnet")).start(["s-1"])
    assert [item.raw_error for item in job.log_items(1 << 62) if item.raw_error] == ["no such subnet"]


def test_a_failed_snapshot_is_replaced_by_the_previous_one(kernel: Kernel) -> None:
    job = Rig(kernel, fixed(snapshot_age="7m")).start(["s-1"])
    assert events(job, "s-1")[:4] == ["SNAPSHOT_START", "SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT", "CONVERSION_START"]
    assert job.servers[0].launches
    assert job.created_us - job.servers[0].data_us(job.created_us) == 420 * SECOND


def test_fields_of_few_lives_leave_what_others_draw(kernel: Kernel) -> None:
    plain, detailed = (
        Rig(kernel, JobLife.model_validate({"failed_servers": 1, "terminates": "1m..9m", **more})).start(["s-1", "s-2"])
        for more in ({}, {"snapshots": "1s..9s", "snapshot_age": "1m..9m"})
    )
    shown = [
        (job.job_id, job.ended_us, [(each.instance_id, each.ended_us, each.terminated_us) for each in job.servers])
        for job in (plain, detailed)
    ]
    assert shown[0] == shown[1]
    assert detailed.snapshots_us is not None


# --- terms ----------------------------------------------------------------------------------------------------


def test_a_second_launch_cleans_the_first_instance_up(kernel: Kernel) -> None:
    rig = Rig(kernel)
    first = rig.start(["s-1"])
    rig.at(40)
    second = rig.start(["s-1", "s-2"])
    rig.at(40.5)
    assert rig.drs.recovery_instances(EAST)["s-1"].launch is first.servers[0]
    rig.at(40.7)
    assert rig.drs.recovery_instances(EAST) == {}
    rig.at(100)
    shown = [(item.event, item.source_server_id) for item in rig.drs.log_items(second)][1:4]
    assert shown == [("CLEANUP_START", "s-1"), ("CLEANUP_END", "s-1"), ("SNAPSHOT_START", "s-1")]
    assert "CLEANUP_START" not in [item.event for item in rig.drs.log_items(first)]
    found = {server.instance_id: gone_us for server, _, gone_us in rig.drs.instances(EAST)}
    assert found[first.servers[0].instance_id] == 40_700_000
    assert min(found[server.instance_id] for server in second.servers) > 1 << 60


@pytest.mark.parametrize("failed", [0, 1])
def test_the_job_waits_for_actions_that_are_not_optional(kernel: Kernel, failed: int) -> None:
    rig = Rig(kernel, fixed(action_time="10s", failed_actions=failed))
    rig.drs.add_servers(EAST, ["s-1"], rig.life)
    terms = {"s-1": LaunchTerms(actions=(ACTION, {**ACTION, "optional": True}))}
    job = rig.drs.start_recovery(EAST, ["s-1"], terms=terms)
    (server,) = job.servers
    # The last action fails, and is optional.
    assert (server.launched_us, server.ended_us, server.launches) == (35 * SECOND, 45 * SECOND, True)
    assert (job.ended_us, job.settled_us) == (45 * SECOND, 55 * SECOND)
    rig.at(36)
    assert rig.shown(job).servers[0].instance_id == server.instance_id
    assert rig.shown(job).servers[0].status is ServerStatus.IN_PROGRESS


# --- kinds ----------------------------------------------------------------------------------------------------


def one_server() -> ServerLife:
    return ServerLife("s-1", "i-00000001", 10 * SECOND, 20 * SECOND, launches=True, actions=())


@pytest.mark.parametrize("starter", InitiatedBy)
def test_a_job_can_have_each_starter(starter: InitiatedBy) -> None:
    job = DrsJob("drsjob-1", EAST, 0, SECOND, (one_server(),), initiated_by=starter)
    assert job.starter is starter
    assert job.makes_instances == (starter is not InitiatedBy.FAILBACK)


def test_the_starter_follows_from_the_call_by_default() -> None:
    jobs = [DrsJob("drsjob-1", EAST, 0, SECOND, (one_server(),), is_drill=is_drill) for is_drill in (True, False)]
    assert [job.starter for job in jobs] == ["START_DRILL", "START_RECOVERY"]


def test_failback_has_no_snapshot_and_a_converted_snapshot_no_launch() -> None:
    failback = DrsJob("drsjob-1", EAST, 0, SECOND, (one_server(),), initiated_by=InitiatedBy.FAILBACK)
    conversion = ["CONVERSION_START", "CONVERSION_END"]
    assert events(failback) == ["JOB_START", *conversion, "LAUNCH_START", "LAUNCH_END", "JOB_END"]
    kind, starter = JobKind.CREATE_CONVERTED_SNAPSHOT, InitiatedBy.TARGET_ACCOUNT
    converted = DrsJob("drsjob-2", EAST, 0, SECOND, (one_server(),), kind=kind, initiated_by=starter)
    assert events(converted) == ["JOB_START", *_STARTED, *conversion, "JOB_END"]
    assert not converted.makes_instances


def test_a_job_without_servers_ends_as_it_lingers() -> None:
    job = DrsJob("drsjob-1", EAST, 0, SECOND, (), lingers_us=9 * SECOND)
    assert (job.ended_us, events(job)) == (10 * SECOND, ["JOB_START", "JOB_END"])
    assert job.view(SECOND).status == "STARTED"
