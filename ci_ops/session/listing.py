"""A listing of deployments as text and as JSON."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.errors import StorageError, UsageError
from ci_ops.core.text.lines import console_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.flows.history import Listing


def listing_text(listing: Listing) -> str:
    """Return one line per deployment; the first column is the id that `rollback --to` accepts."""
    if not listing.records:
        return f"no deployment is known in {console_line(listing.environment)}\n"
    return "".join(f"{_line(each, is_live=listing.is_live(each))}\n" for each in listing.records)


def listing_json(listing: Listing) -> str:
    """Return the listing as a JSON document."""
    return json.dumps(listing.to_json(), indent=2) + "\n"


RENDERERS = {"text": listing_text, "json": listing_json}
"""How a listing is written, by the name of the format."""
_EXTENSIONS = {".txt": "text", ".json": "json"}


def listing_form(name: str) -> str:
    """Return the format of the listing, text by default. Raises UsageError for an unknown one."""
    if name and name not in RENDERERS:
        raise UsageError(
            "history has no such format", where="format", hint=f"One of: {', '.join(RENDERERS)}."
        )
    return name or "text"


def listing_files(reports: Iterable[str]) -> dict[Path, str]:
    """Return the files of `--report` with the format that each extension sets. Raises UsageError."""
    paths = [Path(each) for each in reports]
    unknown = next((path for path in paths if path.suffix not in _EXTENSIONS), None)
    if unknown is not None:
        hint = f"End the file's name in one of {', '.join(_EXTENSIONS)}."
        raise UsageError(f"history writes no such file as {unknown.name}", where="report", hint=hint)
    return {path: _EXTENSIONS[path.suffix] for path in paths}


def write_listing(path: Path, text: str) -> None:
    """Write a listing to a file of the caller. Raises StorageError."""
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        is_full = error.errno == errno.ENOSPC
        raise StorageError(
            f"cannot be written: {error.strerror}", where=str(path), is_full=is_full
        ) from error


def _line(record: DeploymentRecord, *, is_live: bool) -> str:
    when = f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC" if record.started_at else "-"
    columns = [record.id, record.state, record.kind, record.short_revision, when, record.actor or "-"]
    columns += ["(live)"] if is_live else []
    columns += [f"to {record.release}"] if record.release and record.release != record.id else []
    columns += [each for each in (record.reason, record.error) if each]
    return "  ".join(console_line(each) for each in columns)
