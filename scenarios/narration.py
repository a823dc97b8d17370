"""The events of a run as lines that an engineer reads: what functions looked at, asked, wrote and logged.

Owns the words of a line and which events have one. `explanation` selects and folds lines.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from drsim.orchestrator.model import TERMINAL, ActionStatus, ExecutionType, JobScope
from drsim.scenarios import changes
from drsim.simulator import events
from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.durations import NEVER_US, plural, show_duration
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.world import World

_JOBS_MAX: Final = 3
_LOGS_MAX: Final = 5
_MESSAGE_MAX: Final = 200


class Line(NamedTuple):
    """One line of a story.

    `kind` is "write", "fault", "trouble", "drs", "look", "call", "log", or "more" for omitted lines.
    """

    at_us: int
    text: str
    kind: str = "write"


@dataclass(slots=True)
class _ShownLook:
    """One look of the finder, with the words that its queries asked for, and the line where it invoked pollers."""

    at_us: int
    place: str
    words: set[str]
    items_count: int = 0
    pages_count: int = 0
    # Whether the execution owes a poll; always without one.
    is_open: bool = True
    invoked_count: int = 0
    invoked_at: str = ""


@dataclass(slots=True)
class _Followed:
    """An execution: its last view, whether it owes polls, its end, and its waves with their names by job id."""

    execution: ExecutionView
    is_open: bool = False
    ended_us: int = NEVER_US
    jobs: dict[str, tuple[ExecutionView, WaveView, str]] = field(default_factory=dict)


class Narrator:
    """The lines of one run about the `concerned` execution, or about all if that is "". Listens from the start."""

    def __init__(self, world: World, concerned: str) -> None:
        self._world = world
        self._concerned = concerned
        self._lines: list[Line] = []
        self._requests: set[str] = set()
        self._looks: dict[str, _ShownLook] = {}
        self._followed: dict[str, _Followed] = {}
        self._others_jobs: set[str] = set()
        self._started: list[tuple[str, Line]] = []
        self._logs: Counter[str] = Counter()
        # Runs by function and execution, and the number of each run that has not ended.
        self._runs: Counter[tuple[str, str]] = Counter()
        self._running: dict[str, int] = {}
        # The request and instant of the last event with a line of its own, which stands for its call as well, and
        # of the last refused write, which stands for the call's error.
        self._seen = self._refused = ("", -1)
        world.trace.attach(self)

    def lines(self) -> list[Line]:
        """All lines in the order of time, once the run has ended."""
        for request in [*self._looks]:
            self._end_look(request)
        own = {job_id for each in self._followed.values() for job_id in each.jobs}
        self._lines += [line for job_id, line in self._started if job_id in own or job_id not in self._others_jobs]
        for execution_id, followed in self._followed.items():
            self._lines += self._truth(execution_id, followed)
        # A look is complete later than what it starts.
        return sorted(self._lines, key=lambda line: (line.at_us, line.kind != "look"))

    def _concerns(self, request_id: str, execution_id: str) -> bool:
        return not self._concerned or execution_id == self._concerned or request_id in self._requests

    def _who(self, function: str, request_id: str) -> str:
        """Return the function and, if several polls of the execution run at once, the run's number, as in faults."""
        run = self._running.get(request_id)
        is_alone = not self._concerned or len(self._running) == 1
        return function if run is None or is_alone else f"{function} run {run}"

    def _add(self, at_us: int, text: str, kind: str, request_id: str = "") -> None:
        self._lines.append(Line(at_us, text, kind))
        self._seen = (request_id, at_us)

    def _add_answer(self, at_us: int, text: str, kind: str, request_id: str) -> None:
        """Add the line of an answer in place of the line of its call, which came just before."""
        last = self._lines[-1] if self._lines else None
        if last is not None and self._seen == (request_id, at_us) and last.kind == "call":
            self._lines.pop()
        self._add(at_us, text, kind, request_id)

    # --- looks ----------------------------------------------------------------------------------------------------

    def _on_read(self, event: events.IndexRead) -> None:
        look = self._looks.get(event.request_id)
        if look is None or (event.first_page and event.word in look.words):
            self._end_look(event.request_id)
            followed = self._followed.get(self._concerned)
            is_open = not self._concerned or (followed is not None and followed.is_open)
            look = _ShownLook(event.at_us, event.place, set(), is_open=is_open)
            self._looks[event.request_id] = look
        look.words.add(event.word)
        look.items_count += event.items_count
        look.pages_count += 1

    def _end_look(self, request_id: str) -> None:
        look = self._looks.pop(request_id, None)
        if look is None or not (look.is_open or look.invoked_count):
            return
        pages = f" in {plural(look.pages_count, 'page')}" if look.pages_count > 1 else ""
        handed = ""
        if look.invoked_count:
            what = self._concerned or plural(look.invoked_count, "execution")
            handed = f"; starts a poll of {what}{_at(look.invoked_at)}"
        elif self._concerned and not self._world.parts.finder_polls:
            handed = f"; starts no poll of {self._concerned}"
        text = f"{FINDER} looks{_at(look.place)}: {plural(look.items_count, 'item')}{pages}{handed}"
        self._lines.append(Line(look.at_us, text, "look"))

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.execution_id != self._concerned and self._concerned not in event.batch and self._concerned:
            return
        self._requests.add(event.request_id)
        if (look := self._looks.get(event.by)) is not None:
            look.invoked_count += 1
            look.invoked_at = event.place
            self._seen = (event.by, event.at_us)

    # --- invocations ----------------------------------------------------------------------------------------------

    def _on_started(self, event: events.LambdaStarted) -> None:
        ids = (event.function, event.execution_id)
        self._runs[ids] += 1
        if event.request_id in self._requests:
            self._running[event.request_id] = self._runs[ids]
        if event.attempt > 1 and self._concerns(event.request_id, event.execution_id):
            self._add(event.at_us, f"{event.function} runs again, attempt {event.attempt}", "trouble")

    def _on_ended(self, event: events.LambdaEnded) -> None:
        self._end_look(event.request_id)
        shown = event._replace(function=self._who(event.function, event.request_id))
        self._running.pop(event.request_id, None)
        if (line := line_of(shown)) and self._concerns(event.request_id, event.execution_id or self._concerned):
            self._lines.append(line)

    def _on_throttled(self, event: events.Throttled) -> None:
        if self._concerns("", event.execution_id or self._concerned):
            self._add(event.at_us, f"Lambda throttles {event.function}{_for(event.execution_id)}", "trouble")

    def _on_dropped(self, event: events.Dropped) -> None:
        if self._concerns("", event.execution_id or self._concerned):
            text = f"Lambda drops the event of {event.function}{_for(event.execution_id)}: {event.reason}"
            self._add(event.at_us, text, "trouble")

    def _on_log(self, event: events.LogWritten) -> None:
        # The end of the invocation has a line with the error that the runtime logs.
        is_named = bool(self._concerned) and self._concerned in event.message
        if event.by_runtime or not (is_named or self._concerns(event.request_id, event.execution_id)):
            return
        self._logs[event.request_id] += 1
        count, who = self._logs[event.request_id], self._who(event.function, event.request_id)
        if count <= _LOGS_MAX:
            level = "" if event.level in ("", "INFO") or event.message.startswith("[") else f" {event.level}"
            self._lines.append(Line(event.at_us, f"{who} logs{level}: {_message(event.message)}", "log"))
        elif count == _LOGS_MAX + 1:
            self._lines.append(Line(event.at_us, f"{who} logs more", "log"))

    # --- calls ----------------------------------------------------------------------------------------------------

    def _on_call(self, event: events.CallMade) -> None:
        if (event.request_id, event.at_us) == (self._refused if event.error else self._seen):
            return
        called = f"{self._who(event.function, event.request_id)} calls {event.place or event.operation}"
        if event.error:
            if event.function == FINDER or self._concerns(event.request_id, ""):
                self._add(event.at_us, f"{called}: {event.error}", "trouble", event.request_id)
        elif event.place and event.request_id in self._requests:
            self._add(event.at_us, called, "call", event.request_id)

    def _on_described(self, event: events.JobsDescribed) -> None:
        followed = self._followed.get(self._concerned)
        jobs = followed.jobs.keys() if followed else ()
        own = [job_id for job_id in dict.fromkeys((*event.asked, *event.found)) if job_id in jobs]
        if not self._concerns(event.request_id, event.execution_id) and not own:
            return
        account = "" if event.account_id == HOME_ACCOUNT else f"{event.account_id}/"
        shown = own or [*dict.fromkeys((*event.asked, *event.found))]
        answers = [self._answer(event, job_id) for job_id in shown[:_JOBS_MAX]] or ["no job"]
        more = f" and {len(shown) - _JOBS_MAX} more" if len(shown) > _JOBS_MAX else ""
        who = self._who(FINDER if self._world.parts.finder_polls else POLLER, event.request_id)
        text = f"{who} asks DRS of {account}{event.region}{_at(event.place)}: {'; '.join(answers)}{more}"
        self._add_answer(event.at_us, text, "call", event.request_id)

    def _answer(self, event: events.JobsDescribed, job_id: str) -> str:
        """Return what an answer shows of a job, such as "drsjob-1 STARTED, 2 servers IN_PROGRESS"."""
        if job_id not in event.found:
            return f"{job_id} is not in the answer"
        job = self._world.drs.job(JobScope(event.account_id, event.region), job_id)
        if job is None:
            return job_id
        seen = job.view(event.at_us)
        servers = Counter(str(server.status) for server in seen.servers)
        actions = Counter(str(each) for server in seen.servers for each in server.actions)
        parts = [f"{plural(count, 'server')} {status}" for status, count in sorted(servers.items())]
        parts += [f"{plural(count, 'launch action')} {status}" for status, count in sorted(actions.items())]
        parts += ["some servers left out"] if job_id in event.incomplete else []
        return ", ".join([f"{job_id} {seen.status}", *parts])

    def _on_announced(self, event: events.Announced) -> None:
        if self._concerns(event.request_id, event.execution_id):
            who = self._who(event.function, event.request_id)
            text = f"{who} announces {event.text_status} by {event.channel}{_at(event.place)}"
            self._add_answer(event.at_us, text, "write", event.request_id)

    # --- the table, DRS and faults --------------------------------------------------------------------------------

    def _on_change(self, event: events.ItemChanged) -> None:
        now, execution_id = event.execution, event.execution_id
        if self._concerned and execution_id != self._concerned:
            self._others_jobs.update(wave.job_id for wave in (now.waves if now else ()) if wave.job_id)
            return
        who = self._who(event.writer, event.request_id)
        text = f"{who} writes {execution_id}{_at(event.place)}: {changes.change(event, self._world.layout)}"
        if now is not None:
            followed = self._followed.setdefault(execution_id, _Followed(now))
            followed.execution, followed.is_open = now, now.owes_polls
            if now.status in TERMINAL:
                followed.ended_us = min(followed.ended_us, event.at_us)
            for index, wave in enumerate(now.waves):
                if wave.job_id:
                    followed.jobs[wave.job_id] = (now, wave, wave.shown(index))
            due_us = self._world.truth.times_out_us(now)
            if event.before is None and due_us < NEVER_US:
                text += f"; times out at {changes.wall_clock(due_us + self._world.spec.epoch_us)}"
        elif (gone := self._followed.get(execution_id)) is not None:
            gone.is_open, gone.ended_us = False, min(gone.ended_us, event.at_us)
        self._add(event.at_us, text, "write", event.request_id)

    def _on_refused(self, event: events.WriteRefused) -> None:
        shown = event._replace(writer=self._who(event.writer, event.request_id))
        if self._concerns(event.request_id, event.execution_id) and (line := line_of(shown)):
            self._add(*line, event.request_id)
            self._refused = self._seen

    def _on_fault(self, event: events.FaultInjected) -> None:
        # What goes wrong in a finder concerns all executions.
        concerned = event.function == FINDER or self._concerns(event.request_id, event.execution_id or self._concerned)
        if concerned and (line := line_of(event)):
            self._lines.append(line)

    def _on_job(self, event: events.JobStarted) -> None:
        text = f"DRS starts {event.job_id} with {plural(event.servers, 'server')}"
        self._started.append((event.job_id, Line(event.at_us, text, "drs")))

    def _truth(self, execution_id: str, followed: _Followed) -> Iterator[Line]:
        """Yield what no event shows: the ends of jobs and launch actions, and the timeout."""
        world = self._world
        for execution, wave, name in followed.jobs.values():
            job = world.truth.job(wave)
            if job is None:
                continue
            launched = sum(server.launches for server in job.servers)
            actions = [action for server in job.servers if server.launches for action in server.actions]
            counted = actions if execution.type is ExecutionType.RECOVERY else []
            running = sum(action.ended_us > job.ended_us for action in counted)
            more = f", {plural(running, 'launch action')} still run" if running else ""
            servers = f"{launched} of {plural(len(job.servers), 'server')} launched"
            yield Line(job.ended_us, f"DRS ends the job of {name}: {servers}{more}", "drs")
            if running:
                succeeded = sum(action.status(job.settled_us) is ActionStatus.SUCCEEDED for action in counted)
                text = f"the last launch action of {name} ends: {succeeded} of {len(counted)} succeeded"
                yield Line(job.settled_us, text, "drs")
        due_us = world.truth.times_out_us(followed.execution)
        if due_us < min(followed.ended_us, NEVER_US):
            timeout = show_duration(world.limits.timeout_us or 0)
            yield Line(due_us, f"{execution_id} times out: {timeout} have passed since its start", "drs")


def line_of(event: events.FaultInjected | events.WriteRefused | events.LambdaEnded) -> Line | None:
    """The line of an event that needs nothing else; None for an invocation that ended well."""
    match event:
        case events.FaultInjected():
            where = f" in run {event.run} of {event.function}" if event.function else ""
            return Line(event.at_us, f"FAULT {event.fault} at {event.operation}{where}", "fault")
        case events.WriteRefused():
            text = f"{event.writer} is refused its write{_at(event.place)}: another write came first"
            return Line(event.at_us, text, "trouble")
        case events.LambdaEnded(outcome="ok"):
            return Line(event.at_us, f"{event.function} returns {event.detail}", "trouble") if event.detail else None
        case events.LambdaEnded():
            text = f"{event.function} ends in {event.outcome}{_at(event.place)}: {event.detail}"
            return Line(event.at_us, text, "trouble")


def _at(place: str) -> str:
    return f" at {place}" if place else ""


def _for(execution_id: str) -> str:
    return f" for {execution_id}" if execution_id else ""


def _message(text: str) -> str:
    """Return a log line, shortened; of a JSON object with a message only that."""
    if text.startswith("{"):
        try:
            found = json.loads(text).get("message")
        except ValueError:
            found = None
        text = found if isinstance(found, str) else text
    text = " ".join(text.split())
    return text if len(text) <= _MESSAGE_MAX else f"{text[:_MESSAGE_MAX]}..."
