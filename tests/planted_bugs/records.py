"""Records and announcements that are wrong: pollers and tables that show what DRS did not say.

Each docstring says how one comes to write it.
"""

from dataclasses import replace
from typing import Any

from drsim.orchestrator.decisions import Conclusion
from drsim.orchestrator.model import TERMINAL, Execution, ExecutionKey, ExecutionStatus, JobStatus, Wave, WaveStatus
from drsim.simulator.events import Announced
from tests.planted_bugs.conclusions import WrongPoller
from tests.planted_bugs.services import PollerTable


class _WavesPoller(WrongPoller):
    """A poller that writes each open wave otherwise."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        waves = tuple(wave if wave.finished else self.wave(wave) for wave in conclusion.waves)
        return replace(conclusion, waves=waves)

    def wave(self, wave: Wave) -> Wave:
        return wave


class StartsTooEarly(_WavesPoller):
    """A wave is IN_PROGRESS as soon as it has a job."""

    def wave(self, wave: Wave) -> Wave:
        return replace(wave, status=WaveStatus.IN_PROGRESS) if wave.job_status is JobStatus.PENDING else wave


class ListsServersTwice(_WavesPoller):
    """The servers of the answer are appended to those of the table."""

    def wave(self, wave: Wave) -> Wave:
        known = {server.source_server_id: server for server in wave.servers}
        return replace(wave, servers=(*known.values(), *known.values()))


class InventsInstances(_WavesPoller):
    """A placeholder until the instance is known."""

    def wave(self, wave: Wave) -> Wave:
        servers = tuple(replace(each, instance_id=each.instance_id or "i-unknown") for each in wave.servers)
        return replace(wave, servers=servers)


class SharesMessages(_WavesPoller):
    """The message of the environment's last wave is kept in a global."""

    _job_id = ""

    def wave(self, wave: Wave) -> Wave:
        message, self._job_id = f"after {self._job_id}" if self._job_id else None, wave.job_id or ""
        return replace(wave, message=message)


class DropsWavesAtTheTimeout(WrongPoller):
    """What timed out has no result, so nothing is kept."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return replace(conclusion, waves=()) if conclusion.status is ExecutionStatus.TIMEOUT else conclusion


class KnowsNothingAtTheTimeout(WrongPoller):
    """At the timeout each open wave is UNKNOWN, whatever DRS has just said."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        if conclusion.status is not ExecutionStatus.TIMEOUT:
            return conclusion
        waves = [wave if wave.finished else replace(wave, status=WaveStatus.UNKNOWN) for wave in conclusion.waves]
        return replace(conclusion, waves=tuple(waves))


class TableWithTextEndTime(PollerTable):
    """EndTime by isoformat(), because `datetime` cannot be written."""

    def change(self, key: ExecutionKey, attributes: dict[str, Any]) -> dict[str, Any]:
        return {**attributes, "EndTime": f"at {attributes['EndTime']}"} if "EndTime" in attributes else attributes


class TableThatAnnouncesFirst(PollerTable):
    """The end is announced as it is decided, before the write that may fail."""

    def update(self, key: ExecutionKey, new: Any, *, writer: str, request_id: str = "", **keywords: Any) -> None:
        if request_id and new.get("Status") in TERMINAL:
            self.announce(key, new["Status"], writer, request_id)
        super().update(key, new, writer=writer, request_id=request_id, **keywords)

    def announce(self, key: ExecutionKey, status: str, writer: str, request_id: str) -> None:
        now_us, channel = self._kernel.now_us, "PutEvents default"
        self._trace.emit(Announced(now_us, request_id, writer, key.execution_id, channel, status))


class TableThatAnnouncesTwice(TableThatAnnouncesFirst):
    """A second announcement, in case the first one is lost."""

    def update(self, key: ExecutionKey, new: Any, *, writer: str, request_id: str = "", **keywords: Any) -> None:
        PollerTable.update(self, key, new, writer=writer, request_id=request_id, **keywords)
        for _ in range(2):
            if request_id and new.get("Status") in TERMINAL:
                self.announce(key, new["Status"], writer, request_id)
