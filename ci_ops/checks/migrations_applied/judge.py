"""What is wrong with what the service says of its migrations, and with what its database records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault, evidence
from ci_ops.checks.migrations_applied.recorded import DJANGO_TABLE
from ci_ops.core.contract.migrations import (
    AHEAD,
    broken_indexes,
    compare_migrations,
    compare_revisions,
    listed,
    newer_rows,
    repeated,
)
from ci_ops.core.health.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ci_ops.checks.migrations_applied.recorded import Recorded
    from ci_ops.checks.migrations_applied.release import Release
    from ci_ops.core.health.document import Component
    from ci_ops.core.ports.world import World

_RULES = {
    Status.FAIL: "pending",
    Status.WARN: "degraded",
    Status.ERROR: "unknown-word",
    Status.SKIP: "not-measured",
}
_SEVERITIES = {Status.FAIL: Status.FAIL, Status.WARN: Status.WARN}


def document_fault(world: World, where: str, one: Component, release: Release) -> Iterator[Fault]:
    """Yield the fault with the component of the health document, if any."""
    subject = f"{where} {evidence(world, one.name, 60)}"
    if one.status is not Status.PASS:
        is_ahead = one.status is Status.WARN and AHEAD in one.output
        said = evidence(world, one.output or one.word or str(one.status))
        yield Fault(
            rule="ahead" if is_ahead else _RULES[one.status],
            severity=_SEVERITIES.get(one.status, Status.ERROR),
            sentence=f"The service says of its migrations: {said}.",
            expected="pass",
            observed=said,
            subject=subject,
            transient=True,
        )
    elif release.heads and isinstance(one.observed_value, str):
        seen = {each.strip() for each in one.observed_value.split(",")}
        if seen != release.heads:
            yield Fault(
                rule="other-head",
                severity=Status.FAIL,
                sentence=f"The service says that its migrations end at {evidence(world, one.observed_value, 100)}.",
                expected=", ".join(sorted(release.heads)),
                observed=evidence(world, one.observed_value),
                subject=subject,
                transient=True,
            )


def recorded_faults(
    world: World, recorded: Recorded, release: Release, *, table: str, schema: str
) -> tuple[int, list[Fault]]:
    """Return how many tables were compared with the release, and everything that is wrong."""
    faults = [*_index_faults(world, recorded, schema)]
    compared = 0
    if release.heads:
        faults += (
            _alembic(world, recorded.revisions, release)
            if recorded.revisions is not None
            else [_no_table(recorded, table)]
        )
        compared += recorded.revisions is not None
    elif recorded.revisions is not None:
        faults += _repeated(world, recorded.revisions)
    if release.migrations is not None:
        faults += (
            _django(world, recorded.migrations, release)
            if recorded.migrations is not None
            else [_no_table(recorded, DJANGO_TABLE)]
        )
        compared += recorded.migrations is not None
    elif recorded.migrations is not None:
        faults += _repeated(world, [".".join(key) for key in recorded.migrations])
    if not release.is_known:
        faults.append(
            Fault(
                rule="nothing-to-compare",
                severity=Status.ERROR,
                sentence="",
                observed="neither scripts nor heads",
            )
        )
    return compared, faults


def _alembic(world: World, rows: Sequence[str], release: Release) -> Iterator[Fault]:
    if release.revisions is None:
        if set(rows) != release.heads:
            yield _fault(
                world, "other-head", "The database is at {names}.", sorted(set(rows)) or ["nothing"], release
            )
        yield from _repeated(world, rows)
        return
    state = compare_revisions(rows, heads=release.heads, parents=release.revisions.parents)
    if state.pending:
        yield _fault(
            world, "pending", "Migrations of the release are not applied: {names}.", state.pending, release
        )
    if state.unknown:
        yield _fault(world, "ahead", f"{AHEAD[:1].upper()}{AHEAD[1:]}: {{names}}.", state.unknown, release)
    yield from _repeated(world, rows)


def _django(world: World, rows: Sequence[tuple[str, str]], release: Release) -> Iterator[Fault]:
    assert release.migrations is not None
    plan, replaces = release.migrations.plan, release.migrations.replaces
    state = compare_migrations(rows, plan=plan, replaces=replaces)
    known = {*plan, *(part for parts in replaces.values() for part in parts)}
    applied = set(rows)
    # Where a squashed migration is applied, its parts are too, whether their files are still there or not.
    squashed = {".".join(part) for key, parts in replaces.items() if key in applied for part in parts}
    pending = [name for name in state.pending if name not in squashed]
    own = {app for app, _ in plan}
    ahead = newer_rows([row for row in rows if row[0] in own], known)
    if pending:
        yield _fault(
            world, "pending", "Migrations of the release are not applied: {names}.", pending, release
        )
    if ahead:
        yield _fault(world, "ahead", f"{AHEAD[:1].upper()}{AHEAD[1:]}: {{names}}.", ahead, release)
    yield from _repeated(world, [".".join(row) for row in rows])


def _fault(world: World, rule: str, sentence: str, names: Sequence[str], release: Release) -> Fault:
    told = evidence(world, listed(list(names)))
    return Fault(
        rule=rule,
        severity=Status.WARN if rule == "ahead" else Status.FAIL,
        sentence=sentence.format(names=told),
        expected=", ".join(sorted(release.heads)) or "every migration of the checkout",
        observed=told,
        subject=rule,
        transient=rule != "ahead",
    )


def _repeated(world: World, names: Sequence[str]) -> Iterator[Fault]:
    twice = repeated(names)
    if twice:
        told = evidence(world, listed(twice))
        yield Fault(
            rule="repeated",
            severity=Status.FAIL,
            sentence=f"Recorded more than once: {told}.",
            expected="one row for each migration",
            observed=told,
            subject="rows",
        )


def _index_faults(world: World, recorded: Recorded, schema: str) -> Iterator[Fault]:
    broken, building = broken_indexes(recorded.indexes or (), {schema} - {""})
    for rule, severity, names in (
        ("invalid-index", Status.FAIL, broken),
        ("building-index", Status.WARN, building),
    ):
        if names:
            told = evidence(world, listed(names))
            verb = "Invalid" if rule == "invalid-index" else "Being built now"
            yield Fault(
                rule=rule,
                severity=severity,
                sentence=f"{verb}: {told}.",
                expected="valid indexes",
                observed=told,
                subject=told,
                transient=rule == "building-index",
            )


def _no_table(recorded: Recorded, table: str) -> Fault:
    return Fault(
        rule="no-table",
        severity=Status.FAIL,
        sentence=f"The database has no table {table}: nothing of the release is applied there.",
        expected=table,
        observed=f"in other schemas: {', '.join(recorded.elsewhere)}"
        if recorded.elsewhere
        else "no such table",
        subject=table,
        transient=True,
    )
