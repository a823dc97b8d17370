"""Parts that kill the process that runs them, as an operating system does that is out of memory."""

import os
import signal
from pathlib import Path

from drsim.simulator.kernel import Kernel
from drsim.simulator.services.schedule import ScheduleRule
from drsim.simulator.world import Parts

ONCE = "DRSIM_TEST_DIES_ONCE"
"""The environment variable that names a file: the process that removes it dies."""


def _dies(*_: object, **__: object) -> ScheduleRule:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL cannot be survived")


def _dies_once(kernel: Kernel, *args: object, **kwargs: object) -> ScheduleRule:
    try:
        Path(os.environ[ONCE]).unlink()
    except FileNotFoundError:
        return ScheduleRule(kernel, *args, **kwargs)  # type: ignore[arg-type]
    return _dies()


ALWAYS = Parts(rule=_dies)
FIRST = Parts(rule=_dies_once)
