"""Whether the database is at the release's migrations: as the service says, and as its tables record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.checks._database.check import DatabaseCheck
from ci_ops.checks._database.document import MIGRATIONS
from ci_ops.checks._database.trouble import DIRECT_RULES, DatabaseError, direct_fault
from ci_ops.checks._http.expect import ANSWER_RULES, NO_ANSWER_RULES
from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.checks.migrations_applied.judge import document_fault, recorded_faults
from ci_ops.checks.migrations_applied.recorded import Recorded, is_name, read_recorded
from ci_ops.checks.migrations_applied.release import Release, read_release
from ci_ops.core.contract.migrations import INVALID_ADVICE, REPEATED_ADVICE
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.checks._database.document import Reading
    from ci_ops.core.health.document import Component
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject


@dataclass(frozen=True, kw_only=True)
class MigrationsApplied(DatabaseCheck):
    """The database is at the migrations of the release: Alembic and Django.

    The service's health document says so in a component called migrations, as
    the kit's does; with `dsn` the tables of Alembic and Django are read beside
    it, and compared with the migrations in the checkout, which are read and not
    run. A migration that is recorded twice and an index of PostgreSQL that its
    build left invalid fail, although every tool calls them good. A database
    ahead of the release is a warning: after a rollback that is the normal state.

    Source: Alembic 1.20 and Django 5.2 (their tables); PostgreSQL 18, `pg_index`.
    """

    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        **{name: ANSWER_RULES[name] for name in ("status", "aged")},
        "not-found": Rule(
            sentence="None of the usual health addresses answers 2xx.",
            advice="Name the health address in `path`, or give `dsn` with `health: false`.",
        ),
        "no-document": Rule(
            sentence="The health address answers no health document.",
            advice="Answer one with a component called migrations, or give `dsn` with `health: false`.",
        ),
        "no-component": Rule(
            sentence="The health document says nothing of migrations.",
            advice="Add the kit's `alembic_check` or `django_migrations_check`, name the component in `component`, or "
            "give `dsn`; where details are for clients with a token alone, send it in `send-headers`.",
        ),
        **DIRECT_RULES,
        "unreadable-file": Rule(
            sentence="The migrations of the release cannot be read.",
            advice="Fix the file that is named, or give the expected heads in `heads`.",
        ),
        "nothing-to-compare": Rule(
            sentence="The checkout has no migrations to compare with.",
            advice="Run in the folder of the project (`directory`), name the folder of Alembic's scripts in `scripts`, "
            "or give `heads`.",
        ),
        "no-table": Rule(
            sentence="The database has no table of migrations.",
            advice="See whether the address names the right database; for another schema or table set `schema` or "
            "`version-table`.",
        ),
        "pending": Rule(
            sentence="Migrations of the release are not applied.",
            advice="Run `alembic upgrade head` or `manage.py migrate` from this release. Where apps in the checkout "
            "are not installed, name the installed ones in `apps`.",
        ),
        "other-head": Rule(
            sentence="The database is at another revision than expected.",
            advice="See which release migrated it, and whether the service runs the code of this one.",
        ),
        "ahead": Rule(
            sentence="The database is ahead of the release.",
            advice='After a rollback this is the normal state, and Alembic says "Can\'t locate revision" there: run no '
            "migration from this release, and see that its newer migrations suit this code. Otherwise a newer release "
            "was here: deploy it again.",
        ),
        "degraded": Rule(
            sentence="The service says that its migrations are degraded.",
            advice="See what the component says.",
        ),
        "unknown-word": Rule(
            sentence="The state of the migrations is no health word.",
            advice="Answer pass, warn or fail as the component's `status`.",
        ),
        "not-measured": Rule(
            sentence="The service did not check its migrations.",
            advice="Switch the component on in this environment.",
        ),
        "repeated": Rule(
            sentence="A migration is recorded more than once.", advice=f"It seems that {REPEATED_ADVICE}."
        ),
        "invalid-index": Rule(
            sentence="An index is invalid.", advice=f"{INVALID_ADVICE[:1].upper()}{INVALID_ADVICE[1:]}."
        ),
        "building-index": Rule(
            sentence="An index is being built.",
            advice="Wait for its end, and run the check again: until then nothing is known of it.",
        ),
    }

    component: str = ""
    """Name of the component, such as `schema`; without it the one that is called migrations."""
    heads: tuple[str, ...] = ()
    """Expected revisions of Alembic, such as `1a2b3c`, where the scripts are not in the checkout."""
    scripts: str = ""
    """Folder of Alembic's scripts, such as `shop/migrations`; without it, as alembic.ini says."""
    version_table: str = "alembic_version"
    """Alembic's table."""
    schema: str = ""
    """Schema of the tables, such as `shop`; without it, the search path of the address."""
    apps: tuple[str, ...] = ()
    """Labels of Django's installed apps, such as `orders`; without it, every app in the checkout."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, value in (("version-table", self.version_table), ("schema", self.schema or "public")):
            if not is_name(value):
                raise ValueError(f"{key}: letters, digits and _ alone")

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Read the release, then the health document, then the tables."""
        faults: list[Fault] = []
        release = Release(heads=frozenset(self.heads))
        try:
            release = read_release(subject.root, heads=self.heads, scripts=self.scripts, apps=self.apps)
        except ValueError as error:
            faults.append(_unreadable(world, str(error)))
        measured, facts = 0, dict[str, Any](release.facts)
        if self.health:
            reading = self.read_document(parts, subject, world)
            found = self._component(reading)
            faults += reading.faults
            if found is not None:
                measured += 1
                faults += document_fault(world, reading.name, found, release)
                facts["service"] = str(found.status)
            elif reading.document is not None and not self.address:
                faults.append(_no_component(reading.name))
        if self.address:
            try:
                recorded = self._recorded(subject, world)
            except DatabaseError as error:
                faults.append(direct_fault(world, error))
            else:
                compared, direct = recorded_faults(
                    world, recorded, release, table=self.version_table, schema=self.schema
                )
                measured += compared
                faults += direct
                facts["database"] = recorded.kind
        faults += self.source_faults()
        sentence = f"The database is at the migrations of the release{_told(release)}."
        return conclude(self, faults, sentence=sentence, measured=measured, facts=facts)

    def _component(self, reading: Reading) -> Component | None:
        wanted = self.component.casefold()
        for one in reading.document.components if reading.document else ():
            name = one.name.casefold()
            if name == wanted if wanted else MIGRATIONS.search(name):
                return one
        return None

    def _recorded(self, subject: Subject, world: World) -> Recorded:
        return self.in_session(
            lambda session: read_recorded(session, version_table=self.version_table, schema=self.schema),
            subject,
            world,
        )


def _told(release: Release) -> str:
    return f": {', '.join(sorted(release.heads))}" if release.heads else ""


def _unreadable(world: World, problem: str) -> Fault:
    return Fault(
        rule="unreadable-file",
        severity=Status.ERROR,
        sentence=f"The migrations of the release cannot be read: {evidence(world, problem)}.",
        expected="migrations that can be read without running them",
        observed=evidence(world, problem),
    )


def _no_component(name: str) -> Fault:
    return Fault(
        rule="no-component",
        severity=Status.ERROR,
        sentence=f"The health document of {name} says nothing of migrations.",
        expected="a component called migrations",
        observed="none",
        subject=name,
        transient=True,
    )
