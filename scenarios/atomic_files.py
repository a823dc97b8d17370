"""Files written whole: a reader sees the old file or the new one, even if the writer is killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


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
    """A path on the same disk that no other process has; what is not moved away is removed at the end."""
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent, ignore_cleanup_errors=True) as home:
        # A folder: tempfile's files are readable by their owner only, and stay so when they are moved.
        yield Path(home, path.name)
