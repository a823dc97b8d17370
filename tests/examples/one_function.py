"""The bugs of the function in examples/one_function, which has both roles."""

from typing import Final

from tests.examples.bugs import EXAMPLES, Bug, Pair

APP: Final = "app.py"

PAIR: Final = Pair(
    folder=EXAMPLES / "one_function",
    scenarios=EXAMPLES / "one_function",
    finder=APP,
    poller=None,
    variables=(("EVENT_BUS", "executions"),),
)

BUGS: Final = (
    Bug(
        name="looks for POLLING only",
        file=APP,
        mended="        for status in OPEN:\n",
        written="        for status in OPEN[:1]:\n",
        scenario="usual.yaml",
        caught_by="poll-cadence",
    ),
    Bug(
        name="settles a cancelled execution while its jobs run",
        file=APP,
        mended="""\
        if not any(wave.get("JobId") for wave in still_open):
            return "CANCELLED"
""",
        written="""\
        return "CANCELLED"
""",
        scenario="usual.yaml",
        caught_by="completion-soundness",
    ),
    Bug(
        name="settles nothing that a person has cancelled",
        file=APP,
        mended="""\
    if item["Status"] == "CANCELLING":
        if not any(wave.get("JobId") for wave in still_open):
            return "CANCELLED"
    elif waves and not still_open and len(waves) >= item["TotalWaves"]:
""",
        written="""\
    if waves and not still_open and len(waves) >= item["TotalWaves"]:
""",
        scenario="usual.yaml",
        caught_by="completion-liveness",
    ),
    Bug(
        name="fails an execution only if each wave failed",
        file=APP,
        mended='return "FAILED" if any(wave["Status"] == "FAILED" for wave in waves) else "COMPLETED"',
        written='return "FAILED" if all(wave["Status"] == "FAILED" for wave in waves) else "COMPLETED"',
        scenario="partial",
        caught_by="completion-soundness",
    ),
    Bug(
        name="reads minutes as seconds",
        file=APP,
        mended='TIMEOUT = 60 * float(os.environ.get("TIMEOUT_MINUTES", "30"))',
        written='TIMEOUT = float(os.environ.get("TIMEOUT_MINUTES", "30"))',
        scenario="drill",
        changes=("duration=6m",),
        caught_by="timeout-truth",
    ),
    Bug(
        name="announces an end although its write was refused",
        file=APP,
        mended="""\
            logger.info("%s: another writer came first, trying again", execution_id)
            continue
""",
        written="""\
            logger.info("%s: another writer came first", execution_id)
""",
        scenario="fault-raced",
        changes=("heal=15m",),
        caught_by="announced-truly",
    ),
    Bug(
        name="writes without a condition",
        file=APP,
        mended="""\
        ConditionExpression=Attr("Status").eq(item["Status"]) & Attr("Version").eq(item["Version"]),
""",
        written="",
        scenario="fault-raced",
        caught_by="no-lost-update",
    ),
    Bug(
        name="forgets the instances when the job has ended",
        file=APP,
        mended="""\
        if "recoveryInstanceID" in launch:
            server["InstanceId"] = launch["recoveryInstanceID"]
""",
        written="""\
        server["InstanceId"] = launch.get("recoveryInstanceID")
""",
        scenario="drill",
        caught_by="no-lost-update",
    ),
    Bug(
        name="swallows the errors of DRS",
        file=APP,
        mended="""\
        for page in drs_client(region).get_paginator("describe_jobs").paginate(filters={"jobIDs": ids}):
            jobs.update({job["jobID"]: job for job in page["items"]})
    return jobs
""",
        written="""\
        try:
            for page in drs_client(region).get_paginator("describe_jobs").paginate(filters={"jobIDs": ids}):
                jobs.update({job["jobID"]: job for job in page["items"]})
        except ClientError:
            logger.exception("DRS does not answer")
    return jobs
""",
        scenario="timeout-stuck",
        changes=("faults=[{fault: denied, operation: DescribeJobs, after: 29m, before: 36m30s}]",),
        caught_by="timeout-truth",
    ),
    Bug(
        name="waits 450 seconds for a PENDING job",
        file=APP,
        mended="PENDING_INTERVAL, STARTED_INTERVAL, IN_PROGRESS_INTERVAL = 45, 15, 30",
        written="PENDING_INTERVAL, STARTED_INTERVAL, IN_PROGRESS_INTERVAL = 450, 15, 30",
        scenario="drill",
        changes=("duration=6m",),
        caught_by="poll-cadence",
    ),
)
