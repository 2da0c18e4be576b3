"""What a session of ours showed of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.checks._database.session import is_local
from ci_ops.checks._verdict import Fault
from ci_ops.core.contract.versions import satisfies
from ci_ops.core.health.status import Status
from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.checks._database.session import Session
    from ci_ops.checks._http.expect import Latency
    from ci_ops.checks.database import Database

_NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MySQL", "mariadb": "MariaDB"}


def session_faults(check: Database, session: Session, *, address: str) -> Iterator[Fault]:
    """Yield everything about the session that is not as the check expects."""
    if check.writable and session.takes_writes is False:
        yield _fault(session, "takes-no-writes", Status.FAIL, "a server that takes writes")
    if _travels(check, session, address) and not session.is_encrypted:
        sentence = (
            ""
            if session.is_encrypted is False
            else "The driver does not tell whether the session is encrypted."
        )
        yield _fault(session, "unencrypted", Status.WARN, "TLS", sentence=sentence)
    if check.min_version and satisfies(session.version, f">={check.min_version}") is not True:
        yield _fault(session, "version", Status.FAIL, f"{check.min_version} or newer")
    yield from slow_faults(check.latency, "The first row", session.first_row_seconds, "dsn")


def slow_faults(latency: Latency, what: str, seconds: float, subject: str) -> Iterator[Fault]:
    """Yield the fault with a time that is over one of the limits, if any."""
    for severity, limit in ((Status.FAIL, latency.fail), (Status.WARN, latency.warn)):
        if limit and seconds > limit:
            yield Fault(
                rule="slow",
                severity=severity,
                sentence=f"{what} takes {format_duration(seconds)}.",
                expected=f"at most {format_duration(limit)}",
                observed=format_duration(seconds),
                subject=subject,
                transient=True,
            )
            return


def session_facts(session: Session) -> dict[str, Any]:
    """Return what was measured; null where the database or its driver does not tell."""
    return {
        "kind": session.kind,
        "version": session.version,
        "read_only": session.is_read_only,
        "encrypted": session.is_encrypted,
        "takes_writes": session.takes_writes,
        "seconds": {"connect": session.connect_seconds, "first_row": session.first_row_seconds},
    }


def shown_kind(session: Session) -> str:
    """Return the database with its version, such as `PostgreSQL 18.4`."""
    return f"{_NAMES.get(session.kind, session.kind)} {session.version}".strip()


def _travels(check: Database, session: Session, address: str) -> bool:
    """Return True where what the session carries has to be encrypted."""
    if session.kind == "sqlite":
        return False
    return check.encrypted == "always" or (check.encrypted == "auto" and not is_local(address))


def _fault(session: Session, rule: str, severity: Status, expected: str, *, sentence: str = "") -> Fault:
    return Fault(
        rule=rule,
        severity=severity,
        sentence=sentence,
        expected=expected,
        observed=shown_kind(session),
        subject="dsn",
    )
