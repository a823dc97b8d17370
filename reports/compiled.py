"""Compiled templates, kept beside Python's own bytecode: compiling them takes longer than all else of a report."""

import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

_TEMPLATES: Final = Path(__file__).parent / "templates"


class CompiledTemplates(FileSystemBytecodeCache):
    """Jinja2's cache in `__pycache__` of the templates' folder. As with modules, it may be impossible to write there.

    It depends on the text of a template and on the versions of Python and Jinja2. PYTHONDONTWRITEBYTECODE and
    PYTHONPYCACHEPREFIX apply.
    """

    def __init__(self) -> None:
        super().__init__(str(Path(cache_from_source(str(_TEMPLATES / "any.py"))).parent))

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if the template is kept."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template if that is possible."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(parents=True, exist_ok=True)
                super().dump_bytecode(bucket)
