"""The base class of the checks that read a health document, a database, or both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ci_ops.checks._database.document import Reading, read_document
from ci_ops.checks._database.session import Session, group_of, in_session
from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._verdict import Fault
from ci_ops.core.fields import Secret
from ci_ops.core.health.status import Status
from ci_ops.core.text.weburl import passwords_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.subject import Subject

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, kw_only=True)
class DatabaseCheck(HttpCheck):
    """A check of a database through the health document, and directly where an address is given."""

    health: bool = True
    """Read the health document; false for the direct look alone."""
    path: str = ""
    """Path of the health address, such as `/healthz`, where the URL is the service's root."""
    dsn: Secret | None = None
    """Address of the database, such as `${DATABASE_URL}`, for a read-only session beside the health document."""

    @property
    def groups(self) -> frozenset[str]:
        """The lock group of the driver for the address."""
        return frozenset({group_of(self.address)}) - {""}

    @property
    def address(self) -> str:
        """The address of the database; empty where none is given."""
        return self.dsn.reveal() if self.dsn else ""

    def read_document(self, parts: SplitResult, subject: Subject, world: World) -> Reading:
        """Read the service's health document."""
        return read_document(self.question(subject, world), parts, path=self.path)

    def in_session(self, work: Callable[[Session], AnswerT], subject: Subject, world: World) -> AnswerT:
        """Return the work's answer from a read-only session, within the check's time. Raises DatabaseError."""
        world.redact.add(*passwords_in(self.address))
        return in_session(
            self.address, subject.root, work, timeout_seconds=subject.timeout_seconds, stop=world.stop
        )

    def source_faults(self) -> tuple[Fault, ...]:
        """Return the fault of a configuration that names nothing to measure."""
        if self.health or self.address:
            return ()
        return (
            Fault(
                rule="not-asked",
                severity=Status.ERROR,
                sentence="There is nothing to look at: `health` is false, and no `dsn` is given.",
                expected="the health document or an address",
                observed="neither",
                advice="Set `dsn: ${DATABASE_URL}`, or leave `health: false` out.",
            ),
        )
