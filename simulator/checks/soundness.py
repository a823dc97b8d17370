"""Completion-soundness: executions and waves end as DRS's truth does, and show its last answer until then."""

from collections.abc import Sequence
from typing import Final

from drsim.orchestrator.model import TERMINAL, ExecutionStatus, JobStatus, ServerStatus, WaveStatus
from drsim.simulator.checks.monitor import Consequence, ViolationKind, pairs
from drsim.simulator.checks.polls import AnswersMonitor, WaveEnd, WrittenPoll
from drsim.simulator.contract.layout import Vocabulary
from drsim.simulator.durations import plural
from drsim.simulator.events import ItemChanged
from drsim.simulator.reader import ExecutionView, ServerView, WaveView
from drsim.simulator.services.drs import DrsJob

EARLY_END: Final = ViolationKind(
    "ended early", Consequence.WRONG_END, "The table shows an end while DRS still works: servers may yet fail."
)
WRONG_END: Final = ViolationKind("wrong end", Consequence.WRONG_END, "The table shows another outcome than DRS's.")
WRONG_CANCELLATION: Final = ViolationKind(
    "wrong cancellation", Consequence.WRONG_END, "A function cancelled an execution that no person had cancelled."
)
STALE_RECORD: Final = ViolationKind(
    "stale record", Consequence.LATENESS, "The table shows less than DRS has already reported."
)
WRONG_ROW: Final = ViolationKind(
    "wrong server row", Consequence.LOST_DATA, "A server's row shows what DRS never reported."
)
CONTRADICTED_WAVE: Final = ViolationKind(
    "contradicted wave", Consequence.LATENESS, "An open wave shows a status that DRS's answer contradicts."
)

_BY_TRUTH: Final = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.PARTIAL, ExecutionStatus.FAILED})
_MOVED: Final = frozenset({ServerStatus.IN_PROGRESS, ServerStatus.LAUNCHED, ServerStatus.FAILED})

# The wave and the job's view that were judged last, by index: the same pair is judged once.
_Judged = dict[int, tuple[WaveView, object]]


class CompletionSoundness(AnswersMonitor):
    name = "completion-soundness"
    rule = "Waves and executions end exactly when and how DRS's truth says, and until then show DRS's last answer."

    def prepare(self) -> None:
        super().prepare()
        words, self._promises = self.contract.words, self.contract.promises
        self._server_words = Vocabulary(ServerStatus, words.server)
        self._wave_words = Vocabulary(WaveStatus, words.wave)
        self._job_words = Vocabulary(JobStatus, words.job)
        self._keeps_waves = self.contract.wave.status is not None
        self._keeps_servers = self.contract.wave.servers is not None and self.contract.server.status is not None
        # The view of each open execution, and what was judged of it last.
        self._open: dict[str, ExecutionView] = {}
        self._judged: dict[str, _Judged] = {}

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is None or now.status in TERMINAL:
            self._open.pop(event.execution_id, None)
            self._judged.pop(event.execution_id, None)
        else:
            self._open[event.execution_id] = now
        super()._on_change(event)

    def wrote(self, event: ItemChanged, poll: WrittenPoll) -> None:
        before, now = event.previous, event.execution
        if now is None or before is None or before.waves is now.waves:
            return
        answers = self.answers(event.request_id)
        poll.asked_us = [answers.asked_us(wave) for wave in now.waves]
        for index, new in enumerate(now.waves):
            old = before.waves[index] if index < len(before.waves) else new._replace(status=None)
            if new.finished and new is not old and not old.finished:
                poll.ends[index] = self._true_end(event, before, old)
        for old, new in pairs(before.waves, now.waves):
            if new.servers is not old.servers and new.servers != old.servers:
                self._judge_rows(event, old, new)

    def judge(self, poll: WrittenPoll) -> None:
        for index, end in poll.ends.items():
            if index < len(poll.now.waves) and poll.now.waves[index].finished:
                self._judge_end(end, index, poll.now.waves[index])
        ended = poll.ended
        if ended is not None and ended.previous is not None and ended.previous.status not in TERMINAL:
            self._judge_outcome(ended, ended.previous, poll.now)
        if poll.is_done and poll.before is not None and poll.before.status not in TERMINAL:
            self._judge_records(poll, poll.before)

    # --- ends ---------------------------------------------------------------------------------------------------

    def _moments(self, event: ItemChanged, execution: ExecutionView, wave: WaveView) -> tuple[int, set[bool]]:
        """Return the instant of DRS's answer before a write, and whether a poll may have seen it overdue then."""
        asked_us = self.answers(event.request_id).asked_us(wave)
        seen_us = event.at_us if asked_us is None else asked_us
        if self.contract.limits.timeout is None:
            return seen_us, {False, True}
        skew_us, ends_us = self.plan.skew_us, self.truth.times_out_us(execution)
        # A poll decides between DRS's answer and its write, so the truth at either instant is right.
        return seen_us, {each + off_us > ends_us for each in (seen_us, event.at_us) for off_us in (-skew_us, skew_us)}

    def _true_end(self, event: ItemChanged, before: ExecutionView, old: WaveView) -> WaveEnd:
        seen_us, overdue = self._moments(event, before, old)
        ends = [
            self.truth.wave_ends(before, old, each, overdue=late)
            for each in dict.fromkeys((seen_us, event.at_us))
            for late in overdue
        ]
        true = self.truth.wave_status(before, old, event.at_us, overdue=max(overdue))
        return WaveEnd(event, frozenset().union(*ends), true)

    def _answer(self, event: ItemChanged, wave: WaveView) -> str:
        """Return what DRS had answered to the poll about a wave's job, in words."""
        if wave.job_id is None:
            return "the wave has no job"
        asked_us, job = self.answers(event.request_id).asked_us(wave), self.truth.job(wave)
        if asked_us is None or job is None:
            region = wave.scope[1] if wave.scope is not None else "no Region"
            return f"no answer of DRS to this poll had its job {wave.job_id} of {region}"
        launched = sum(server.status is ServerStatus.LAUNCHED for server in job.view(asked_us).servers)
        status, servers = job.view(asked_us).status, plural(len(job.servers), "server")
        return f"DRS had answered that its job is {status}, {launched} of {servers} LAUNCHED"

    def _judge_end(self, end: WaveEnd, index: int, wave: WaveView) -> None:
        self.checked += 1
        if wave.status not in end.right:
            kind = EARLY_END if end.true is None else WRONG_END
            expected = f"{wave.shown(index)} {end.true or 'unfinished'} by DRS's truth"
            self.violate(
                end.event,
                expected,
                f"{wave.status}; {self._answer(end.event, wave)}",
                kind,
                f"wave {self.contract.wave.status}",
            )

    def _judge_outcome(self, event: ItemChanged, before: ExecutionView, now: ExecutionView) -> None:
        where = self.contract.execution.status
        if now.status is ExecutionStatus.CANCELLED:
            self.checked += 1
            settles = self._promises.settles
            if settles is None:
                self.violate(event, "CANCELLED only by a person", f"by {event.writer}", WRONG_CANCELLATION, where)
            elif before.word != settles:
                observed = f"over {before.word} by {event.writer}"
                self.violate(event, f"CANCELLED only over {settles}", observed, WRONG_CANCELLATION, where)
            elif self.truth.final_us(before) > event.at_us:
                until = f"{settles} until no started job runs any more"
                self.violate(event, until, "CANCELLED while a job runs", EARLY_END, where)
        if now.status not in _BY_TRUTH:
            return
        self.checked += 1
        right, expected = self._outcomes(event, now)
        if now.status not in right and not (None in right and self._hides_an_end(now)):
            kind = EARLY_END if expected is None else WRONG_END
            self.violate(event, f"{expected or 'unfinished'}, as its waves", str(now.status), kind, where)

    def _hides_an_end(self, now: ExecutionView) -> bool:
        """Whether a field that cannot be read may hide that all waves have ended, or that the execution is overdue."""
        places = self.contract.execution
        waves, single = places.waves, (places.waves, places.total_waves, places.start)
        return any(
            each.attribute in single or each.attribute.startswith((f"{waves}[", f"{waves}.")) for each in now.unreadable
        )

    def _outcomes(
        self, event: ItemChanged, now: ExecutionView
    ) -> tuple[frozenset[ExecutionStatus | None], ExecutionStatus | None]:
        """Return the outcomes that are right, and the one that messages name. Each wave's end is judged separately."""
        truth = self.truth
        if self._keeps_waves:
            ends = [wave.status for wave in now.waves]
            return truth.sums_of(now, ends), truth.sum_of(now, ends)
        moments = [self._moments(event, now, wave) for wave in now.waves]
        overdue = set().union(*(late for _, late in moments))
        asked_us, written_us = [seen_us for seen_us, _ in moments], [event.at_us] * len(moments)
        found = [truth.outcomes(now, seen_us, overdue=late) for seen_us in (asked_us, written_us) for late in overdue]
        right: frozenset[ExecutionStatus | None] = frozenset().union(*found)
        ends = [truth.wave_status(now, wave, event.at_us, overdue=True in overdue) for wave in now.waves]
        return right, truth.sum_of(now, ends)

    # --- records ------------------------------------------------------------------------------------------------

    def _judge_records(self, poll: WrittenPoll, before: ExecutionView) -> None:
        event, now, asked_us = poll.last, poll.now, poll.asked_us
        present = now if poll.ended is not None else self._open.get(event.execution_id)
        if present is None or present.waves is not now.waves:
            # Others have written the waves, ended the execution or deleted it since. They may know more, and what the
            # poll still wrote was refused.
            return
        answers = self.answers(event.request_id)
        if answers.is_unsure and poll.ended is None:
            return
        if asked_us is None:
            if before.waves is not now.waves:
                return
            asked_us = [answers.asked_us(wave) for wave in now.waves]
        elif len(asked_us) != len(now.waves):
            return
        is_open = event.execution_id in self._open
        judged = self._judged.setdefault(event.execution_id, {}) if is_open else {}
        for index, (wave, seen_us) in enumerate(zip(now.waves, asked_us, strict=True)):
            old = before.waves[index] if index < len(before.waves) else None
            if seen_us is not None and (old is None or not old.finished):
                self._judge_record(poll, judged, index, wave, seen_us)

    def _judge_record(self, poll: WrittenPoll, judged: _Judged, index: int, wave: WaveView, seen_us: int) -> None:
        job = self.truth.job(wave)
        if job is None:
            return
        view = job.view(seen_us)
        last_wave, last_view = judged.get(index, (None, None))
        if last_wave is wave and last_view is view:
            return
        judged[index] = (wave, view)
        self.checked += 1
        event, what, promises = poll.last, wave.shown(index), self._promises
        if promises.job_status and wave.job_status is not view.status and self._job_words.theirs[view.status]:
            expected, where = f"{what} with its job {view.status}", f"wave {self.contract.wave.job_status}"
            self.violate(event, expected, f"job {wave.job_status}", STALE_RECORD, where)
        if self._keeps_servers:
            self._judge_servers(event, wave, job, seen_us)
        if not wave.finished and wave.status is not None and poll.ended is None:
            self._judge_open(event, what, wave.status, job, seen_us)

    def _judge_servers(self, event: ItemChanged, wave: WaveView, job: DrsJob, seen_us: int) -> None:
        kept, promises, server_places = _by_id(wave.servers), self._promises, self.contract.server
        for launch in job.view(seen_us).servers:
            server, where = kept.get(launch.source_server_id), f"server {server_places.status}"
            expected = f"server {launch.source_server_id} {launch.status} by DRS's truth"
            if server is None:
                # A team may keep no row for a server that only the job names.
                if promises.instances:
                    self.violate(event, expected, "missing", STALE_RECORD, where)
            elif server.status is not launch.status:
                is_judged = promises.server_status and server.status is not None
                if is_judged and self._server_words.theirs[launch.status]:
                    self.violate(event, expected, str(server.status), STALE_RECORD, where)
            elif promises.instances and launch.instance_id is not None and server.instance_id is None:
                expected = f"server {launch.source_server_id} with instance {launch.instance_id}"
                where = f"server {server_places.instance}"
                self.violate(event, expected, "none", STALE_RECORD, where)

    def _judge_open(self, event: ItemChanged, what: str, status: WaveStatus, job: DrsJob, seen_us: int) -> None:
        """Judge the status of an open wave: leniently, for an answer leaves most words open."""
        view = job.view(seen_us)
        has_moved = any(server.status in _MOVED for server in view.servers)
        match status:
            case WaveStatus.IN_PROGRESS if (
                view.status is JobStatus.PENDING and self._wave_words.theirs[WaveStatus.LAUNCHING]
            ):
                # Without LAUNCHING, the plan's worker itself writes IN_PROGRESS.
                expected = "LAUNCHING, because its job is PENDING"
            case WaveStatus.PENDING if has_moved and self._wave_words.theirs[WaveStatus.IN_PROGRESS]:
                expected = "IN_PROGRESS, because its servers launch"
            case WaveStatus.UNKNOWN if view.status is not JobStatus.COMPLETED:
                expected = f"open, because its job is {view.status}"
            case _:
                return
        where = f"wave {self.contract.wave.status}"
        self.violate(event, f"{what} {expected}", str(status), CONTRADICTED_WAVE, where)

    def _judge_rows(self, event: ItemChanged, old: WaveView, new: WaveView) -> None:
        before, job, seen = _by_id(old.servers), self.truth.job(new), set[str]()
        given = {} if job is None else {each.source_server_id: each.instance_id for each in job.servers}
        known = len(before) == len(old.servers)
        for server in new.servers:
            name = server.source_server_id
            if name is None:
                continue
            if name in seen and known:
                where = f"server {self.contract.server.id}"
                self.violate(event, f"one row for server {name}", "two rows", WRONG_ROW, where)
            seen.add(name)
            instance_id = server.instance_id
            was = before[name].instance_id if name in before else None
            if job is not None and instance_id not in (None, was, given.get(name)):
                expected = f"instance {given.get(name, 'none')} of server {name}, as DRS gave it"
                self.violate(event, expected, f"{instance_id}", WRONG_ROW, f"server {self.contract.server.instance}")


def _by_id(servers: Sequence[ServerView]) -> dict[str | None, ServerView]:
    return {server.source_server_id: server for server in servers}
