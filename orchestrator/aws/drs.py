"""`RecoveryJobs` over DRS. A field that DRS leaves out counts as not yet known.

An unknown status raises MalformedError, since any guess could end the execution falsely: the poll fails visibly.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..errors import MalformedError
from ..model import ActionStatus, Job, JobScope, JobStatus, ServerLaunch, ServerStatus
from ..ports import JobsPage
from .errors import AWS_ERRORS, port_error

if TYPE_CHECKING:
    from mypy_boto3_drs import DrsClient
    from mypy_boto3_drs.type_defs import JobTypeDef, ParticipatingServerTypeDef

_S = TypeVar("_S", bound=StrEnum)

# The pattern of job ids (botocore service model, drs 2020-02-26).
_JOB_ID: Final = re.compile("drsjob-[0-9a-zA-Z]{17}")
# DRS has no status NOT_STARTED.
_LAUNCH_STATUSES: Final = tuple(status for status in ServerStatus if status is not ServerStatus.NOT_STARTED)


class RegionalJobs:
    """The jobs of every account and Region, each asked through its client from `client_of`."""

    def __init__(self, client_of: "Callable[[JobScope], DrsClient]") -> None:
        self._client_of = client_of

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        """Call DescribeJobs with a filter of job ids. Raises MalformedError for an unknown status."""
        # DRS and botocore refuse the whole request if one text cannot be an id. DRS knows no such job, so it is left
        # out. A filter without an id would return every job.
        possible = [job_id for job_id in job_ids if _JOB_ID.fullmatch(job_id)]
        if not possible:
            return JobsPage(())
        further: dict[str, Any] = {} if token is None else {"nextToken": token}
        try:
            answer = self._client_of(scope).describe_jobs(filters={"jobIDs": possible}, **further)
        except AWS_ERRORS as error:
            raise port_error("DescribeJobs", error, f"account {scope.account_id}, {scope.region}") from error
        return JobsPage(tuple(map(_job, answer.get("items", ()))), answer.get("nextToken") or None)


def _job(job: "JobTypeDef") -> Job:
    job_id = job.get("jobID")
    if not job_id:
        raise MalformedError(f"DescribeJobs: jobID must be a text of at least one character, got {job_id!r}")
    where = f"DescribeJobs: job {job_id}"
    launches = [_launch(server, where) for server in job.get("participatingServers", ())]
    servers = tuple(launch for launch in launches if launch is not None)
    return Job(job_id, _one_of(JobStatus, job.get("status"), f"{where}: status"), servers)


def _launch(server: "ParticipatingServerTypeDef", where: str) -> ServerLaunch | None:
    """Return the server's launch; None without a status, for PENDING would mean that an ended job never launched it."""
    server_id = server.get("sourceServerID")
    if not server_id:
        raise MalformedError(f"{where}: sourceServerID must be a text of at least one character, got {server_id!r}")
    if "launchStatus" not in server:
        return None
    where = f"{where}: server {server_id}"
    runs = server.get("launchActionsStatus", {}).get("runs", ())
    return ServerLaunch(
        server_id,
        _one_of(_LAUNCH_STATUSES, server["launchStatus"], f"{where}: launchStatus"),
        server.get("recoveryInstanceID") or None,
        tuple(_one_of(ActionStatus, run["status"], f"{where}: run") if "status" in run else None for run in runs),
    )


def _one_of(words: Iterable[_S], value: object, where: str) -> _S:
    for word in words:
        if word == value:
            return word
    raise MalformedError(f"{where} must be one of {', '.join(words)}, got {value!r}")
