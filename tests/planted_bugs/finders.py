"""Wrong finders, and wrong adapters of the index, the clock and the executor under the right one.

Each docstring says how one comes to write it.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

from drsim.orchestrator.errors import MalformedError, RefusedError
from drsim.orchestrator.finder import Finder, LookReport
from drsim.orchestrator.model import Dispatch, PollUpdate
from drsim.orchestrator.ports import IndexPage
from drsim.orchestrator.settings import MINUTE_US, Settings
from drsim.simulator.world import Parts, Ports, production_finder

_log = logging.getLogger("drsim.orchestrator.planted")


class FinderThatBacksOff(Finder):
    """A back-off after errors, which also backs off when there were none."""

    def run(self, *, deadline_us: int) -> tuple[LookReport, ...]:
        if self._clock.now_us() // MINUTE_US % 60 in (36, 37, 38):
            _log.info("Backing off")
            return ()
        return super().run(deadline_us=deadline_us)


class LooksEveryThirdTick(Finder):
    """One look in three minutes was enough in the test, and is cheaper."""

    def run(self, *, deadline_us: int) -> tuple[LookReport, ...]:
        if self._clock.now_us() // MINUTE_US % 3:
            _log.info("Not now")
            return ()
        return super().run(deadline_us=deadline_us)


class Index:
    """An index adapter, right as it stands."""

    def __init__(self, ports: Ports) -> None:
        self.right = ports.index
        self.clock = ports.clock

    def polling_page(self, cursor: object | None) -> IndexPage:
        return self.right.polling_page(cursor)


class FirstPageOnly(Index):
    """LastEvaluatedKey ignored."""

    def polling_page(self, cursor: object | None) -> IndexPage:
        return replace(super().polling_page(cursor), next_cursor=None)


class FirstTwentyOnly(Index):
    """`Limit=20` and no loop, assuming that at most 20 executions run."""

    def polling_page(self, cursor: object | None) -> IndexPage:
        page = super().polling_page(cursor)
        return IndexPage(page.executions[:20])


class ExpiredSession(Index):
    """An assumed role's session is kept for longer than it lasts, until Lambda happens to start a new environment."""

    def polling_page(self, cursor: object | None) -> IndexPage:
        if self.clock.now_us() // MINUTE_US % 60 in (36, 37, 38):
            raise RefusedError("Query: ExpiredTokenException")
        return super().polling_page(cursor)


class StopsAtAnItemItCannotRead(Index):
    """One int(item["TotalWaves"]) for all items of a page."""

    def polling_page(self, cursor: object | None) -> IndexPage:
        page = super().polling_page(cursor)
        if page.malformed:
            raise MalformedError(page.malformed[0])
        return page


class SleeplessClock:
    """Sleeping in a Lambda costs money, so it was taken out."""

    def __init__(self, ports: Ports) -> None:
        self._clock = ports.clock

    def now_us(self) -> int:
        return self._clock.now_us()

    def sleep_us(self, duration_us: int) -> None:
        pass


class OneAfterTheOther(Executor):
    """A loop instead of a pool: it was quick enough for three."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class MarksBeforeItInvokes:
    """The finder writes LastPolledTime itself, so that no other finder polls the same."""

    def __init__(self, ports: Ports) -> None:
        self._invoker = ports.invoker
        self._store = ports.store

    def invoke(self, dispatch: Dispatch) -> None:
        execution = self._store.get(dispatch.key)
        if execution is not None and dispatch.dispatched_us is not None:
            self._store.save_poll(
                PollUpdate(
                    key=dispatch.key,
                    expected_version=execution.version,
                    last_polled_us=dispatch.dispatched_us,
                    waves=execution.waves,
                )
            )
        self._invoker.invoke(replace(dispatch, dispatched_us=None))


def finder(wrong: type[Finder]) -> Parts:
    """A wrong finder in its place."""
    return Parts(
        finder=lambda ports: wrong(
            index=ports.index,
            invoker=ports.invoker,
            clock=ports.clock,
            executor=ports.executor(),
            settings=ports.settings,
        )
    )


def finder_reading(index: type[Index]) -> Parts:
    """The right finder with a wrong index adapter."""
    return Parts(finder=lambda ports: production_finder(replace(ports, index=index(ports))))


def finder_with(settings: Settings) -> Callable[[Ports], Finder]:
    """A finder whose settings are not those that were asked for."""
    return lambda ports: production_finder(replace(ports, settings=settings))
