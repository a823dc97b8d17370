"""No-lost-update: a function's write keeps what others wrote.

Owns who wrote each attribute that the contract does not name. The plan's worker is taken to have written all those of
which nothing else is known, so that only what others wrote is kept in memory.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from drsim.orchestrator.model import TERMINAL
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind
from drsim.simulator.contract.layout import Attributes, Layout
from drsim.simulator.durations import plural
from drsim.simulator.events import ItemChanged, LambdaEnded, LambdaStarted
from drsim.simulator.reader import ExecutionView, ServerView, WaveView

OVERWRITTEN: Final = ViolationKind(
    "lost update", Consequence.LOST_DATA, "A function destroyed what someone else had written."
)
LOST_INSTANCE: Final = ViolationKind(
    "instance id lost", Consequence.LOST_DATA, "DRS does not name the instance of a finished job again."
)
DELETED: Final = ViolationKind("item deleted", Consequence.LOST_DATA, "A function deleted an execution.")
SKIPPED_VERSION: Final = ViolationKind(
    "version not raised by one", Consequence.PROMISE, "Other writers cannot see that the item changed."
)
POLLED_EARLIER: Final = ViolationKind(
    "poll time went back", Consequence.LATENESS, "The next poll comes at a wrong time."
)

Path = tuple[str, ...]
_Who = dict[Path, str]

_FREE: Final = ("waves", "last_polled", "version", "status", "end")
"""The fields of an execution that functions change."""
_OWN: Final = ""
"""The writer of an attribute that functions have added."""
_MISSING: Final = object()
_WORKER: Final = "worker"
_NAMES: Final = {_WORKER: "the worker", "person": "a person"}
_SHOWN_MAX: Final = 40


class NoLostUpdate(Monitor):
    name = "no-lost-update"
    rule = "A function's write keeps what others wrote: job ids, waves, servers, attributes, versions."

    def prepare(self) -> None:
        self._level = level = Layout(self.contract).execution
        self._free = frozenset(level.places[field].steps for field in _FREE if field in level.places)
        # Who wrote an attribute, by its path, if not the worker; and the executions that running invocations ended.
        self._writers: dict[str, _Who] = {}
        self._ended: dict[str, set[str]] = {}

    def _on_started(self, event: LambdaStarted) -> None:
        self._ended[event.request_id] = set()

    def _on_ended(self, event: LambdaEnded) -> None:
        for execution_id in self._ended.pop(event.request_id, ()):
            self._writers.pop(execution_id, None)

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if before is not None and event.before is not None:
            if event.request_id:
                self.checked += 1
            if now is None or event.after is None:
                if event.request_id:
                    observed = f"{event.writer} deleted it"
                    self.violate(event, "the item kept", observed, DELETED, "item")
            elif before.status in TERMINAL and event.execution_id not in self._ended.get(event.request_id, ()):
                # Whose attributes these are is forgotten; terminal-absorbing judges this write.
                pass
            elif event.request_id or event.writer != _WORKER or event.execution_id in self._writers:
                self._compare(event, event.before, event.after, before.waves, now.waves)
                if event.request_id:
                    self._check_counts(event, before, now)
        if now is None or now.status in TERMINAL:
            if event.request_id in self._ended and now is not None:
                # The poll that ends an execution may still change attributes of its own.
                self._ended[event.request_id].add(event.execution_id)
            else:
                self._writers.pop(event.execution_id, None)

    def _check_counts(self, event: ItemChanged, before: ExecutionView, now: ExecutionView) -> None:
        old, new, writer = before.version, now.version, event.writer
        if self.contract.promises.versioned and old is not None and new is not None and new != old + 1:
            name, became = self._level.path("version"), "stayed" if new == old else "became"
            expected, observed = f"{name} to rise from {old} to {old + 1}", f"it {became} {new}, by {writer}"
            self.violate(event, expected, observed, SKIPPED_VERSION, name)
        old, new = before.last_polled_us, now.last_polled_us
        # Two polls at nearly the same time may write in either order.
        if old is not None and new is not None and new < old - self.bounds.early:
            name = self._level.path("last_polled")
            self.violate(event, f"{name} does not go back", f"it went back, by {writer}", POLLED_EARLIER, name)
        if len(now.waves) < len(before.waves):
            where, observed = self._level.path("waves"), f"{writer} left {len(now.waves)}"
            self.violate(event, f"{plural(len(before.waves), 'wave')} kept", observed, OVERWRITTEN, where)

    def _compare(
        self,
        event: ItemChanged,
        before: Attributes,
        after: Attributes,
        old_waves: tuple[WaveView, ...],
        new_waves: tuple[WaveView, ...],
    ) -> None:
        self._compare_maps(event, (), "", before, after, self._free)
        if old_waves is new_waves:
            return
        for index, (old, new) in enumerate(zip(old_waves, new_waves, strict=False)):
            if old is not new:
                self._compare_waves(event, index, old, new)

    def _compare_waves(self, event: ItemChanged, index: int, old: WaveView, new: WaveView) -> None:
        of, places = f" of {old.shown(index)}", self.contract.wave
        root = (self._level.path("waves"), str(index))
        if old.extra != new.extra:
            self._compare_maps(event, root, of, old.extra, new.extra)
        named = [
            (places.job, old.job_id, new.job_id),
            (places.number, old.number, new.number),
            (places.name, old.name, new.name),
            (places.region, old.scope and old.scope[1], new.scope and new.scope[1]),
            (places.account, old.scope and old.scope[0], new.scope and new.scope[0]),
        ]
        for name, was, now in named:
            if name is not None and was is not None and was != now and event.request_id:
                self._lost(event, (*root, name), name, of, was, _MISSING if now is None else now)
        if new.servers is not old.servers:
            self._compare_servers(event, root, of, old, new)

    def _compare_servers(self, event: ItemChanged, root: Path, of: str, old: WaveView, new: WaveView) -> None:
        kept = {server.source_server_id: server for server in new.servers}
        known = {server.source_server_id for server in old.servers}
        for server in old.servers:
            name, now = server.source_server_id or "", kept.get(server.source_server_id)
            path = (*root, "servers", name)
            if now is None:
                if event.request_id and self._writer(event.execution_id, path) != _OWN:
                    observed = f"{event.writer} dropped it{of}"
                    self.violate(event, f"server {name} kept", observed, OVERWRITTEN, "server")
            elif now is not server:
                self._compare_server(event, path, server, now)
        if event.request_id:
            for each in kept:
                if each not in known:
                    self._set_writer(event.execution_id, (*root, "servers", each or ""), _OWN)

    def _compare_server(self, event: ItemChanged, path: Path, old: ServerView, new: ServerView) -> None:
        of = f" of server {old.source_server_id}"
        if old.extra != new.extra:
            self._compare_maps(event, path, of, old.extra, new.extra)
        # Functions write the instance id themselves, but DRS leaves it out of finished jobs: one that is lost stays so.
        is_judged = event.request_id and self.contract.promises.instances
        if is_judged and old.instance_id is not None and new.instance_id != old.instance_id:
            now, name = _MISSING if new.instance_id is None else new.instance_id, self.contract.server.instance or ""
            self._violate_loss(event, name, of, old.instance_id, now, "", LOST_INSTANCE)

    def _compare_maps(
        self,
        event: ItemChanged,
        root: Path,
        of: str,
        before: Attributes,
        after: Attributes,
        free: frozenset[Path] = frozenset(),
    ) -> None:
        execution_id, is_function = event.execution_id, event.request_id != ""
        for path, old, new in _differences(before, after, free):
            where = (*root, *path)
            if not is_function:
                self._set_writer(execution_id, where, event.writer)
            elif old is not _MISSING:
                self._lost(event, where, ".".join(path), of, old, new)
            elif path not in free:
                self._set_writer(execution_id, where, _OWN)

    def _lost(self, event: ItemChanged, path: Path, name: str, of: str, old: object, new: object) -> None:
        """Report an attribute that a function has changed or dropped, unless functions have added it."""
        writer = self._writer(event.execution_id, path)
        if writer != _OWN:
            is_shared = not of and path in self._free
            owner = "" if is_shared else f", which {_NAMES.get(writer, writer)} had set"
            self._violate_loss(event, name, of, old, new, owner)

    def _violate_loss(
        self,
        event: ItemChanged,
        name: str,
        of: str,
        old: object,
        new: object,
        owner: str,
        kind: ViolationKind = OVERWRITTEN,
    ) -> None:
        verb = "dropped" if new is _MISSING else "overwrote"
        observed = f"{event.writer} {verb} `{name}`{of}{owner}: {_shown(old)} -> {_shown(new)}"
        level = of.split()[1] + " " if of else ""
        self.violate(event, f"`{name}`{of} kept", observed, kind, f"{level}{name}")

    def _writer(self, execution_id: str, path: Path) -> str:
        """Return who wrote an attribute, or the map that holds it."""
        writers = self._writers.get(execution_id)
        if writers:
            for length in range(len(path), 0, -1):
                if path[:length] in writers:
                    return writers[path[:length]]
        return _WORKER

    def _set_writer(self, execution_id: str, path: Path, writer: str) -> None:
        if self._writer(execution_id, path) != writer:
            self._writers.setdefault(execution_id, {})[path] = writer


def _differences(
    before: Attributes, after: Attributes, free: frozenset[Path], root: Path = ()
) -> Iterator[tuple[Path, object, object]]:
    """Yield each attribute that differs, with both values. A list that was only extended has lost nothing."""
    for name, old in before.items():
        new = after.get(name, _MISSING)
        if new is old:
            continue
        path = (*root, name)
        if (path in free and new is not _MISSING) or new == old:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, free, path)
        elif not (isinstance(old, list) and isinstance(new, list) and new[: len(old)] == old):
            yield path, old, new
    if after.keys() - before.keys():
        for name, new in after.items():
            if name not in before:
                yield (*root, name), _MISSING, new


def _shown(value: object) -> str:
    if value is _MISSING:
        return "missing"
    text = repr(value) if isinstance(value, str) or value is None else str(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 3]}..."
