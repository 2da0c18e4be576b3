"""Whether the environment variables are what the service needs."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ci_ops.checks._assertions import check_pattern
from ci_ops.checks._dotenv import Entry, read_dotenv
from ci_ops.checks._placeholder import is_placeholder, is_secret_name
from ci_ops.checks._presets import FALSE_WORDS, PRESETS, Preset
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location
from ci_ops.core.status import Status

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports import Subject, World
    from ci_ops.core.result import Result

EXAMPLE_FILE = ".env.example"
PRODUCTION = "production"
MOST_EXAMPLE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class EnvVars(Check):
    """The service's environment variables are set, and none is a placeholder.

    Looked at are the variables given for the service, else those of this
    process. Values are never shown, only their length.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
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
        "unreadable": Rule(
            sentence="The example file cannot be read.",
            advice="Name an existing text file in `from-example`, relative to the project's root.",
        ),
        "nothing-asked": Rule(
            sentence="No variable is named, so there is nothing to look at.",
            advice="Name variables in `required`, `forbidden` or `patterns`, a preset, or a file in `from-example`.",
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
        except (OSError, ValueError):
            fault = Fault(rule="unreadable", severity=Status.ERROR, sentence="", subject=self.from_example)
            yield conclude(self, [fault], sentence="", measured=0)
            return
        wanted = self._wanted(example)
        env = {name: value for name, value in (subject.env or world.env).items() if value.strip()}
        named = {*wanted.required, *wanted.forbidden, *wanted.patterns, *wanted.strengths}
        if not named:
            fault = Fault(rule="nothing-asked", severity=Status.ERROR, sentence="")
            yield conclude(self, [fault], sentence="", measured=0)
            return
        faults = self._missing(wanted, example, env)
        if subject.environment == PRODUCTION:
            faults += [_forbidden(name, env[name]) for name in wanted.forbidden if name in env]
        faults += _patterns(wanted, env)
        faults += _strengths(wanted, env)
        if self.placeholders:
            faults += _placeholders({*wanted.required, *wanted.patterns}, example, env)
        found = sum(name in env for name in wanted.required)
        yield conclude(
            self,
            faults,
            sentence=f"{found} of {len(wanted.required)} required variables are set; {len(named)} were looked at.",
            measured=len(named),
            facts={"looked_at": len(named), "set": sorted(name for name in named if name in env)},
        )

    def _read_example(self, root: Path) -> Mapping[str, Entry]:
        if not self.from_example:
            return {}
        path = root / self.from_example
        with path.open("rb") as file:
            text = file.read(MOST_EXAMPLE_BYTES).decode()
        return {entry.name: entry for entry in read_dotenv(text)}

    def _wanted(self, example: Mapping[str, Entry]) -> Preset:
        """Everything that is asked for, from the fields, the presets and the example file."""
        presets = [PRESETS[name] for name in self.presets]
        forbidden = dict.fromkeys([*self.forbidden, *(name for each in presets for name in each.forbidden)])
        usual = [*(name for each in presets for name in each.required), *example]
        return Preset(
            required=tuple(
                dict.fromkeys([*self.required, *(name for name in usual if name not in forbidden)])
            ),
            forbidden=tuple(forbidden),
            patterns=dict(ChainMap({}, dict(self.patterns), *(dict(each.patterns) for each in presets))),
            strengths=dict(ChainMap({}, *(dict(each.strengths) for each in presets))),
        )

    def _missing(self, wanted: Preset, example: Mapping[str, Entry], env: Mapping[str, str]) -> list[Fault]:
        missing = [name for name in wanted.required if name not in env]
        if self.when_absent == "warn" and missing and len(missing) == len(wanted.required):
            sentence = (
                f"None of the {len(missing)} variables of {self.from_example or 'the list'} is set here."
            )
            return [
                Fault(rule="absent", severity=Status.WARN, sentence=sentence, observed=", ".join(missing))
            ]
        return [
            Fault(
                rule="missing",
                severity=Status.FAIL,
                sentence=f"{name} is not set.",
                expected="a value",
                observed="nothing",
                subject=name,
                location=Location(file=self.from_example, line=example[name].line)
                if name in example
                else None,
            )
            for name in missing
        ]


def _forbidden(name: str, value: str) -> Fault:
    means_off = value.strip().casefold() in FALSE_WORDS
    return Fault(
        rule="forbidden",
        severity=Status.WARN if means_off else Status.FAIL,
        sentence=f"{name} must not be set in production.",
        expected="not set",
        observed="a word that means off" if means_off else _length(value),
        subject=name,
    )


def _patterns(wanted: Preset, env: Mapping[str, str]) -> Iterator[Fault]:
    for name, pattern in wanted.patterns.items():
        if name in env and re.fullmatch(pattern, env[name]) is None:
            yield Fault(
                rule="pattern",
                severity=Status.FAIL,
                sentence=f"{name} does not have the expected form.",
                expected=f"text that matches {pattern} as a whole",
                observed=_length(env[name]),
                subject=name,
            )


def _strengths(wanted: Preset, env: Mapping[str, str]) -> Iterator[Fault]:
    for name, strength in wanted.strengths.items():
        value = env.get(name, "")
        if value and (len(value) < strength.characters or len(set(value)) < strength.different):
            yield Fault(
                rule="weak",
                severity=Status.FAIL,
                sentence=f"{name} is too easy to guess.",
                expected=f"at least {strength.characters} characters, {strength.different} of them different",
                observed=_length(value),
                subject=name,
            )


def _placeholders(names: set[str], example: Mapping[str, Entry], env: Mapping[str, str]) -> Iterator[Fault]:
    for name in sorted(names & env.keys()):
        value = env[name]
        is_copied = bool(example.get(name)) and is_secret_name(name) and example[name].value == value
        if is_copied or is_placeholder(name, value):
            yield Fault(
                rule="placeholder",
                severity=Status.FAIL,
                sentence=f"{name} still has a placeholder for its value.",
                expected="a real value",
                observed="the example file's value" if is_copied else _length(value),
                subject=name,
            )


def _length(value: str) -> str:
    return f"a value of {len(value)} characters"
