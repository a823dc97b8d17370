"""Files written whole: a reader sees the old file or the new one, even if the writer is killed."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_SUFFIX: Final = ".part"


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path beside a file, which takes the file's name once all is written there."""
    with beside(path) as new:
        yield new
        new.replace(path)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step. Raises OSError."""
    with replaced(path) as new:
        new.write_bytes(data)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place on the same disk that no other process has; what is not moved away is removed at the end.

    Places of this file that killed processes left are removed first.
    """
    remove_left(path.parent, path.name)
    # A folder: tempfile's files are readable by their owner only, and stay so when they are moved.
    with TemporaryDirectory(
        prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent, ignore_cleanup_errors=True
    ) as home:
        # The lock ends with this process, however that ends.
        lock = os.open(home, os.O_RDONLY)
        try:
            # Not every file system has locks; then nothing is removed, either.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_SH)
            # Another process may have taken it for one that was left, in the instant before the lock.
            Path(home).mkdir(exist_ok=True)
            yield Path(home, path.name)
        finally:
            os.close(lock)


def remove_left(folder: Path, name: str) -> None:
    """Remove the places of a file in a folder that killed processes left, and none that a process still has."""
    is_left = re.compile(rf"\.{re.escape(name)}\.\w{{8}}{re.escape(_SUFFIX)}").fullmatch
    for home in [each for each in folder.iterdir() if is_left(each.name)] if folder.is_dir() else ():
        with suppress(OSError):
            lock = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(home, ignore_errors=True)
            finally:
                os.close(lock)
