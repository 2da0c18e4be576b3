"""Whether the environment variables are what the service needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ci_ops.checks._dotenv import Entry, read_dotenv
from ci_ops.checks._http.assertions import check_pattern
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks._wanted import Wanted, put_together
from ci_ops.core.contract.placeholder import is_secret_name
from ci_ops.core.contract.presets import PRESETS
from ci_ops.core.contract.values import FALSE_WORDS
from ci_ops.core.declaration import read_declaration
from ci_ops.core.errors import UsageError
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.contract.variables import VariableProblem
    from ci_ops.core.ports import Subject, World
    from ci_ops.core.result import Result

EXAMPLE_FILE = ".env.example"
PRODUCTION = "production"
MOST_EXAMPLE_BYTES = 1 << 20
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
            advice="Compare the two names; what nobody asks for has no effect.",
        ),
        "declaration": Rule(
            sentence="The application's declaration cannot be read.",
            advice="Install the application and ci-ops in the environment of `python`, in this job.",
        ),
        "unreadable": Rule(
            sentence="The example file cannot be read.",
            advice="Name an existing text file in `from-example`, relative to the project's root.",
        ),
        "nothing-asked": Rule(
            sentence="No variable is named, so there is nothing to look at.",
            advice="Name variables in `required`, `forbidden` or `patterns`, a preset, `from-example`, or `app`.",
        ),
    }

    required: tuple[str, ...] = ()
    """Names that must be set to something."""
    forbidden: tuple[str, ...] = ()
    """Names that must not be set in production."""
    patterns: Mapping[str, str] = field(default_factory=dict)
    """Name to the regular expression that its whole value has to match, where it is set."""
    presets: tuple[Literal["django", "render-flask", "api", "bot"], ...] = ()
    """What such applications need, added to the lists above."""
    from_example: str = ""
    """A file such as .env.example whose names are required; comment out those that are not."""
    placeholders: bool = True
    """Look for values such as `changeme`, and for secrets copied from the example file."""
    app: str = ""
    """The application's own declaration, as module:name; it is imported in a child of the project's Python."""
    python: str = ""
    """The Python that imports it; without it .venv, venv, the active environment, or the one on PATH."""
    when_absent: Literal["fail", "warn"] = "fail"
    """What to say when not one of the required variables is set: this may be another machine than the service's."""

    def __post_init__(self) -> None:
        for name, pattern in self.patterns.items():
            check_pattern(f"patterns: {name}", pattern)

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies where an example file names the variables."""
        if not (root / EXAMPLE_FILE).is_file():
            return None
        return cls(from_example=EXAMPLE_FILE, when_absent="warn")

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Look at every variable that is named somewhere."""
        try:
            example = self._read_example(subject.root)
            wanted = self._wanted(example, subject, world)
        except UsageError as error:
            world.stop.check()
            yield self._not_looked("declaration", f"{error.what}.", self.app, error.hint)
            return
        except (OSError, ValueError):
            yield self._not_looked("unreadable", "", self.from_example)
            return
        named = wanted.names
        if not named:
            yield self._not_looked("nothing-asked")
            return
        env = {name: value for name, value in (subject.env or world.env).items() if value.strip()}
        reading = wanted.read(env)
        faults = [self._fault(each, example) for each in reading.problems]
        faults = self._absent(faults, wanted) or faults
        if subject.environment == PRODUCTION:
            faults += [_forbidden(name, env[name]) for name in wanted.forbidden if name in env]
        faults += [self._fault(each, example) for each in self._warnings(reading.warnings)]
        faults += _copied(faults, named, example, env) if self.placeholders else []
        found = sum(name in reading.is_set for name in wanted.required)
        yield conclude(
            self,
            faults,
            sentence=f"{found} of {len(wanted.required)} required variables are set; {len(named)} were looked at.",
            measured=len(named),
            facts={"looked_at": len(named), "set": sorted(name for name in named if name in env)},
        )

    def _not_looked(self, rule: str, sentence: str = "", subject: str = "", advice: str = "") -> Result:
        fault = Fault(rule=rule, severity=Status.ERROR, sentence=sentence, subject=subject, advice=advice)
        return conclude(self, [fault], sentence="", measured=0)

    def _read_example(self, root: Path) -> Mapping[str, Entry]:
        if not self.from_example:
            return {}
        path = root / self.from_example
        with path.open("rb") as file:
            text = file.read(MOST_EXAMPLE_BYTES).decode()
        return {entry.name: entry for entry in read_dotenv(text)}

    def _wanted(self, example: Mapping[str, Entry], subject: Subject, world: World) -> Wanted:
        """Everything that is asked for, from the fields, the presets, the example file and the application."""
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
        """One warning in place of a list, where that was asked for and nothing at all is set."""
        missing = [fault.subject for fault in faults if fault.rule == "missing"]
        if self.when_absent == "fail" or not missing or len(missing) < len(wanted.required):
            return []
        where = self.from_example or "the list"
        sentence = f"None of the {len(missing)} variables of {where} is set here."
        kept = [fault for fault in faults if fault.rule != "missing"]
        absent = Fault(rule="absent", severity=Status.WARN, sentence=sentence, observed=", ".join(missing))
        return [absent, *kept]

    def _warnings(self, warnings: tuple[VariableProblem, ...]) -> list[VariableProblem]:
        return [each for each in warnings if self.placeholders or each.rule != "placeholder"]

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


def _forbidden(name: str, value: str) -> Fault:
    means_off = value.strip().casefold() in FALSE_WORDS
    return Fault(
        rule="forbidden",
        severity=Status.WARN if means_off else Status.FAIL,
        sentence=f"{name} must not be set in production.",
        expected="not set",
        observed="a word that means off" if means_off else f"a value of {len(value)} characters",
        subject=name,
    )


def _copied(
    faults: list[Fault], named: frozenset[str], example: Mapping[str, Entry], env: Mapping[str, str]
) -> list[Fault]:
    """Secrets that were copied from the example file, where nothing else is said of them."""
    told = {fault.subject for fault in faults}
    return [
        Fault(
            rule="placeholder",
            severity=Status.FAIL,
            sentence=f"{name} still has a placeholder for its value.",
            expected="a real value",
            observed="the example file's value",
            subject=name,
        )
        for name, entry in example.items()
        if name in named - told and is_secret_name(name) and env.get(name) == entry.value
    ]
