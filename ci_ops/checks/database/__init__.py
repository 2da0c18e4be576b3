"""Whether the database answers: to the service, and where an address is given to a session of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ci_ops.checks._database.check import DatabaseCheck
from ci_ops.checks._database.document import Reading, is_database
from ci_ops.checks._database.trouble import DIRECT_RULES, DatabaseError, direct_fault
from ci_ops.checks._http.expect import ANSWER_RULES, NO_ANSWER_RULES, Latency
from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.checks.database.direct import session_facts, session_faults, shown_kind, slow_faults
from ci_ops.core.fields import Duration
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.health.document import Component
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "milliseconds": 1e-3, "us": 1e-6}
_SEVERITIES = {Status.FAIL: Status.FAIL, Status.WARN: Status.WARN}
_RULES = {
    Status.FAIL: "down",
    Status.WARN: "degraded",
    Status.ERROR: "unknown-word",
    Status.SKIP: "not-measured",
}


@dataclass(frozen=True, kw_only=True)
class Database(DatabaseCheck):
    """The database answers the service, and a read-only session of ours.

    A component of the health document counts as a database by its name
    (database, db, postgres, mysql and the like), as a health+json `datastore`
    that is no cache, queue or search, or where `component` names it. A document
    that names none is a warning: nothing was measured. With `dsn`, a read-only
    session is opened beside it, which shows version, encryption, the time to the
    first row and whether the server takes writes.

    Source: draft-inadarei-api-health-check-06 section 4.
    """

    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        **{name: ANSWER_RULES[name] for name in ("status", "aged", "slow")},
        "not-found": Rule(
            sentence="None of the usual health addresses answers 2xx.",
            advice="Name the health address in `path`, or set `health: false` for the direct look alone.",
        ),
        "no-document": Rule(
            sentence="The health address answers no health document.",
            advice='Answer `{"status": "pass", "checks": {"database": {"status": "pass"}}}`, or set '
            "`health: false` for the direct look alone.",
        ),
        "no-component": Rule(
            sentence="The health document names no database.",
            advice="Report the database as a component, or name it in `component`; where details are for clients "
            "with a token alone, send it with `send-headers`, from CI_OPS_HEALTH_TOKEN.",
        ),
        "down": Rule(
            sentence="The service says that its database is down.",
            advice="See the service's log for the connection error, then the database itself and the way between them.",
        ),
        "degraded": Rule(
            sentence="The service says that its database is degraded.",
            advice="See what the component says: a slow answer, or a pool without a free connection.",
        ),
        "unknown-word": Rule(
            sentence="The state of the database is no health word.",
            advice="Answer pass, warn or fail as the component's `status`.",
        ),
        "not-measured": Rule(
            sentence="The service did not check its database.",
            advice="Switch the component on in this environment.",
        ),
        **DIRECT_RULES,
        "takes-no-writes": Rule(
            sentence="The database takes no writes.",
            advice="See whether the address leads to a standby after a failover; for a replica on purpose set "
            "`writable: false`.",
        ),
        "unencrypted": Rule(
            sentence="The session is not encrypted.",
            advice="Add `sslmode=verify-full` to the address, and switch TLS on at the server.",
        ),
        "version": Rule(
            sentence="The database is older than allowed.",
            advice="Upgrade the server, or lower `min-version`.",
        ),
    }

    component: str = ""
    """Name of the database's component, such as `primary`, or a JSON path that starts with `$.`."""
    max_age: Duration = 60.0
    """How old the component's own measurement may be."""
    latency: Latency = field(default_factory=Latency)
    """Limits for the component's own latency, and for the time to the first row."""
    min_version: str = ""
    """Oldest version of the server, such as `15`."""
    encrypted: Literal["auto", "always", "any"] = "auto"
    """`auto` wants TLS beyond this machine, `always` everywhere; `any` does not ask."""
    writable: bool = True
    """The server has to take writes; false for a replica."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_version and not self.min_version.replace(".", "").isdecimal():
            raise ValueError("min-version: digits and dots, such as 15 or 10.11")

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Read the health document, then look directly."""
        faults: list[Fault] = []
        facts: dict[str, Any] = {}
        measured, told = 0, []
        if self.health:
            reading = self.read_document(parts, subject, world)
            found = self._components(reading)
            faults += [*reading.faults, *self._judge_all(world, reading, found)]
            measured += bool(reading.document)
            facts["components"] = {evidence(world, one.name, 60): str(one.status) for one in found}
            told += [
                f"the service says {one.status} of {name}"
                for name, one in zip(facts["components"], found, strict=True)
            ]
        if self.address:
            try:
                session = self.in_session(lambda session: session, subject, world)
            except DatabaseError as error:
                faults.append(direct_fault(world, error))
            else:
                measured += 1
                faults += session_faults(self, session, address=self.address)
                facts["direct"] = session_facts(session)
                told.append(f"{shown_kind(session)} answers in {format_duration(session.first_row_seconds)}")
        faults += self.source_faults()
        sentence = "; ".join(told)
        return conclude(
            self, faults, sentence=f"{sentence[:1].upper()}{sentence[1:]}.", measured=measured, facts=facts
        )

    def _components(self, reading: Reading) -> list[Component]:
        if reading.document is None:
            return []
        if self.component.startswith("$"):
            one = reading.at(self.component)
            return [one] if one else []
        if self.component:
            return [
                one for one in reading.document.components if one.name.casefold() == self.component.casefold()
            ]
        return [one for one in reading.document.components if is_database(one)]

    def _judge_all(self, world: World, reading: Reading, found: list[Component]) -> Iterator[Fault]:
        if reading.document is None:
            return
        for one in found:
            yield from self._judge(world, reading.name, one)
        if not found:
            checked = reading.document.checked
            others = ", ".join(one.name for one in reading.document.components[:5])
            yield Fault(
                rule="no-component",
                severity=Status.ERROR if self.component else Status.WARN,
                sentence=f"The health document of {reading.name} has no component {self.component}."
                if self.component
                else f"The health document of {reading.name} names no database.",
                expected=self.component or "a component that is a database",
                observed=evidence(
                    world, others or (f"checked: {checked}, without names" if checked > 0 else "no component")
                ),
                subject=reading.name,
                transient=bool(self.component),
            )

    def _judge(self, world: World, where: str, one: Component) -> Iterator[Fault]:
        name = evidence(world, one.name, 60)
        subject = f"{where} {name}"
        if one.status is not Status.PASS:
            said = one.word or str(one.status)
            yield Fault(
                rule=_RULES[one.status],
                severity=_SEVERITIES.get(one.status, Status.ERROR),
                sentence=f"The service says {evidence(world, said, 40)} of its database {name}.",
                expected="pass",
                observed=evidence(world, f"{said}: {one.output}" if one.output else said),
                subject=subject,
                transient=True,
            )
        unit = _SECONDS.get(one.observed_unit.casefold(), 0.0)
        if unit and isinstance(one.observed_value, int | float):
            yield from slow_faults(self.latency, f"The database {name}", one.observed_value * unit, subject)
        if one.observed_at is not None and world.clock.now() - one.observed_at > timedelta(
            seconds=self.max_age
        ):
            yield Fault(
                rule="aged",
                severity=Status.FAIL,
                sentence=f"The service's measurement of its database {name} is old.",
                expected=f"one no older than {format_duration(self.max_age)}",
                observed=f"{one.observed_at:%Y-%m-%d %H:%M:%S} UTC",
                subject=subject,
                transient=True,
            )
