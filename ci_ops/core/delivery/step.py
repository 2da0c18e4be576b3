"""Steps of a deployment as data.

What to do, how to take it back, how to tell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ci_ops.core.delivery.written import check_written

DEFAULT_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """Run a command line in the shell, to its first failing line.

    A changing command has an `undo`, or says in `no_undo` why it has none;
    `probe` exits 0 when the change is there, 1 when it is not.
    """

    title: str
    key: str
    """Names the step within its deployment; the same on every replay."""
    run: str
    changes: bool = True
    undo: Command | Request | None = None
    no_undo: str = ""
    probe: str = ""
    """A command that exits 0 if the change has happened; empty when nothing can tell."""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    directory: str = ""
    """Where it runs; empty for the project's root."""
    prepares: bool = False
    """True where it cannot touch the live release, such as a build: its failure needs no rollback."""
    required: bool = True
    """False for what comes after the release serves, such as cleaning: a failure is a warning."""
    shown: str = ""
    """What people see of it; empty for `run`, which may hold bookkeeping around the command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Send one HTTP request; any 2xx answer is success."""

    title: str
    key: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Values may name environment variables as `${NAME}`, filled in when it is sent."""
    body: str = ""
    changes: bool = True
    undo: Command | Request | None = None
    no_undo: str = ""
    probe: str = ""
    """A URL that answers 2xx if the change has happened; empty when nothing can tell."""
    timeout_seconds: float = 30.0
    prepares: bool = False
    required: bool = True
    """False for what comes after the release serves: a failure is a warning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Repeat a harmless command until it exits 0 or time is up."""

    title: str
    key: str
    run: str
    deadline_seconds: float = 60.0
    interval_seconds: float = 1.0
    timeout_seconds: float = 10.0
    """For one try."""
    directory: str = ""
    changes: bool = field(default=False, init=False)
    undo: None = field(default=None, init=False)
    no_undo: str = field(default="", init=False)
    probe: str = field(default="", init=False)
    prepares: bool = field(default=True, init=False)
    required: bool = field(default=True, init=False)


Step = Command | Request | Wait


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """What a step gave back to its generator; the journal keeps it for replay."""

    ok: bool
    code: int
    """Exit code of a command, status of a request; -1 when there was none."""
    output: str = ""
    """Tail of the output or body, free of secrets."""
    seconds: float = 0.0
    known: bool = True
    """False in a dry run: the output is then a name such as `<the output of step 3>`."""

    @property
    def line(self) -> str:
        """The first line of the output without surrounding blanks; empty for none."""
        return self.output.strip().split("\n", 1)[0].strip()

    def to_json(self) -> dict[str, Any]:
        """The written form."""
        return {"ok": self.ok, "code": self.code, "output": self.output, "seconds": round(self.seconds, 6)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StepResult:
        """Read the written form."""
        return cls(
            ok=bool(document["ok"]),
            code=int(document["code"]),
            output=str(document["output"]),
            seconds=float(document.get("seconds", 0.0)),
        )


Steps = Generator[Step, StepResult, None]
"""A target yields steps and receives each result; returning ends the list."""

_KINDS: dict[str, type[Command | Request | Wait]] = {"command": Command, "request": Request, "wait": Wait}


def step_to_json(step: Step) -> dict[str, Any]:
    """The written form of a step, undo included."""
    document: dict[str, Any] = {"kind": type(step).__name__.lower()}
    for each in fields(step):
        if not each.init:
            continue
        value = getattr(step, each.name)
        if each.name == "undo":
            value = None if value is None else step_to_json(value)
        document[each.name] = dict(value) if isinstance(value, Mapping) and each.name == "headers" else value
    return document


def step_from_json(document: Mapping[str, Any]) -> Step:
    """Read the written form; raises ValueError when it is none."""
    values = dict(document)
    try:
        kind = _KINDS[values.pop("kind")]
        if values.get("undo") is not None:
            values["undo"] = step_from_json(values["undo"])
        check_written(kind, values)
        return kind(**values)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"not a step: {error}") from error


def step_digest(step: Step) -> str:
    """16 hex digits that change with anything that the step would do."""
    text = json.dumps(step_to_json(step), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
