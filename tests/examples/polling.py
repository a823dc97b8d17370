"""The bugs of the pair in examples/polling; examples/polling_mended is the pair without them.

`python -m tests.examples.polling` writes examples/polling from polling_mended.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from tests.examples.bugs import EXAMPLES, Bug, Pair

WRITTEN: Final = EXAMPLES / "polling"
PAIR: Final = Pair(
    folder=EXAMPLES / "polling_mended",
    scenarios=WRITTEN,
    own="executions.yaml",
    shared="layer",
    variables=(("POLLER_FUNCTION_NAME", "ExecutionPoller"),),
)

FINDER: Final = "finder/app.py"
POLLER: Final = "poller/app.py"
LAYER: Final = "layer/executions.py"

BUGS: Final = (
    Bug(
        name="reads the first page only",
        file=FINDER,
        mended="""\
    items = []
    while True:
        page = TABLE.query(**query)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
""",
        written="""\
    return TABLE.query(**query)["Items"]
""",
        scenario="partial",
        changes=("duration=6m", "table.page_bytes_max=1024"),
        caught_by="poll-cadence",
        says="the first since it was due, observed not polled until the end",
    ),
    Bug(
        name="assumes that a wave has a jobStatus",
        file=LAYER,
        mended='wave.get("jobStatus", "PENDING")',
        written='wave["jobStatus"]',
        scenario="missing-job",
        changes=("duration=6m",),
        caught_by="poll-cadence",
        says="the first since it was due, observed not polled until the end",
    ),
    Bug(
        name="waits 60 s although ticks come every 60 s",
        file=LAYER,
        mended='INTERVALS = {"PENDING": 45, "STARTED": 15, "IN_PROGRESS": 30}',
        written='INTERVALS = {"PENDING": 60, "STARTED": 60, "IN_PROGRESS": 60}',
        scenario="drill",
        changes=("duration=6m",),
        caught_by="poll-cadence",
        says="the first since it was due",
    ),
    Bug(
        name="a failed invoke ends the loop",
        file=FINDER,
        mended="""\
def start_poller(item, now):
    payload = json.dumps({**key_of(item), "lookedAt": now})
    try:
        lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=payload)
    except (BotoCoreError, ClientError):
        logger.exception("cannot start the poller for %s", item["executionId"])
        return 0
    return 1


def start_pollers(items, now):
    with ThreadPoolExecutor(max_workers=10) as pool:
        return sum(pool.map(start_poller, items, [now] * len(items)))
""",
        written="""\
def start_pollers(items, now):
    for item in items:
        payload = json.dumps({**key_of(item), "lookedAt": now})
        lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=payload)
    return len(items)
""",
        scenario="blocked.yaml",
        caught_by="no-starvation",
        says="a poll within 150 s, observed none for",
    ),
    Bug(
        name="calls DRS only in the home Region",
        file=POLLER,
        mended="""\
        return boto3.client("drs", region_name=region), math.inf
""",
        written="""\
        return boto3.client("drs"), math.inf
""",
        scenario="recovery",
        changes=("accounts=1",),
        caught_by="isolation",
        says="DRS asked about each job in its own account and Region",
    ),
    Bug(
        name="keeps jobs of other executions in a default argument",
        file=POLLER,
        mended="""\
def jobs_by_place(item):
    places = {}
""",
        written="""\
def jobs_by_place(item, places={}):
""",
        scenario="partial",
        changes=("duration=6m",),
        caught_by="isolation",
        says="DRS asked about the execution's own jobs",
    ),
    Bug(
        name="assumes that a wave has a jobId",
        file=POLLER,
        mended="""\
        if wave.get("jobId"):
            places.setdefault((wave["accountId"], wave["region"]), []).append(wave["jobId"])
""",
        written="""\
        places.setdefault((wave["accountId"], wave["region"]), []).append(wave["jobId"])
""",
        scenario="missing-job",
        changes=("duration=6m",),
        caught_by="poll-cadence",
        says="the first since it was due, observed not polled until the end",
    ),
    Bug(
        name="calls DRS once per job",
        file=POLLER,
        mended="""\
        for page in drs.get_paginator("describe_jobs").paginate(filters={"jobIDs": job_ids}):
            jobs.update({job["jobID"]: job for job in page["items"]})
""",
        written="""\
        for job_id in job_ids:
            for job in drs.describe_jobs(filters={"jobIDs": [job_id]})["items"]:
                jobs[job["jobID"]] = job
""",
        scenario="partial",
        changes=("duration=6m",),
        caught_by="budgets",
        says="at most 1 DescribeJobs call of a poll",
    ),
    Bug(
        name="replaces the servers by those of DRS's answer",
        file=POLLER,
        mended="""\
    launches = {server["sourceServerID"]: server for server in job.get("participatingServers", [])}
    known = {server["sourceServerId"] for server in wave["servers"]}
    servers = []
    for server in [*wave["servers"], *({"sourceServerId": each} for each in launches if each not in known)]:
        launch = launches.get(server["sourceServerId"])
        if launch is not None:
            server = {**server, "status": launch["launchStatus"]}
            if "recoveryInstanceID" in launch:
                server["instanceId"] = launch["recoveryInstanceID"]
        servers.append(server)
    return servers
""",
        written="""\
    return [
        {
            "sourceServerId": server["sourceServerID"],
            "status": server["launchStatus"],
            "instanceId": server.get("recoveryInstanceID"),
        }
        for server in job["participatingServers"]
    ]
""",
        scenario="drill",
        changes=("duration=6m",),
        caught_by="no-lost-update",
        says="ExecutionPoller dropped `Hostname` of server",
    ),
    Bug(
        name="completes a wave with its job, even if servers failed",
        file=POLLER,
        mended="""\
    statuses = [server["status"] for server in wave["servers"]]
    if left_out(wave, job) or not statuses:
        return "IN_PROGRESS"
    launched = sum(status in LAUNCHED for status in statuses)
    if launched == 0:
        return "FAILED"
    if launched < len(statuses):
        status = "PARTIAL"
""",
        written="",
        scenario="partial",
        caught_by="completion-soundness",
        says="by DRS's truth, observed COMPLETED",
    ),
    Bug(
        name="ignores the launch actions of a recovery",
        file=POLLER,
        mended="""\
    if execution_type == "RECOVERY":
        runs = action_runs(job)
        if "IN_PROGRESS" in runs and not overdue:
            return "IN_PROGRESS"
        if set(runs) - {"SUCCEEDED"}:
            status = "PARTIAL"
""",
        written="",
        scenario="recovery",
        caught_by="completion-soundness",
        says="unfinished by DRS's truth, observed COMPLETED",
    ),
    Bug(
        name="writes the job's PENDING over the wave's LAUNCHING",
        file=POLLER,
        mended='WAVE_STATUS = {"PENDING": "LAUNCHING", "STARTED": "IN_PROGRESS"}',
        written='WAVE_STATUS = {"PENDING": "PENDING", "STARTED": "IN_PROGRESS"}',
        scenario="drill",
        changes=("duration=6m",),
        caught_by="status-order",
        says="to PENDING by ExecutionPoller",
    ),
    Bug(
        name="counts the listed waves instead of totalWaves",
        file=POLLER,
        mended="""\
    if len(waves) < item["totalWaves"]:
        return None
""",
        written="",
        scenario="drill",
        caught_by="completion-soundness",
        says="unfinished, as its waves, observed COMPLETED",
    ),
    Bug(
        name="does not know that a wave may be PARTIAL",
        file=LAYER,
        mended='FINISHED = ("COMPLETED", "PARTIAL", "FAILED")',
        written='FINISHED = ("COMPLETED", "FAILED")',
        scenario="partial",
        caught_by="timeout-truth",
        says="PARTIAL, for every job had ended, observed TIMEOUT",
    ),
    Bug(
        name="times out after 30 minutes without asking DRS",
        file=POLLER,
        mended="""\
    jobs = ask_drs(item, own_account)
    overdue = time.time() - float(item["startTime"]) > TIMEOUT
""",
        written="""\
    overdue = time.time() - float(item["startTime"]) > TIMEOUT
    if overdue:
        return [given_up(wave) for wave in item["waves"]], "TIMEOUT"
    jobs = ask_drs(item, own_account)
""",
        scenario="timeout-late",
        changes=("workload.0.executions=1", "workload.1.executions=1", "workload.2.executions=1"),
        caught_by="timeout-truth",
        says="COMPLETED, for every job had ended, observed TIMEOUT",
    ),
    Bug(
        name="fails a wave whose job DRS does not name",
        file=POLLER,
        mended="""\
            logger.warning("%s: DRS knows no job of %s", item["executionId"], wave.get("waveName"))
""",
        written="""\
            wave = {**wave, "status": "FAILED"}
""",
        scenario="fault-job-vanished",
        caught_by="completion-soundness",
        says="unfinished by DRS's truth, observed FAILED",
    ),
    Bug(
        name="writes endTime in milliseconds",
        file=POLLER,
        mended='":end": int(time.time())}',
        written='":end": int(time.time() * 1000)}',
        scenario="drill",
        caught_by="readable",
        says="milliseconds instead of seconds?",
    ),
    Bug(
        name="overwrites waves that another writer changed meanwhile",
        file=POLLER,
        mended="""\
        ConditionExpression=Attr("status").eq("POLLING") & Attr("version").eq(item["version"]),
""",
        written="",
        scenario="fault-raced",
        caught_by="no-lost-update",
        says="by ExecutionPoller",
    ),
    Bug(
        name="polls again when Lambda delivers an event twice",
        file=POLLER,
        mended="""\
        if not is_due(item, event["lookedAt"]):
            print(f"{event['executionId']} has been polled since it was due")
            return None
""",
        written="",
        scenario="fault-event-duplicated",
        caught_by="poll-cadence",
        says="between polls",
    ),
)


def main() -> None:
    """Write the functions in examples/polling. Its scenarios are unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PAIR.with_bugs(BUGS, Path(folder) / "pair"), WRITTEN, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
