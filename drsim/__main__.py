"""The entry point of `drsim` and of `python -m drsim`. It imports next to nothing, so that Ctrl-C always meets it."""

import sys


def main() -> int:
    """Run the command line, and return its exit code."""
    code = 2
    try:
        from drsim.interruption import ignore, listening

        with listening() as signals:
            try:
                from drsim.cli import main as command_line

                code = command_line()
            except KeyboardInterrupt:
                code = signals.exit_code
                sys.stderr.write("drsim: interrupted\n")
        ignore()
    except KeyboardInterrupt:
        sys.stderr.write("drsim: interrupted\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
