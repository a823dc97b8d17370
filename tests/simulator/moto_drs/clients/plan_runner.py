"""Runs a recovery plan of waves as Step Functions does with `aws-sdk:drs:startRecovery`: start, wait, look, next wave.

A state is a dict that each step gets and returns, which a state machine would keep between its tasks.
"""

from typing import Any

LAUNCHED = {"LAUNCHED"}
ENDED = {"LAUNCHED", "FAILED", "TERMINATED"}

State = dict[str, Any]


def begin(waves: list[list[str]], *, is_drill: bool) -> State:
    return {"waves": waves, "wave": 0, "isDrill": is_drill, "jobs": [], "status": "RUNNING"}


def start_wave(drs: Any, state: State) -> State:
    """Start the current wave; a busy server or a full quota is tried again at the next tick."""
    servers = [{"sourceServerID": each} for each in state["waves"][state["wave"]]]
    try:
        job = drs.start_recovery(sourceServers=servers, isDrill=state["isDrill"], tags={"wave": f"{state['wave']}"})
    except (drs.exceptions.ConflictException, drs.exceptions.ServiceQuotaExceededException):
        return state
    return {**state, "jobs": [*state["jobs"], job["job"]["jobID"]]}


def look(drs: Any, state: State) -> State:
    """See how the current wave stands; a job that ended with a server that was not launched fails the plan."""
    (job,) = drs.describe_jobs(filters={"jobIDs": [state["jobs"][-1]]})["items"]
    statuses = {each["launchStatus"] for each in job["participatingServers"]}
    if job["status"] != "COMPLETED":
        return state
    if not statuses <= LAUNCHED:
        return {**state, "status": "FAILED"}
    is_last = state["wave"] + 1 == len(state["waves"])
    return {**state, "status": "SUCCEEDED"} if is_last else {**state, "wave": state["wave"] + 1}


def tick(drs: Any, state: State) -> State:
    """One turn of the state machine's loop."""
    if state["status"] != "RUNNING":
        return state
    return look(drs, state) if len(state["jobs"]) > state["wave"] else start_wave(drs, state)
