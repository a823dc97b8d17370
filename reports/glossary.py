"""The words of a report that its readers may not know, and what they mean.

`page.js` explains each at its first place in a page, on hover and focus; the page's last section lists all.
"""

from collections.abc import Mapping
from typing import Final

from drsim.orchestrator.model import ExecutionStatus

GLOSSARY: Final[Mapping[str, str]] = {
    "tick": "One firing of the EventBridge rule, which starts ExecutionFinder.",
    "look": "One query of ExecutionFinder for executions that are being watched. A tick has one or more looks.",
    "due": "An execution is due when the interval of its phase has passed since its last poll.",
    "poll": "One run of ExecutionPoller that asks DRS about one execution and writes what it learns to the table.",
    "cadence": "The time between two polls of an execution: as configured, and in effect, which looks may lengthen.",
    "staleness": "How long the table shows an old state after DRS has a new one.",
    "truth": "What DRS itself knows about its jobs, which the simulator can see at each instant.",
    "wave": "A group of servers that an execution recovers together, with one DRS job.",
    str(ExecutionStatus.POLLING): "The status of an execution that has begun and whose DRS jobs are still watched.",
    "p99": "The value that 99 of 100 values do not exceed. Likewise p50, the middle value, and p95.",
    "virtual time": "The simulator's clock. It moves from event to event, so that hours pass within seconds.",
    "tier": "How the functions are connected to the simulated AWS: fast, client (boto3) or wire (HTTP requests).",
    "seed": "The number that all random choices of a run follow from. The same seed gives the same run.",
    "digest": "A SHA-256 hash of the run's trace. Two runs with the same digest had the same events.",
    "property": "A rule that must hold at each instant of a run, such as: no finished execution is modified.",
    "criterion": "A condition that the run as a whole is judged by, with a threshold.",
}
