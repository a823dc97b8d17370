"""DRS: which starts are refused, and what the API shows of jobs."""

from collections.abc import Sequence

import pytest

from drsim.orchestrator.model import JobScope
from drsim.simulator.events import JobStarted, StartRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.errors import ServiceError
from tests.simulator.drs import EAST, OTHER_ACCOUNT, SECOND, WEST, Rig, ids_of

# --- quotas --------------------------------------------------------------------------------------------------


def test_a_twenty_first_job_is_refused_until_one_of_the_twenty_has_ended(kernel: Kernel) -> None:
    rig = Rig(kernel)
    for number in range(20):
        rig.start(ids_of(1, f"job{number}"))
    assert rig.refusal(["late"]) == (
        "ServiceQuotaExceededException: the quota of 20 concurrent jobs in progress is reached"
    )
    rig.start(["late"], WEST)
    rig.start(["late"], OTHER_ACCOUNT)
    rig.at(34.999999)
    assert rig.refusal(["late"]).startswith("ServiceQuotaExceededException: ")
    rig.at(35)
    rig.start(["late"])


def test_a_job_of_more_than_a_hundred_servers_is_refused(kernel: Kernel) -> None:
    rig = Rig(kernel)
    assert rig.refusal(ids_of(101)) == (
        "ServiceQuotaExceededException: the quota of 100 servers in a single job is reached"
    )
    rig.start(ids_of(100))


def test_over_500_servers_in_all_jobs_are_refused_until_jobs_end(kernel: Kernel) -> None:
    rig = Rig(kernel)
    for number in range(5):
        rig.at(number)
        rig.start(ids_of(100, f"job{number}"))
    assert rig.refusal(["one more"]) == (
        "ServiceQuotaExceededException: the quota of 500 servers in all jobs is reached"
    )
    rig.start(["one more"], WEST)
    rig.at(35)
    rig.start(ids_of(100, "next"))
    assert rig.refusal(["one more"]).startswith("ServiceQuotaExceededException: ")


def test_call_with_a_server_in_an_open_job_is_refused(kernel: Kernel) -> None:
    rig = Rig(kernel)
    rig.start(["s-1", "s-2"])
    conflict = (
        "ConflictException: One or more of the Source Servers included in API call are currently being processed by "
        "a Job"
    )
    assert rig.refusal(["s-2", "s-3"]) == conflict
    rig.start(["s-3"])
    rig.start(["s-1", "s-2"], WEST)
    rig.start(["s-1", "s-2"], OTHER_ACCOUNT)
    rig.at(34.999999)
    assert rig.refusal(["s-1"]) == conflict
    rig.at(35)
    first = rig.start(["s-1"])
    rig.at(70)
    second = rig.start(["s-1"])
    assert first.job_id != second.job_id


def test_starts_and_refusals_are_traced_with_account_and_region(kernel: Kernel) -> None:
    rig = Rig(kernel, jobs_max=1)
    started, refused = list[JobStarted](), list[StartRefused]()
    rig.trace.listen(JobStarted, started.append)
    rig.trace.listen(StartRefused, refused.append)
    job = rig.start(["s-1", "s-2"])
    rig.at(1)
    rig.refusal(["s-1"])
    rig.refusal(["s-3"])
    (event,) = started
    assert event[:5] == (0, "111122223333", "us-east-1", job.job_id, 2)
    assert (event.started_us, event.settled_us) == (job.started_us, job.ended_us)
    assert event.lives == tuple((each.launching_us, each.ended_us, True, 0) for each in job.servers)
    assert str(event.record()[-1]).startswith(f"{job.servers[0].launching_us}:")
    assert refused == [
        (SECOND, "111122223333", "us-east-1", "ConflictException"),
        (SECOND, "111122223333", "us-east-1", "ServiceQuotaExceededException"),
    ]


# --- DescribeJobs --------------------------------------------------------------------------------------------


def described(rig: Rig, job_ids: Sequence[str], scope: JobScope = EAST) -> list[list[str]]:
    """The ids on each page, to the last page."""
    pages, token = list[list[str]](), None
    while True:
        jobs, token = rig.drs.describe_jobs(scope, job_ids, token)
        pages.append([job.job_id for job in jobs])
        if token is None:
            return pages


def test_describe_jobs_omits_unknown_jobs_and_those_of_other_scopes(kernel: Kernel) -> None:
    rig = Rig(kernel)
    job, elsewhere = rig.start(["s-1"]), rig.start(["s-1"], WEST)
    assert described(rig, ["drsjob-none", job.job_id, elsewhere.job_id]) == [[job.job_id]]
    assert described(rig, [elsewhere.job_id], WEST) == [[elsewhere.job_id]]
    assert described(rig, ["drsjob-none"], OTHER_ACCOUNT) == [[]]
    assert described(rig, []) == [[]]
    assert described(rig, [job.job_id, job.job_id]) == [[job.job_id]]


def test_a_token_that_drs_never_gave_is_refused(kernel: Kernel) -> None:
    rig = Rig(kernel)
    for token in ("", "-1", "nonsense"):
        with pytest.raises(ServiceError, match="ValidationException: nextToken must be one of an earlier answer, got "):
            rig.drs.describe_jobs(EAST, [], token)
    assert rig.drs.describe_jobs(EAST, [], "100") == ((), None)


def test_describe_jobs_gives_the_newest_job_first_in_pages_with_tokens(kernel: Kernel) -> None:
    rig = Rig(kernel, page_size=2)
    jobs = []
    for number in range(5):
        rig.at(number)
        jobs.append(rig.start([f"s-{number}"]).job_id)
    oldest, *_, newest = jobs
    assert described(rig, jobs) == [[newest, jobs[3]], [jobs[2], jobs[1]], [oldest]]
    assert described(rig, jobs[:4]) == [[jobs[3], jobs[2]], [jobs[1], oldest]]
    assert described(rig, jobs[:1]) == [[oldest]]


def test_describe_jobs_takes_a_thousand_ids_and_no_more(kernel: Kernel) -> None:
    rig = Rig(kernel)
    job = rig.start(["s-1"])
    assert described(rig, [job.job_id, *ids_of(999)]) == [[job.job_id]]
    with pytest.raises(ServiceError, match=r"^ValidationException: jobIDs holds at most 1000 ids, got 1001$") as caught:
        rig.drs.describe_jobs(EAST, [job.job_id, *ids_of(1000)])
    assert (caught.value.code, caught.value.retryable) == ("ValidationException", False)
