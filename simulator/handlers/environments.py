"""Lambda's execution environments, each with its own modules, environment variables, import path and loggers.

A cold start imports the function's modules again. Greenlets share one interpreter: when a process continues, the state
of its environment is put in place. All other modules are shared.
"""

import logging
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from drsim.simulator.handlers import event_loops
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.own_code import OwnCode, installed
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import Process
from drsim.simulator.services.functions import Invocation

_STATEFUL: Final = ("aws_lambda_powertools",)
"""Libraries with module-level state that belongs to one environment."""

_OTHERS: Final[dict[tuple[Any, ...], dict[str, ModuleType]]] = {}
"""Modules that are not a function's own, by the rules of its source, for all runs of the process."""


class Source:
    """The source of a function's handler: `place` is MODULE:NAME or FILE.py:NAME, `paths` go before sys.path.

    The names of its files are relative to `base`.
    """

    def __init__(
        self, place: str, variables: Mapping[str, str], paths: tuple[Path, ...] = (), base: Path | None = None
    ) -> None:
        self.place = place
        self.variables = variables
        stem, _, self.handler = place.rpartition(":")
        file = (Path(stem),) if stem.endswith(".py") else ()
        self.module = Path(stem).stem if file else stem
        # Folders whose modules are the function's own.
        self.folders = [str(path.resolve()) for path in (*(each.resolve().parent for each in file), *paths)]
        # The package that a cold start imports again: the top-level one, but of drsim only production code.
        top, _, rest = self.module.partition(".")
        self._package = f"{top}.{rest.partition('.')[0]}" if top == "drsim" else top
        # Names of modules in these folders that a module of another project may have in this process.
        self._shadowed = {found.name for found in pkgutil.iter_modules(self.folders)} - installed()
        self.code = OwnCode(self._package, self.folders, base)
        rules = (self._package, *self.folders, frozenset(self._shadowed))
        self.others: dict[str, ModuleType] = _OTHERS.setdefault(rules, {})
        """Modules of the process that are known not to be its own."""
        self.outside: tuple[str, ...] | None = None
        """Names of its own modules that are loaded outside of environments; None before the first cold start."""

    def owns(self, name: str, module: ModuleType) -> bool:
        """Whether a module is the function's own, keeps its state, or has the name of one of its own."""
        if f"{name}.".startswith(f"{self._package}."):
            return True
        top = name.partition(".")[0]
        if top == "drsim":
            return False
        if top in _STATEFUL or top in self._shadowed:
            return True
        file = getattr(module, "__file__", None) or ""
        return any(file.startswith(folder + os.sep) for folder in self.folders)


class UnsetVariableError(KeyError):
    """A function reads an environment variable that is not set."""

    def __str__(self) -> str:
        return f"it reads {self.args[0]}, an environment variable that is not set: --env {self.args[0]}=..."


class _Variables(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise UnsetVariableError(name)


class _Formatter(logging.Formatter):
    """Formats records as Lambda's runtime does, with own frames only in tracebacks."""

    def __init__(self, code: OwnCode) -> None:
        super().__init__("[%(levelname)s]\t%(message)s")
        self._code = code

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return "NoneType: None" if ei[1] is None else self._code.traceback(ei[1])


class _RecordHandler(logging.Handler):
    """Writes each record as one log event, whatever line ends it has, as Lambda's runtime does."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._output.event(self.format(record))
        except Exception:
            self.handleError(record)


class _Loaded:
    """The state of one environment, at first as at a cold start, before the import."""

    def __init__(self, source: Source, number: int) -> None:
        self.source = source
        self.variables: Any = _Variables({**os.environ, "AWS_LAMBDA_LOG_STREAM_NAME": f"{number}", **source.variables})
        self.path = [*source.folders, *sys.path]
        # The root logger has the handler that Lambda's runtime gives to it.
        handler = _RecordHandler(sys.stdout)
        handler.setFormatter(_Formatter(source.code))
        root = logging.RootLogger(logging.WARNING)
        root.addHandler(handler)
        self.manager = logging.Manager(root)
        # asyncio's policy, which holds the current event loop.
        self.policy: Any = None
        self.modules: dict[str, ModuleType] = {}
        self.handler: Callable[[Any, Any], Any] | None = None


class Environments:
    """All environments of a run, and the one in place now. It stays until a process of another one continues."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._loaded: dict[tuple[str, int], _Loaded] = {}
        self._placed: _Loaded | None = None
        # How many modules there were when it was put in place.
        self._modules_count = 0
        # The state of the process outside the functions, where an environment replaces it.
        self._modules: dict[str, ModuleType] = {}
        self._variables = os.environ
        self._path = sys.path
        self._manager = logging.Logger.manager
        self._policy: Any = None
        self._loops = event_loops.RunningLoops()

    def __enter__(self) -> "Environments":
        self._kernel.on_resume = self._resumed
        return self

    def __exit__(self, *_: object) -> None:
        self._kernel.on_resume = None
        self._place(None)

    def handler(self, source: Source, invocation: Invocation) -> Callable[[Any, Any], Any]:
        """The handler in the environment of this invocation, imported now if the environment is new."""
        key = _key(invocation)
        if invocation.cold:
            # The environment is new, or was reset by a timeout or a crash.
            self._place(None)
            self._loaded[key] = _Loaded(source, invocation.environment.number)
        loaded = self._loaded[key]
        self._place(loaded)
        if loaded.handler is None:
            loaded.handler = self._imported(loaded, invocation.function)
        return loaded.handler

    def _imported(self, loaded: _Loaded, function: str) -> Callable[[Any, Any], Any]:
        source = loaded.source
        try:
            module = pkgutil.resolve_name(f"{source.module}:")
        except (Exception, SystemExit) as error:
            what = str(error) if isinstance(error, UnsetVariableError) else f"{type(error).__name__}: {error}"
            if isinstance(error, ModuleNotFoundError):
                what += " (add its folder with --path DIR, or install it)"
            raise HandlerError(f"{function}: cannot import {source.place}: {what}") from error
        handler = getattr(module, source.handler, None)
        if not callable(handler):
            raise HandlerError(f"{function}: {source.module} has no function {source.handler!r}")
        return handler  # type: ignore[no-any-return]

    def _resumed(self, process: Process | None) -> None:
        self._loops.resumed(process)
        if process is None:
            self._place(None)
        elif isinstance(process.tag, Invocation):
            self._place(self._loaded.get(_key(process.tag)))

    def _place(self, loaded: _Loaded | None) -> None:
        """Put an environment in place of the present one; None restores the outside state."""
        placed = self._placed
        if loaded is placed:
            return
        self._placed = loaded
        if placed is not None:
            if len(sys.modules) != self._modules_count:
                # Its code has imported more, perhaps within the handler.
                placed.modules = _owned(placed.source)
            # A function may have replaced the list and the mapping by others.
            placed.path, placed.variables, placed.policy = sys.path, os.environ, event_loops.policy()
        # Between environments of one function the outside state stays aside.
        if not (placed and loaded and loaded.modules and loaded.modules.keys() == placed.modules.keys()):
            if placed is not None:
                self._restore(placed)
            if loaded is not None:
                self._set_aside(loaded)
        if loaded is not None:
            _put(loaded.modules, loaded.path, loaded.variables, loaded.manager, loaded.policy)
            self._modules_count = len(sys.modules)

    def _restore(self, placed: _Loaded) -> None:
        for name in placed.modules:
            sys.modules.pop(name, None)
        _put(self._modules, self._path, self._variables, self._manager, self._policy)

    def _set_aside(self, loaded: _Loaded) -> None:
        source = loaded.source
        if source.outside is None:
            source.outside = tuple(_owned(source))
        names = loaded.modules or source.outside
        self._modules = {name: sys.modules[name] for name in names if name in sys.modules}
        for name in self._modules:
            del sys.modules[name]
        self._path, self._variables, self._policy = sys.path, os.environ, event_loops.policy()


def _key(invocation: Invocation) -> tuple[str, int]:
    return invocation.environment.pool, invocation.environment.number


def _owned(source: Source) -> dict[str, ModuleType]:
    """Return the function's own modules among those of the process."""
    others, found = source.others, {}
    for name, module in list(sys.modules.items()):
        if others.get(name) is module:
            continue
        if source.owns(name, module):
            found[name] = module
        else:
            others[name] = module
    return found


def _put(
    modules: Mapping[str, ModuleType], path: list[str], variables: Any, manager: logging.Manager, policy: Any
) -> None:
    """Put a state in place; modules also as attributes of packages that are not among them."""
    sys.modules.update(modules)
    for name, module in modules.items():
        package, _, attribute = name.rpartition(".")
        if package and package not in modules:
            setattr(sys.modules[package], attribute, module)
    sys.path, os.environ = path, variables
    event_loops.use_policy(policy)
    logging.Logger.manager = manager
    logging.root = logging.Logger.root = manager.root
