"""What went wrong with a database, as one error with one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.core.ports.world import World

DIRECT_RULES: Mapping[str, Rule] = {
    "no-session": Rule(
        sentence="The database did not answer a session of ours.",
        advice="See whether the server runs and lets this machine in; from here: `psql` or its like with the same "
        "address.",
    ),
    "driver": Rule(
        sentence="The driver of the database is not installed.",
        advice='Install it beside ci-ops: `pipx install "ci-ops[cli,postgres]"` for PostgreSQL; for others the extra '
        "`sqlalchemy` and the driver that the address names.",
    ),
}
"""What every check may find that opens a session of its own."""
_UNASKED = frozenset({"dsn", "driver", "missing", "name", "login", "query"})
"""Kinds after which nothing is known of the database."""
_NAME = re.compile(
    r"could not translate host name|failed to resolve host|name or service not known|getaddrinfo|"
    r"unknown (?:mysql )?server host",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"invalid (?:integer value|port|connection option|uri|percent)|missing \"=\"", re.IGNORECASE
)
_PASSING = re.compile(
    r"starting up|shutting down|recovery mode|too many|remaining connection slots|not yet accepting",
    re.IGNORECASE,
)
"""What a server says that is there and takes no session now."""
_STATES = {
    "28": "login",
    "3D": "login",
    "53": "busy",
    "57014": "timeout",
    "57P": "busy",
    "58": "busy",
    "XX": "busy",
}
"""Beginnings of the codes of PostgreSQL. Source: PostgreSQL 18, Appendix A."""
_LOGIN = re.compile(
    r"FATAL:|authenticat|access denied|password|pg_hba|unknown database|no such role", re.IGNORECASE
)


class DatabaseError(Exception):
    """No session came about, or a query was refused. `kind` is one word."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        """dsn, driver, missing, name, login, query, busy, broken, timeout or unreachable."""
        self.sentence = sentence


def explained(error: Exception) -> DatabaseError:
    """Return the error of a driver in words of ours."""
    text = str(getattr(error, "orig", None) or error)  # SQLAlchemy wraps what the driver said
    if isinstance(error, ValueError):
        return DatabaseError("dsn", text)
    state = getattr(error, "sqlstate", None)
    if state:
        return DatabaseError(
            next((kind for start, kind in _STATES.items() if state.startswith(start)), "query"), text
        )
    if type(error).__name__ == "DatabaseError":  # of sqlite3, for a file that is no database
        return DatabaseError("broken", text)
    for kind, pattern in (("dsn", _ADDRESS), ("name", _NAME), ("busy", _PASSING), ("login", _LOGIN)):
        if pattern.search(text):
            return DatabaseError(kind, text)
    return DatabaseError("unreachable", text or type(error).__name__)


def direct_fault(world: World, error: DatabaseError) -> Fault:
    """Return the fault for a database that could not be looked at directly.

    `fail` where it did not answer, `error` where it could not be asked.
    """
    could_ask = error.kind not in _UNASKED
    rule = "driver" if error.kind == "driver" else "no-session" if could_ask else "not-asked"
    return Fault(
        rule=rule,
        severity=Status.FAIL if could_ask else Status.ERROR,
        sentence="The database did not answer a session of ours."
        if could_ask
        else "The database could not be asked directly.",
        expected="a read-only session",
        observed=evidence(world, error.sentence),
        subject="dsn",
        transient=error.kind in {"busy", "timeout", "unreachable", "name"},
    )
