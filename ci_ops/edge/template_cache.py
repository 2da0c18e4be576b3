"""Compiled templates, kept beside the bytecode of our own modules."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from jinja2.bccache import BytecodeCache

from ci_ops import __version__

if TYPE_CHECKING:
    from jinja2.bccache import Bucket


class TemplateCache(BytecodeCache):
    """The cache of the templates below a folder.

    Its files lie where the interpreter keeps its own (`__pycache__`, or `sys.pycache_prefix`) and are
    trusted as those are. A file that is torn, or of another version, is compiled again; a folder that
    cannot be written leaves nothing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return the file that holds the compiled template."""
        del filename
        return cache_from_source(str(self._root / name))

    def get_source_checksum(self, source: str) -> str:
        """Return a checksum of the source and of whatever compiled it."""
        return super().get_source_checksum(f"{__version__} {jinja2.__version__}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket; leave it empty where there is no usable file."""
        try:
            with Path(bucket.key).open("rb") as file:
                bucket.load_bytecode(file)
        except Exception:  # noqa: BLE001 - whatever a torn file makes of unpickling
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write the file in one piece, unless this interpreter writes no bytecode."""
        if sys.dont_write_bytecode:
            return
        path = Path(bucket.key)
        part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(bucket.bytecode_to_string())
            part.replace(path)
