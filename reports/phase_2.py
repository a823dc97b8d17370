"""What the hand-written report of the Phase 2 test of 2025-11-28 says, to be shown beside a run's own figures.

It was measured on AWS with three synthetic executions; nothing here is a figure of a run. Values for figures of a run
stand in the table of figures.
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "finder_memory": "256 MB",
    "finder_timeout": "60s",
    "poller_memory": "256 MB",
    "poller_timeout": "300s",
    "schedule": "rate(1 minute)",
    "executions": "3 executions in POLLING",
    "ticks": "30",
    "missed": "0",
    "memory": "90 MB",
    "query": "5-21 ms",
    "query_mean": "12 ms",
    "query_p99": "p99 < 25 ms, max 21 ms",
    "poller_memory_used": "89-90 MB",
    "update_waves": "60-106 ms",
    "update_polled": "< 10 ms",
    "operations": "~30",
    "finder_lines": "~30 in 30 min",
    "finder_log_size": "< 1 MB",
    "poller_lines": "~90 in 30 min",
    "poller_log_size": "< 2 MB",
}
"""Texts by the name that templates use, for which a run has no figure of its own."""

CRITERIA: Final[Mapping[str, str]] = {
    "EventBridge triggers every 60s": "30 perfect intervals observed",
    "StatusIndex GSI queries work": "30 successful queries, 5-21ms",
    "Adaptive polling intervals": "PENDING=45s, STARTED=15s detected",
    "Parallel poller invocations": "3 concurrent pollers successful",
    "DynamoDB updates successful": "All waves updated every poll",
    "CloudWatch logs comprehensive": "Detailed logs for troubleshooting",
    "Performance <100ms queries": "Avg 12ms, Max 21ms",
    "No errors or failures": "0 errors in 30-minute test",
    "IAM permissions correct": "No permission errors",
    "Graceful error handling": "Missing JobIds handled correctly",
}
"""The evidence that the report gives for each of its ten criteria, all of which it calls passed."""
