"""The bugs of the pair in examples/snake_mapping."""

from typing import Final

from tests.examples.bugs import EXAMPLES, Bug, Pair

PAIR: Final = Pair(
    folder=EXAMPLES / "snake_mapping",
    scenarios=EXAMPLES / "snake_mapping",
    shared="common",
    variables=(("POLLER_FUNCTION_NAME", "ExecutionPoller"),),
)

FINDER: Final = "finder/app.py"
POLLER: Final = "poller/app.py"
RECORDS: Final = "common/records.py"

BUGS: Final = (
    Bug(
        name="reads the first page only",
        file=FINDER,
        mended="""\
    pages = dynamodb.get_paginator("query").paginate(
        TableName=TABLE_NAME,
        IndexName=INDEX_NAME,
        KeyConditionExpression="#status = :running",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":running": {"S": RUNNING}},
    )
    return [plain(item) for page in pages for item in page["Items"]]
""",
        written="""\
    page = dynamodb.query(
        TableName=TABLE_NAME,
        IndexName=INDEX_NAME,
        KeyConditionExpression="#status = :running",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":running": {"S": RUNNING}},
    )
    return [plain(item) for item in page["Items"]]
""",
        scenario="partial",
        changes=("duration=6m", "table.page_bytes_max=1024"),
        caught_by="poll-cadence",
    ),
    Bug(
        name="compares seconds with milliseconds",
        file=FINDER,
        mended="looked_at = int(time.time() * 1000)",
        written="looked_at = int(time.time())",
        scenario="drill",
        changes=("duration=6m",),
        caught_by="readable",
    ),
    Bug(
        name="writes ended_at in seconds",
        file=POLLER,
        mended='":now": int(time.time() * 1000)}',
        written='":now": int(time.time())}',
        scenario="fault-throttled",
        caught_by="readable",
    ),
    Bug(
        name="polls again when Lambda delivers an event twice",
        file=POLLER,
        mended="""\
    if item.get("status") != RUNNING or not is_due(item, event["looked_at"]):
""",
        written="""\
    if item.get("status") != RUNNING:
""",
        scenario="fault-event-duplicated",
        changes=("duration=6m", "heal=4m"),
        caught_by="poll-cadence",
    ),
    Bug(
        name="keeps a session of an assumed role for ever",
        file=POLLER,
        mended="if client is None or time.time() > renew_at:",
        written="if client is None:",
        scenario="sessions.yaml",
        caught_by="poll-cadence",
        not_in_chaos="a session lasts an hour, and chaos 45 minutes",
    ),
    Bug(
        name="writes back all waves as it has read them",
        file=POLLER,
        mended="""\
    for number, (old, new) in enumerate(zip(before, waves, strict=True)):
        if new != old:
            save_wave(key, looked_at, number, old, new)
""",
        written="""\
    update(key, "waves = :waves", "last_polled_at = :mine", {":mine": looked_at, ":waves": waves})
""",
        scenario="drill",
        changes=("faults=[{fault: slow, operation: UpdateItem, nth: 1, delay: 30s}]",),
        caught_by="no-lost-update",
    ),
    Bug(
        name="replaces the servers by those of DRS's answer",
        file=POLLER,
        mended='server = servers.get(launch["sourceServerID"], {})',
        written="server = {}",
        scenario="drill",
        changes=("duration=4m",),
        caught_by="no-lost-update",
    ),
    Bug(
        name="takes failed servers for launched ones",
        file=POLLER,
        mended='LAUNCHED = {"LAUNCHED", "TERMINATED"}',
        written='LAUNCHED = {"LAUNCHED", "TERMINATED", "FAILED"}',
        scenario="partial",
        caught_by="completion-soundness",
    ),
    Bug(
        name="counts the listed waves instead of total_waves",
        file=POLLER,
        mended='if len(waves) >= item["total_waves"] and waves and statuses <= FINISHED:',
        written="if waves and statuses <= FINISHED:",
        scenario="drill",
        caught_by="completion-soundness",
    ),
    Bug(
        name="ends with a word that nothing else knows",
        file=POLLER,
        mended="""\
        return statuses.pop() if len(statuses) == 1 else "PARTIALLY_FAILED"
""",
        written="""\
        return statuses.pop() if len(statuses) == 1 else "PARTIAL"
""",
        scenario="partial",
        caught_by="readable",
    ),
    Bug(
        name="times out after 30 minutes without asking DRS",
        file=POLLER,
        mended="""\
    key, before = key_of(item), item["waves"]
""",
        written="""\
    key, before = key_of(item), item["waves"]
    if time.time() * 1000 - float(item["started_at"]) > TIMEOUT_MS:
        claim(item, looked_at)
        return finish(key, looked_at, before, "TIMED_OUT")
""",
        scenario="timeout-late",
        changes=("workload.0.executions=1", "workload.1.executions=1", "workload.2.executions=1"),
        caught_by="timeout-truth",
    ),
)
