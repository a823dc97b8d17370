"""`drsim serve`: a world behind an HTTP endpoint for any AWS client. `simulator.wire.server` owns the endpoint."""

import gc
import math
import signal
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.exceptions import Exit

from drsim.arguments import ExitCode, SeedOption, SetOption, UserError, complain, option, reading

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario
    from drsim.simulator.wire.access import Access
    from drsim.simulator.wire.pacer import Pacer
    from drsim.simulator.wire.server import Endpoint, ServedWorld

_HOST: Final = "127.0.0.1"
_SPARE_SERVERS: Final = 10
_SPEED_MAX: Final = 100_000.0
_STOP_SECONDS_MAX: Final = 0.8
_EMPTY: Final = """\
name: empty
title: Nothing but a table and source servers
why: Whatever happens in it, clients do.
"""


def serve(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A scenario, whose executions start; by default an empty world.")
    ] = "",
    seed: SeedOption = 1,
    changes: SetOption = None,
    speed: Annotated[float, typer.Option(metavar="N", help="Virtual seconds for each second of yours.")] = 60,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 for any free port.")] = 5000,
    host: Annotated[str, typer.Option(help="The address to listen on; other than loopback it needs --expose.")] = _HOST,
    expose: Annotated[bool, typer.Option("--expose", help="Let other machines use this world; see --host.")] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name by which clients reach it, in Host and Origin."),
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Let time stand still until POST /drsim/resume.")] = False,
) -> None:
    """Serve DRS, the execution table and a scenario's workload to any AWS client, in virtual time; Ctrl-C ends it."""
    if not 0 < speed <= _SPEED_MAX or not math.isfinite(speed):
        raise UserError(f"--speed must be more than 0 and at most {_SPEED_MAX:.0f}, got {speed}")
    from drsim.scenarios.extras import needs
    from drsim.scenarios.files import load, parse

    scenario = reading(lambda: load(name, changes or []) if name else parse(_EMPTY, "the empty world", changes or []))
    # moto warns before it raises.
    with needs("wire", "serve"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import drsim.simulator.wire.server  # noqa: F401 - to see whether it is installed
    from drsim.simulator.workload import check_fit

    _check_reach(host, allow or [], is_exposed=expose)
    option(scenario.name, lambda: check_fit(scenario.workload, scenario.judged_by))
    code = ExitCode.PASS
    with _ended_by_signals(), suppress(KeyboardInterrupt):
        code = _serve(scenario, seed, speed, host, port, allow or [], paused=paused)
    raise Exit(code)


def _check_reach(host: str, names: list[str], *, is_exposed: bool) -> None:
    """Refuse to listen where other machines can connect, unless the user wants that."""
    from drsim.simulator.wire.access import is_loopback, name_in

    if not name_in(host):
        raise UserError(f"--host must be an address or a host name, got {host!r}")
    if not is_loopback(host) and not is_exposed:
        raise UserError(
            f"--host {host!r} lets every machine that reaches this one read and change the world, with any "
            "credentials and without encryption; --expose allows it"
        )
    for name in names:
        # An IPv6 address has two colons at least, and a name with a port has one.
        if not name_in(name) or "[" in name or name.count(":") == 1:
            raise UserError(f"--allow must be a host name or an address, without scheme and port, got {name!r}")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C, and SIGTERM, which supervisors send, end the server, which is no interruption of a command."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(
    scenario: "Scenario", seed: int, speed: float, host: str, port: int, names: list[str], *, paused: bool
) -> ExitCode:
    from drsim.console import long_line, output
    from drsim.scenarios.machine import new_secret, wall_seconds
    from drsim.simulator.wire.access import Access
    from drsim.simulator.wire.listener import bound, http_server
    from drsim.simulator.wire.outgoing import cut
    from drsim.simulator.wire.pacer import Pacer
    from drsim.simulator.wire.server import Endpoint, served_world

    try:
        listening = bound(host, port)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot listen on {host}, port {port}: {reason}; --port 0 takes any free port") from None
    with closing(listening), served_world(scenario, seed=seed, spare_servers=_SPARE_SERVERS) as world:
        pacer = Pacer(world.kernel, speed=speed, paused=paused, wall_seconds=wall_seconds, complain=complain)
        access = Access(new_secret(), [host, *names])
        endpoint = Endpoint(world, pacer, access, complain)
        server = http_server(listening, endpoint)
        began_s = wall_seconds()
        url = f"http://{_shown_host(host)}:{server.port}"
        long_line(output(), _announcement(scenario, seed, world, pacer, access, url))
        pacer.start(on_broken=server.shutdown)
        try:
            with cut():
                # Returns on Ctrl-C.
                server.serve_forever()
        finally:
            pacer.stop(_STOP_SECONDS_MAX)
        long_line(output(), _totals(world, endpoint, wall_seconds() - began_s))
        # Skip the last garbage collection of moto's many objects, which takes seconds on a busy machine.
        gc.freeze()
        if pacer.broken is not None:
            complain(f"internal error: {type(pacer.broken).__name__}: {pacer.broken}")
            return ExitCode.INTERNAL
    return ExitCode.PASS


def _shown_host(host: str) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{reachable}]" if ":" in reachable else reachable


def _announcement(
    scenario: "Scenario", seed: int, world: "ServedWorld", pacer: "Pacer", access: "Access", url: str
) -> str:
    table, scope, spare = world.table, world.spare_scope, world.spare_ids
    begin = world.shown(0).partition(".")[0] + "Z"
    spare_lines = "\n            ".join("  ".join(spare[first : first + 4]) for first in range(0, len(spare), 4))
    return f"""\
drsim serves {scenario.name}, seed {seed}, at {url}
  time      from {begin}, {pacer.speed:g} virtual seconds a second{", paused" if pacer.paused else ""}
  table     {table.name}, index {table.layout.contract.table.index}, in us-east-1
  account   {scope.account_id}, whatever credentials a client has
  servers   {len(spare)} in {scope.region} for jobs of yours, those of executions besides:
            {spare_lines}

  export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION={scope.region}
  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  aws drs start-recovery --is-drill --source-servers sourceServerID={spare[0]}
  aws drs describe-jobs --endpoint-url {url}
  aws dynamodb query --table-name {table.name} \\
      --index-name {table.layout.contract.table.index} --key-condition-expression '#s = :s' \\
      --expression-attribute-names '{{"#s": "{table.layout.execution.path("status")}"}}' \\
      --expression-attribute-values '{{":s": {{"S": "POLLING"}}}}'
  curl {url}/drsim/time   # and /drsim/executions, /drsim/servers
  export DRSIM_TOKEN={access.token}   # for /drsim/advance, /drsim/pause, /drsim/resume
  curl -X POST -H "X-Drsim-Token: $DRSIM_TOKEN" '{url}/drsim/advance?by=10m'

Ctrl-C ends it."""


def _totals(world: "ServedWorld", endpoint: "Endpoint", seconds: float) -> str:
    from drsim.simulator.durations import show_seconds

    counts = ", ".join(f"{service} {count}" for service, count in sorted(endpoint.requests.items())) or "none"
    jobs = sum(len(world.drs.jobs(scope)) for scope in world.scopes)
    ran = f"{show_seconds(world.kernel.now_us / 1e6)} of virtual time"
    ended = f"{ran}, executions in the table: {len(world.table)}, DRS jobs: {jobs}"
    return f"\ndrsim served requests for {show_seconds(seconds)}: {counts}\n  {ended}"
