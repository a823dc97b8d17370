"""The bugs of the pair in examples/resource_iso."""

from typing import Final

from tests.examples.bugs import EXAMPLES, Bug, Pair

PAIR: Final = Pair(
    folder=EXAMPLES / "resource_iso",
    scenarios=EXAMPLES / "resource_iso",
    variables=(
        ("POLLER_FUNCTION_NAME", "ExecutionPoller"),
        ("TOPIC_ARN", "arn:aws:sns:us-east-1:777788889999:execution-ended"),
    ),
)

FINDER: Final = "finder/app.py"
POLLER: Final = "poller/app.py"

BUGS: Final = (
    Bug(
        name="a failed invoke ends the loop",
        file=FINDER,
        mended="""\
    try:
        lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=json.dumps(payload))
    except (BotoCoreError, ClientError):
        logger.exception("%s: cannot start its poller", item["executionId"])


def lambda_handler(event, context):
    looked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    with ThreadPoolExecutor(max_workers=10) as pool:
        for item in open_executions():
            pool.submit(start_poller, item, looked_at)
""",
        written="""\
    lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=json.dumps(payload))


def lambda_handler(event, context):
    looked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    for item in open_executions():
        start_poller(item, looked_at)
""",
        scenario="fault-throttled",
        changes=("duration=7m", "heal=6m", "faults=[{fault: denied, operation: Invoke, execution: first, after: 2m}]"),
        caught_by="no-starvation",
    ),
    Bug(
        name="polls whenever it is invoked",
        file=POLLER,
        mended="""\
        if item is None or item["status"] != "POLLING" or not is_due(item, datetime.fromisoformat(looked_at)):
""",
        written="""\
        if item is None or item["status"] != "POLLING":
""",
        scenario="fault-event-duplicated",
        changes=("duration=6m", "heal=4m"),
        caught_by="poll-cadence",
    ),
    Bug(
        name="asks DRS in the Region where it runs",
        file=POLLER,
        mended='return boto3.client("drs", region_name=region)',
        written='return boto3.client("drs")',
        scenario="recovery",
        changes=("duration=10m",),
        caught_by="isolation",
    ),
    Bug(
        name="keeps jobs of other executions in a default argument",
        file=POLLER,
        mended="""\
def ask_drs(waves):
    \"""Return the jobs of the unfinished waves by job id.\"""
    job_ids = {}
""",
        written="""\
def ask_drs(waves, job_ids={}):
    \"""Return the jobs of the unfinished waves by job id.\"""
""",
        scenario="partial",
        changes=("duration=6m",),
        caught_by="isolation",
    ),
    Bug(
        name="takes an answer without servers for a success",
        file=POLLER,
        mended="""\
    if left_out(wave, job) or not statuses:
        return "IN_PROGRESS"
    if statuses.isdisjoint(LAUNCHED):
""",
        written="""\
    statuses = {launch["launchStatus"] for launch in job.get("participatingServers", [])}
    if statuses and statuses.isdisjoint(LAUNCHED):
""",
        scenario="partial",
        changes=("faults=[{fault: servers-omitted, after: 19m, before: 23m}]",),
        caught_by="completion-soundness",
    ),
    Bug(
        name="ignores the launch actions of a recovery",
        file=POLLER,
        mended='runs = action_runs(job) if execution_type == "RECOVERY" else []',
        written="runs = []",
        scenario="recovery",
        caught_by="completion-soundness",
    ),
    Bug(
        name="gives up at once when DRS's answer is incomplete",
        file=POLLER,
        mended="if age > TIMEOUT + (PATIENCE if incomplete else timedelta(0)):",
        written="if age > TIMEOUT:",
        scenario="timeout-incomplete",
        caught_by="timeout-truth",
    ),
    Bug(
        name="publishes the end before it is written",
        file=POLLER,
        mended="""\
        try:
            save(item, waves, status, looked_at)
        except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
            logger.info("%s: another writer came first, trying again", execution_id)
            continue
        if status is not None:
            announce(item, status)
""",
        written="""\
        if status is not None:
            announce(item, status)
        try:
            save(item, waves, status, looked_at)
        except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
            logger.info("%s: another writer came first, trying again", execution_id)
            continue
""",
        scenario="fault-raced",
        changes=("heal=15m",),
        caught_by="announced-truly",
    ),
    Bug(
        name="raises no version",
        file=POLLER,
        mended='"version": item["version"] + 1}',
        written='"version": item["version"]}',
        scenario="drill",
        changes=("duration=4m",),
        caught_by="no-lost-update",
    ),
    Bug(
        name="drops the waves that have finished",
        file=POLLER,
        mended='changes = {"waves": waves,',
        written='changes = {"waves": unfinished(waves),',
        scenario="drill",
        caught_by="no-lost-update",
    ),
    Bug(
        name="writes lastPolledTime as a number",
        file=POLLER,
        mended='"lastPolledTime": looked_at,',
        written='"lastPolledTime": int(datetime.fromisoformat(looked_at).timestamp()),',
        scenario="drill",
        changes=("duration=6m",),
        caught_by="readable",
    ),
)
