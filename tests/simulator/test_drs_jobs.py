"""DRS's jobs: how one lives, and the log that it leaves."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from drsim.orchestrator.model import ActionStatus, JobStatus, ServerStatus
from drsim.simulator.durations import duration_us
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.drs_log import LogItem
from drsim.simulator.services.spec import JobLife
from tests.simulator.drs import SECOND, WEST, Rig, fixed, ids_of

# --- a job's life --------------------------------------------------------------------------------------------


def test_job_and_servers_pass_through_their_statuses(
    kernel: Kernel,
) -> None:
    rig = Rig(kernel)
    job = rig.start(["s-1", "s-2"])
    log = []
    for seconds in (0, 9.999999, 10, 14.999999, 15, 34.999999, 35, 1000):
        rig.at(seconds)
        shown = rig.shown(job)
        log.append((seconds, f"{shown.status}: " + " ".join(server.status for server in shown.servers)))
    assert log == [
        (0, "PENDING: PENDING PENDING"),
        (9.999999, "PENDING: PENDING PENDING"),
        (10, "STARTED: PENDING PENDING"),
        (14.999999, "STARTED: PENDING PENDING"),
        (15, "STARTED: IN_PROGRESS IN_PROGRESS"),
        (34.999999, "STARTED: IN_PROGRESS IN_PROGRESS"),
        (35, "COMPLETED: LAUNCHED LAUNCHED"),
        (1000, "COMPLETED: LAUNCHED LAUNCHED"),
    ]


def test_a_job_whose_servers_failed_is_completed_all_the_same(kernel: Kernel) -> None:
    rig = Rig(kernel)
    some = rig.start(ids_of(3, "some"), life=fixed(failed_servers=1))
    all_of_them = rig.start(ids_of(2, "all"), life=fixed(failed_servers=9))
    rig.at(35)
    statuses = sorted(server.status for server in rig.shown(some).servers)
    assert (rig.shown(some).status, statuses) == (JobStatus.COMPLETED, ["FAILED", "LAUNCHED", "LAUNCHED"])
    assert [server.status for server in rig.shown(all_of_them).servers] == [ServerStatus.FAILED] * 2
    assert rig.shown(all_of_them).status is JobStatus.COMPLETED


def test_job_ends_with_its_last_server_and_then_omits_instances(kernel: Kernel) -> None:
    rig = Rig(kernel)
    job = rig.start(ids_of(5), life=fixed(in_progress="20s..60s", failed_servers=1))
    ends = sorted(server.ended_us for server in job.servers)
    assert job.ended_us == ends[-1] > ends[0]
    for now_us in ends[:-1]:
        kernel.run(until_us=now_us)
        shown = rig.shown(job)
        assert shown.status is JobStatus.STARTED
        for server, life in zip(shown.servers, job.servers, strict=True):
            assert server.instance_id == (life.instance_id if server.status is ServerStatus.LAUNCHED else None)
    kernel.run(until_us=ends[-1])
    assert rig.shown(job).status is JobStatus.COMPLETED
    assert [server.instance_id for server in rig.shown(job).servers] == [None] * 5


def test_launch_actions_run_in_sequence_and_the_last_ones_fail(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(actions=3, action_time="10s", failed_actions=1))
    job = rig.start(["s-1"])
    running, done, failed = ActionStatus.IN_PROGRESS, ActionStatus.SUCCEEDED, ActionStatus.FAILED
    log = []
    for seconds in (34.999999, 35, 44.999999, 45, 55, 64.999999, 65):
        rig.at(seconds)
        log.append((seconds, rig.shown(job).servers[0].actions))
    assert log == [
        (34.999999, ()),
        (35, (running,)),
        (44.999999, (running,)),
        (45, (done, running)),
        (55, (done, done, running)),
        (64.999999, (done, done, running)),
        (65, (done, done, failed)),
    ]
    assert (job.ended_us, job.settled_us) == (35 * SECOND, 65 * SECOND)


def test_a_server_that_fails_runs_no_launch_actions(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(actions=2, failed_servers=1))
    job = rig.start(["s-1"])
    rig.at(500)
    assert rig.shown(job).servers[0].actions == ()
    assert job.settled_us == job.ended_us


def test_a_job_that_hangs_stays_in_progress_and_holds_its_servers(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(hangs=True, actions=2))
    job = rig.start(["s-1"])
    kernel.run(until_us=duration_us("300d"))
    assert (rig.shown(job).status, rig.shown(job).servers[0].status) == (JobStatus.STARTED, ServerStatus.IN_PROGRESS)
    assert job.servers[0].actions == ()
    assert rig.refusal(["s-1"]).startswith("ConflictException: ")


def test_server_still_pending_when_its_job_ends_never_launches(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(pending_servers=1, failed_servers=1, actions=1))
    job = rig.start(ids_of(3))
    (left,) = (server for server in job.servers if server.status(20 * SECOND) is ServerStatus.PENDING)
    rig.at(35)
    assert rig.shown(job).status is JobStatus.COMPLETED
    assert sorted(server.status for server in rig.shown(job).servers) == ["FAILED", "LAUNCHED", "PENDING"]
    assert (left.launches, left.actions) == (False, ())
    events = [item.event for item in job.log_items(100 * SECOND) if item.source_server_id == left.source_server_id]
    assert events == ["SNAPSHOT_START", "SNAPSHOT_END"]
    assert rig.drs.recovery_instances(job.scope).keys().isdisjoint({left.source_server_id})


def test_job_of_which_no_server_begins_ends_all_the_same(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(pending_servers=9))
    job = rig.start(ids_of(2))
    rig.at(35)
    assert rig.shown(job).status is JobStatus.COMPLETED
    assert [server.status for server in rig.shown(job).servers] == [ServerStatus.PENDING] * 2
    assert job.log_items(100 * SECOND)[-1] == LogItem(35 * SECOND + 26_000, "JOB_END")


def test_job_that_lingers_is_started_while_all_its_servers_run(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(lingers="3m"))
    job = rig.start(ids_of(2))
    for seconds, status in ((35, JobStatus.STARTED), (214.999999, JobStatus.STARTED), (215, JobStatus.COMPLETED)):
        rig.at(seconds)
        assert rig.shown(job).status is status
        assert [server.status for server in rig.shown(job).servers] == [ServerStatus.LAUNCHED] * 2
        assert [server.instance_id is None for server in rig.shown(job).servers] == [seconds == 215] * 2


def test_instances_are_terminated_some_time_after_their_jobs_end(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(terminates="60s", lingers="5s", failed_servers=1))
    job = rig.start(ids_of(2))
    log = []
    for seconds in (35, 99.999999, 100):
        rig.at(seconds)
        statuses = sorted(server.status for server in rig.shown(job).servers)
        log.append((seconds, *statuses, len(rig.drs.recovery_instances(job.scope))))
    assert log == [
        (35, "FAILED", "LAUNCHED", 1),
        (99.999999, "FAILED", "LAUNCHED", 1),
        (100, "FAILED", "TERMINATED", 0),
    ]
    assert [server.launches for server in job.servers].count(True) == 1


def test_instance_may_be_gone_while_a_termination_job_of_it_runs(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(terminates="30s"))
    job = rig.start(["s-1"])
    rig.at(40)
    end = rig.drs.terminate_instances(job.scope, [job.servers[0].instance_id])
    rig.at(70)
    assert rig.drs.recovery_instances(job.scope) == {}
    rig.at(100)
    assert rig.shown(end).servers[0].status is ServerStatus.TERMINATED


lives = st.builds(
    lambda servers, failed, pending, actions, failed_actions, hangs, lingers, terminates: (
        servers,
        JobLife.model_validate(
            {
                "pending": "1s..20s",
                "started": "0s..5s",
                "in_progress": "1s..30s",
                "failed_servers": failed,
                "pending_servers": pending,
                "actions": actions,
                "action_time": "1s..9s",
                "failed_actions": failed_actions,
                "hangs": hangs,
                "lingers": lingers,
                "terminates": terminates,
            }
        ),
    ),
    st.integers(1, 4),
    st.integers(0, 5),
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(0, 4),
    st.booleans(),
    st.sampled_from(["0s", "1s..40s"]),
    st.sampled_from([None, "0s", "1s..20s"]),
)


@given(st.integers(0, 1000), lives, st.lists(st.integers(0, 90 * SECOND), max_size=8))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_job_view_depends_on_the_instant_and_changes_as_listed(
    seed: int, life: tuple[int, JobLife], instants: list[int]
) -> None:
    servers, spec = life
    kernel = Kernel(seed=seed)
    asked, untouched = (Rig(kernel, spec).start(ids_of(servers)) for _ in range(2))
    for at_us in instants:
        asked.view(at_us)
    ordered = sorted(instants)
    for at_us in ordered:
        assert asked.view(at_us) == untouched.view(at_us)
        assert asked.view(at_us).status is untouched.status(at_us)
    for before_us, after_us in pairwise(ordered):
        if not asked.changes_between(before_us, after_us):
            assert asked.view(before_us) == asked.view(after_us)
    for change_us in asked.changes_between(0, 200 * SECOND):
        assert untouched.view(change_us - 1) != untouched.view(change_us) or change_us == 0


def test_job_view_is_one_object_between_changes_but_not_after_the_end(
    kernel: Kernel,
) -> None:
    job = Rig(kernel).start(["s-1"])
    assert job.view(15 * SECOND) is job.view(34 * SECOND)
    assert job.view(35 * SECOND) == job.view(36 * SECOND)
    assert job.view(35 * SECOND) is not job.view(36 * SECOND)


def test_changes_between_two_instants_exclude_the_first_instant(kernel: Kernel) -> None:
    job = Rig(kernel).start(["s-1"])
    assert job.changes_between(0, 100 * SECOND) == [10 * SECOND, 15 * SECOND, 35 * SECOND]
    assert job.changes_between(10 * SECOND, 15 * SECOND) == [15 * SECOND]
    assert job.changes_between(10 * SECOND, 14 * SECOND) == []


def test_the_same_seed_gives_the_same_life_and_another_seed_another() -> None:
    def drawn(seed: int) -> tuple[str, int, tuple[str, ...]]:
        job = Rig(Kernel(seed=seed), JobLife()).start(ids_of(2))
        return job.job_id, job.ended_us, tuple(server.instance_id for server in job.servers)

    assert drawn(7) == drawn(7)
    assert all(one != other for one, other in zip(drawn(7), drawn(8), strict=True))


def test_what_else_the_account_runs_does_not_change_how_a_job_lives(kernel: Kernel) -> None:
    alone = Rig(kernel, JobLife()).start(ids_of(3))
    busy = Rig(kernel, JobLife())
    busy.start(ids_of(3), WEST)
    for number in range(5):
        busy.start(ids_of(2, f"other{number}"))
    beside = busy.start(ids_of(3))
    assert (beside.servers, beside.started_us, beside.ended_us) == (alone.servers, alone.started_us, alone.ended_us)
    assert busy.drs.job(WEST, beside.job_id) is None


def test_ids_have_the_forms_that_drs_gives(kernel: Kernel) -> None:
    rig = Rig(kernel)
    jobs = [rig.start(ids_of(2, f"n{number}")) for number in range(5)]
    assert len({job.job_id for job in jobs}) == 5
    for job in jobs:
        prefix, _, digits = job.job_id.partition("-")
        assert (prefix, len(digits)) == ("drsjob", 17)
        assert int(digits, 16) >= 0
        for server in job.servers:
            assert (server.instance_id[:2], len(server.instance_id)) == ("i-", 19)
            assert int(server.instance_id[2:], 16) >= 0


# --- the job's log -------------------------------------------------------------------------------------------


def test_log_items_have_the_order_of_real_jobs_and_no_future_ones(kernel: Kernel) -> None:
    rig = Rig(kernel, fixed(failed_servers=1))
    rig.at(100)
    job = rig.start(["s-1", "s-2"])
    failed = next(server.source_server_id for server in job.servers if not server.launches)
    ends = {name: "LAUNCH_FAILED" if name == failed else "LAUNCH_END" for name in ("s-1", "s-2")}
    assert job.log_items(100 * SECOND) == ()
    whole = job.log_items(1000 * SECOND)
    assert [item._replace(at_us=item.at_us - 100 * SECOND, raw_error="") for item in whole] == [
        LogItem(300_000, "JOB_START"),
        LogItem(800_000, "SNAPSHOT_START", "s-1"),
        LogItem(800_000, "SNAPSHOT_END", "s-1"),
        LogItem(800_001, "SNAPSHOT_START", "s-2"),
        LogItem(800_001, "SNAPSHOT_END", "s-2"),
        LogItem(3_000_000, "CONVERSION_START", "s-1"),
        LogItem(3_000_000, "CONVERSION_START", "s-2"),
        LogItem(15_000_000, "CONVERSION_END", "s-1"),
        LogItem(15_000_000, "LAUNCH_START", "s-1"),
        LogItem(15_000_000, "CONVERSION_END", "s-2"),
        LogItem(15_000_000, "LAUNCH_START", "s-2"),
        LogItem(35_000_000, ends["s-1"], "s-1"),
        LogItem(35_000_000, ends["s-2"], "s-2"),
        LogItem(35_026_000, "JOB_END"),
    ]
    for count, item in enumerate(whole):
        assert job.log_items(item.at_us)[: count + 1] == whole[: count + 1]
        assert item not in job.log_items(item.at_us - 1)


def test_log_items_keep_their_order_in_a_life_that_is_over_at_once(kernel: Kernel) -> None:
    short = {"pending": "0s", "started": "0s", "in_progress": "0s"}
    events = [item.event for item in Rig(kernel, fixed(**short)).start(["s-1"]).log_items(SECOND)]
    steps = ["SNAPSHOT_START", "SNAPSHOT_END", "CONVERSION_START", "CONVERSION_END", "LAUNCH_START", "LAUNCH_END"]
    assert events == ["JOB_START", *steps, "JOB_END"]
