"""The contracts that come with drsim: `ours`, and `plain`, the least that any poller keeps."""

from collections.abc import Mapping
from typing import Any, Final

from drsim.orchestrator.model import Phase
from drsim.orchestrator.settings import SETTING_NAMES
from drsim.simulator.contract.model import Contract

_SECONDS: Final = {
    "TIMEOUT_SECONDS": "timeout",
    "PENDING_INTERVAL_SECONDS": f"intervals.{Phase.PENDING}",
    "STARTED_INTERVAL_SECONDS": f"intervals.{Phase.STARTED}",
    "IN_PROGRESS_INTERVAL_SECONDS": f"intervals.{Phase.IN_PROGRESS}",
    "DUE_SLACK_SECONDS": "slack",
    "INCOMPLETE_ANSWER_SECONDS": "incomplete_answers",
    "SWEEPS_PER_INVOCATION": "looks",
    "DEADLINE_RESERVE_SECONDS": "reserve",
    "SAVE_ATTEMPTS_MAX": "retries",
}

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {},
    "ours": {
        "name": "ours",
        "limits": {
            "timeout": "30m",
            "intervals": {"PENDING": "45s", "STARTED": "15s", "IN_PROGRESS": "30s"},
            "looks": 1,
            "slack": "1s",
            "incomplete_answers": "5m",
            "retries": 5,
            "finder": {"timeout": "60s", "memory_mb": 256},
            "poller": {"timeout": "300s", "memory_mb": 256},
            "describe_calls": 1,
            "reserve": "3s",
            "variables": {name: {"limit": limit} for name, limit in _SECONDS.items() if name in SETTING_NAMES},
        },
        "promises": {
            "versioned": True,
            "partial": True,
            "launch_actions": True,
            "job_status": True,
            "instances": True,
            "cross_account": True,
            "one_describe": True,
            "decides_due": "finder",
            "from_look": True,
            "once": True,
            "wave_timeout": True,
        },
    },
}

OUR_CONTRACT: Final = Contract.model_validate(PRESETS["ours"])


def preset(name: str, **changes: object) -> Contract:
    """Return a contract that comes with drsim, such as `plain` in another style."""
    return Contract.model_validate({**PRESETS[name], **changes})


def completed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contract's data with what the one that it `extends` adds. Raises ValueError for an unknown name."""
    own = {field: value for field, value in given.items() if field != "extends"}
    name = given.get("extends", "plain")
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"extends must be one of {', '.join(PRESETS)}, got {name!r}")
    base = PRESETS[name]
    both = {field for field in base.keys() & own.keys() if isinstance(own[field], Mapping) and field != "name"}
    return {**base, **own, **{field: {**base[field], **own[field]} for field in both}}
