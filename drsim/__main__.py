"""The entry point of `drsim` and of `python -m drsim`. It imports next to nothing, so that Ctrl-C always meets it."""

import os
import sys


def main() -> int:
    """Run the command line, and return its exit code."""
    code = 2
    try:
        from drsim.interruption import ignore, listening

        with listening() as signals:
            try:
                _open_streams()
                from drsim.cli import main as command_line

                code = command_line()
            except KeyboardInterrupt:
                sys.stderr.write("drsim: interrupted\n")
            if signals.first is not None:
                code = signals.exit_code
        ignore()
    except KeyboardInterrupt:
        code = 2
        sys.stderr.write("drsim: interrupted\n")
    return code


def _open_streams() -> None:
    """Give a process that was started without standard streams empty ones: `drsim list >&-` prints nothing."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest free number, which is this one: those before it are open.
            opened = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(opened, "r" if number == 0 else "w", encoding="utf-8", closefd=False))
            os.set_inheritable(opened, True)


if __name__ == "__main__":
    sys.exit(main())
