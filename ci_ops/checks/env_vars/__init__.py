"""Whether the environment variables meet the needs of the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ci_ops.checks._http.assertions import check_pattern
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.env_vars.dotenv import Dotenv, Entry, read_dotenv
from ci_ops.checks.env_vars.faults import copied, forbidden
from ci_ops.checks.env_vars.wanted import Wanted, put_together
from ci_ops.core.contract.presets import PRESETS
from ci_ops.core.declaration import read_declaration
from ci_ops.core.errors import UsageError
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location
from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.contract.variables import VariableProblem
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

EXAMPLE_FILE = ".env.example"
PRODUCTION = "production"
MAX_EXAMPLE_BYTES = 1 << 20
_RULES = {"form": "pattern"}
"""Rules of the contract that have another name here."""


@dataclass(frozen=True, kw_only=True)
class EnvVars(Check):
    """The service's environment variables are set, and none is a placeholder.

    Looked at are the variables given for the service, else those of this
    process. Values are never shown, only their length.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "missing": Rule(
            sentence="A required variable is not set.",
            advice="Set it where the service gets its environment, and hand it to this step with `env:`.",
        ),
        "absent": Rule(
            sentence="None of the variables is set here.",
            advice="Hand the service's variables to this step with `env:` or CI_OPS_ENV; "
            "then they can be compared with the names the service needs.",
        ),
        "forbidden": Rule(
            sentence="A variable is set that must not be set in production.",
            advice="Remove it from the production environment; many programs take any text as true.",
        ),
        "pattern": Rule(
            sentence="A variable does not have the expected form.",
            advice="Compare the value with the pattern; it is not shown here on purpose.",
        ),
        "placeholder": Rule(
            sentence="A variable still has a placeholder for its value.",
            advice="Give it its real value; for demonstrations, ignore the rule with a reason and a date.",
        ),
        "weak": Rule(
            sentence="A secret is too easy to guess.",
            advice="Make a new one: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
        ),
        "misspelt": Rule(
            sentence="A variable is not set, but one of a similar name is.",
            advice="Compare the two names; a variable that no code reads has no effect.",
        ),
        "declaration": Rule(
            sentence="The application's declaration cannot be read.",
            advice="Install the application and ci-ops in the environment of `python`, in this job.",
        ),
        "unreadable": Rule(
            sentence="The example file cannot be read.",
            advice="Name an existing text file in `from-example`, relative to the project's root.",
        ),
        "unread-line": Rule(
            sentence="A line of the example file is neither a variable nor a comment.",
            advice="Write NAME=value with letters, digits and _ in the name; close quotes; begin comments with #.",
        ),
        "nothing-asked": Rule(
            sentence="No variable is named, so there is nothing to check.",
            advice="Name variables in `required`, `forbidden` or `patterns`, a preset, `from-example`, or `app`.",
        ),
    }

    required: tuple[str, ...] = ()
    """Names that must be set to something, such as `SECRET_KEY`."""
    forbidden: tuple[str, ...] = ()
    """Names that must not be set in production, such as `DEBUG`."""
    patterns: Mapping[str, str] = field(default_factory=dict)
    """Name to the regular expression that its whole value has to match where it is set, such as `PORT: [0-9]+`."""
    presets: tuple[Literal["django", "render-flask", "api", "bot"], ...] = ()
    """What such applications need, added to the lists above."""
    from_example: str = ""
    """A file such as `.env.example` whose names are required; comment out those that are not."""
    placeholders: bool = True
    """Look for values such as `changeme`, and for secrets copied from the example file."""
    app: str = ""
    """The application's own declaration, such as `shop.settings:Settings`; the project's Python imports it."""
    python: str = ""
    """The Python that imports it, such as `venv/bin/python`; else .venv, venv, the active one, or the one on PATH."""
    when_absent: Literal["fail", "warn"] = "fail"
    """What to say when not one of the required variables is set: this may be another machine than the service's."""

    def __post_init__(self) -> None:
        for name, pattern in self.patterns.items():
            check_pattern(f"patterns: {name}", pattern)

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies to a project whose example file names the variables."""
        if not (root / EXAMPLE_FILE).is_file():
            return None
        return cls(from_example=EXAMPLE_FILE, when_absent="warn")

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Check every variable that is named anywhere."""
        try:
            file = self._read_example(subject.root)
            example = {entry.name: entry for entry in file.entries}
            wanted = self._wanted(example, subject, world)
        except UsageError as error:
            world.stop.check()
            yield self._skipped("declaration", f"{error.what}.", self.app, error.hint)
            return
        except (OSError, ValueError):
            yield self._skipped("unreadable", "", self.from_example)
            return
        named = wanted.names
        if not named:
            yield self._skipped("nothing-asked")
            return
        env = {name: value for name, value in (subject.env or world.env).items() if value.strip()}
        reading = wanted.read(env)
        faults = [self._fault(each, example) for each in reading.problems]
        faults = self._absent(faults, wanted) or faults
        if subject.environment == PRODUCTION:
            faults += [forbidden(name, env[name]) for name in wanted.forbidden if name in env]
        faults += [self._fault(each, example) for each in self._warnings(reading.warnings)]
        faults += copied(faults, named, example, env) if self.placeholders else []
        faults += [self._unread(line) for line in file.unread]
        found = sum(name in reading.is_set for name in wanted.required)
        yield conclude(
            self,
            faults,
            sentence=f"{found} of {len(wanted.required)} required variables are set; {len(named)} were checked.",
            measured=len(named),
            facts={"looked_at": len(named), "set": sorted(name for name in named if name in env)},
        )

    def _skipped(self, rule: str, sentence: str = "", subject: str = "", advice: str = "") -> Result:
        fault = Fault(rule=rule, severity=Status.ERROR, sentence=sentence, subject=subject, advice=advice)
        return conclude(self, [fault], sentence="", measured=0)

    def _read_example(self, root: Path) -> Dotenv:
        if not self.from_example:
            return Dotenv(entries=())
        return read_dotenv(read_text_file(root / self.from_example, max_bytes=MAX_EXAMPLE_BYTES))

    def _wanted(self, example: Mapping[str, Entry], subject: Subject, world: World) -> Wanted:
        """Return all requirements, from the fields, the presets, the example file and the application."""
        declared = None
        if self.app:
            env = {**world.env, **subject.env}
            declared = read_declaration(
                self.app, world.process, root=subject.root, env=env, python=self.python
            )
        return put_together(
            required=self.required,
            forbidden=self.forbidden,
            patterns=self.patterns,
            presets=[PRESETS[name] for name in self.presets],
            example=example,
            declared=declared,
        )

    def _absent(self, faults: list[Fault], wanted: Wanted) -> list[Fault]:
        """Return one warning instead of a list, if that was requested and nothing at all is set."""
        missing = [fault.subject for fault in faults if fault.rule == "missing"]
        if self.when_absent == "fail" or not missing or len(missing) < len(wanted.required):
            return []
        where = self.from_example or "the list"
        sentence = f"None of the {len(missing)} variables of {where} is set here."
        others = [fault for fault in faults if fault.rule != "missing"]
        absent = Fault(rule="absent", severity=Status.WARN, sentence=sentence, observed=", ".join(missing))
        return [absent, *others]

    def _warnings(self, warnings: tuple[VariableProblem, ...]) -> list[VariableProblem]:
        return [each for each in warnings if self.placeholders or each.rule != "placeholder"]

    def _unread(self, line: int) -> Fault:
        return Fault(
            rule="unread-line",
            severity=Status.WARN,
            sentence=f"Line {line} of {self.from_example} is neither a variable nor a comment.",
            expected="NAME=value, or # before a comment",
            subject=str(line),
            location=Location(file=self.from_example, line=line),
        )

    def _fault(self, problem: VariableProblem, example: Mapping[str, Entry]) -> Fault:
        entry = example.get(problem.name)
        return Fault(
            rule=_RULES.get(problem.rule, problem.rule),
            severity=Status.WARN if problem.rule == "misspelt" else Status.FAIL,
            sentence=problem.sentence,
            expected=problem.expected,
            observed=problem.observed,
            subject=problem.name,
            location=Location(file=self.from_example, line=entry.line)
            if entry is not None and problem.rule == "missing"
            else None,
        )
