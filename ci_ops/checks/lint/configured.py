"""Which linters a project configures."""

from __future__ import annotations

import configparser
import tomllib
from typing import TYPE_CHECKING, Literal

from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1 << 20
Tool = Literal["flake8", "ruff"]


def configured(root: Path) -> tuple[Tool, ...]:
    """Return the linters that have a configuration at `root`.

    Sources: flake8.pycqa.org/en/latest/user/configuration.html, docs.astral.sh/ruff/configuration.
    """
    has_flake8 = any(_has_section(root / name) for name in ("setup.cfg", "tox.ini", ".flake8"))
    has_ruff = any((root / name).is_file() for name in ("ruff.toml", ".ruff.toml")) or _has_table(root)
    flake8: tuple[Tool, ...] = ("flake8",) if has_flake8 else ()
    return (*flake8, "ruff") if has_ruff else flake8


def _has_section(path: Path) -> bool:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_text_file(path, max_bytes=MAX_BYTES))
    except (OSError, ValueError, configparser.Error):
        return path.name == ".flake8" and path.is_file()
    return parser.has_section("flake8")


def _has_table(root: Path) -> bool:
    try:
        document = tomllib.loads(read_text_file(root / "pyproject.toml", max_bytes=MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    tool = document.get("tool")
    return isinstance(tool, dict) and "ruff" in tool
