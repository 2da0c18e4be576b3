"""The output formats of a call, validated before the work begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.errors import UsageError
from ci_ops.core.plugin import Format
from ci_ops.plugins import family

if TYPE_CHECKING:
    from ci_ops.session.call import Call


def check_output(call: Call) -> None:
    """Raise UsageError for an unknown format, or a report that cannot be written."""
    name = call.get("format")
    if name and name not in format_names():
        raise UsageError(
            f"there is no format {name!r}", where="format", hint=f"One of: {', '.join(format_names())}."
        )
    for path in map(Path, call.get("report", ())):
        format_for(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", where="report") from error
        if path.is_dir():
            raise UsageError(f"{path} is a folder", where="report")


def format_names() -> tuple[str, ...]:
    """Return the names of all formats."""
    return family("formats").names()


def format_for(path: Path) -> str:
    """Return the format for a file's extension. Raises UsageError for an unknown one."""
    known = {load_format(name).extension: name for name in format_names()}
    if path.suffix not in known:
        raise UsageError(
            f"no format is known for {path.name}",
            where="report",
            hint=f"End the file's name in one of {', '.join(sorted(known))}.",
        )
    return known[path.suffix]


def load_format(name: str) -> Format:
    """Return a format by its name. Raises UsageError for an unknown one."""
    plugin = family("formats").load(name)()
    assert isinstance(plugin, Format)
    return plugin
