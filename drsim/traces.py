"""Traces that runs left on disk: whether a file is the trace of its run, and what is wrong with it if not."""

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Final

from drsim.simulator.decoder import NoEventError, columns_of

_PIECE_BYTES: Final = 1 << 20
_SHOWN_MAX: Final = 60


def damage_of(path: Path, digest: str) -> str:
    """What is wrong with a trace's file whose lines have this digest; "" if nothing is."""
    found = hashlib.sha256()
    try:
        if not path.stat().st_size:
            return "cannot be read (it is empty)"
        with gzip.open(path, "rb") as file:
            while piece := file.read(_PIECE_BYTES):
                found.update(piece)
    except EOFError:
        return "cannot be read (it is cut off: its compressed data does not end)"
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"cannot be read (it is damaged: {error})"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if found.hexdigest() != digest:
        return (
            f"is not the trace of the result.json beside it, whose trace_digest is {digest[:16]}..., "
            f"got {found.hexdigest()[:16]}..."
        )
    return ""


def wrong_line(path: Path) -> str:
    """The first line of a trace that is no event, and why; "" if each is one.

    The file can be decompressed. Nothing shows that a trace and its digest were both replaced.
    """
    with gzip.open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                columns_of(line)
            except NoEventError as error:
                shown = line.rstrip()[:_SHOWN_MAX].decode(errors="replace")
                return f"line {number} is no event ({error}), got {shown!r}"
    return ""
