"""The content of a lock file, and the error message made of it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci_ops.core.errors import LockHeld
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.json_document import parse_json
from ci_ops.core.text.lines import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.lease import Holder

MAX_TEXT_BYTES = 4096
RENEW_SECONDS = 30.0
"""How often a holder shows that it lives: the modification time of the lock file."""
SILENT_SECONDS = 4 * RENEW_SECONDS
"""After so long without a sign of life a holder is called stopped or suspended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockText:
    """The holder as its lock file names it; empty while it is being written."""

    holder: str = ""
    pid: int = 0
    host: str = ""
    since: datetime | None = None
    why: str = ""
    run_url: str = ""
    silent_seconds: float = 0.0
    """Time since the last sign of life; 0 where the holder gives none, as earlier versions did."""

    @property
    def is_dead(self) -> bool:
        """True when its process ran on this host and has ended."""
        if sys.platform == "win32" or self.pid <= 0 or self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


def write_text(descriptor: int, holder: Holder, *, token: int) -> None:
    """Write the holder; a full disk is ignored, because it must not prevent a rollback."""
    facts = {
        "holder": holder.name,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": holder.since.isoformat(timespec="seconds"),
        "why": holder.why,
        "run_url": holder.run_url,
        "token": token,
        "renew_seconds": RENEW_SECONDS,
    }
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    with suppress(OSError):
        os.write(descriptor, json.dumps(facts).encode() + b"\n")
        os.fsync(descriptor)


def read_text(descriptor: int) -> LockText:
    """Return the content of the lock file; it may be empty, or of an earlier version."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        facts = parse_json(os.read(descriptor, MAX_TEXT_BYTES))
        silence = time.time() - os.fstat(descriptor).st_mtime if "renew_seconds" in facts else 0.0
        return LockText(
            holder=one_line(str(facts["holder"])),
            pid=int(facts["pid"]),
            host=one_line(str(facts["host"])),
            since=datetime.fromisoformat(facts["since"]).astimezone(UTC),
            why=one_line(str(facts.get("why", ""))),
            run_url=one_line(str(facts.get("run_url", ""))),
            silent_seconds=max(0.0, silence),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return LockText()


def refusal(path: Path, text: LockText, *, now: datetime) -> LockHeld:
    """Return the error with the holder, since when and why it holds the lock, and how to free it."""
    if text.is_dead:
        return LockHeld(
            f"the lock is held by the last step of a run that was killed ({text.holder or 'process'}, {text.pid})",
            where=str(path),
            hint="Its programs are being ended; run again in a few seconds.",
        )
    return LockHeld(_sentence(text, now), where=str(path), hint=_hint(text))


def _sentence(text: LockText, now: datetime) -> str:
    where = f"process {text.pid} on {text.host}" if text.pid else "another process"
    sentence = (
        f"the lock is held by {text.holder} ({where})" if text.holder else f"the lock is held by {where}"
    )
    if text.why:
        sentence += f" to {text.why}"
    if text.since is not None:
        age = format_duration(max(0.0, (now - text.since).total_seconds()))
        sentence += f" since {text.since:%Y-%m-%d %H:%M:%S %Z}, for {age}"
    if text.silent_seconds > SILENT_SECONDS:
        sentence += f"; it has given no sign of life for {format_duration(text.silent_seconds)}"
    return f"{sentence}; its run: {text.run_url}" if text.run_url else sentence


def _hint(text: LockText) -> str:
    ways = ["cancel its run"] if text.run_url else []
    if text.pid and text.silent_seconds > SILENT_SECONDS:
        ways.append(f"continue its stopped process (`kill -CONT {text.pid}` on {text.host})")
        ways.append(f"kill it (`kill -KILL {text.pid}`)")
    elif text.pid:
        ways.append(f"end that process (`kill {text.pid}` on {text.host})")
    others = "".join(f" or {way}" for way in ways)
    return f"Wait until it has finished{others}; the lock of a process that has ended is free at once."
