"""Steps of a deployment as data: the action, its undo, and the probe for its change."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.field_types import check_written
from ci_ops.core.modules import modules_in

if TYPE_CHECKING:
    from ci_ops.core.delivery.context import Context

OUTPUT_CHARACTERS = 8000
"""Of a step's output that the journal and the report keep."""

_TYPES = "ci_ops.core.delivery.steps"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step; each type is one class in a module of its own under `steps/`.

    A changing step has an `undo`, or says in `no_undo` why it has none.
    """

    title: str
    key: str
    """Names the step within its generator; the same on every replay."""
    changes: bool = True
    undo: Step | None = None
    no_undo: str = ""
    probe: str = ""
    """Tells whether the change has happened; empty when nothing can tell."""
    timeout_seconds: float
    prepares: bool = False
    """True where it cannot touch the live release, such as a build: its failure needs no rollback."""
    required: bool = True
    """False for what comes after the release serves, such as cleaning: a failure is a warning."""

    @property
    def text(self) -> str:
        """The description that users see, in a dry run too."""
        raise NotImplementedError

    def perform(self, context: Context) -> StepResult:
        """Perform the step. A failure is a result, not an exception."""
        raise NotImplementedError

    def has_happened(self, context: Context) -> bool | None:
        """Return whether its change exists; None when that is unknown."""
        del context
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation(Step):
    """A step that changes nothing, so that it has no undo and no probe."""

    changes: bool = field(default=False, init=False)
    undo: Step | None = field(default=None, init=False)
    no_undo: str = field(default="", init=False)
    probe: str = field(default="", init=False)
    prepares: bool = field(default=True, init=False)
    required: bool = field(default=True, init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """The result of a step for its generator; the journal stores it for replay."""

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
        """The first line of the output, stripped; empty for none."""
        return self.output.strip().split("\n", 1)[0].strip()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"ok": self.ok, "code": self.code, "output": self.output, "seconds": round(self.seconds, 6)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StepResult:
        """Parse the JSON form."""
        return cls(
            ok=bool(document["ok"]),
            code=int(document["code"]),
            output=str(document["output"]),
            seconds=float(document.get("seconds", 0.0)),
        )


Steps = Generator[Step, StepResult, None]
"""A target yields steps and receives each result; returning ends the list."""


def drive(steps: Steps) -> Iterator[tuple[Step, Callable[[StepResult], None]]]:
    """Yield each step with the function that sends its result to the generator."""
    answers: list[StepResult] = []
    try:
        step = next(steps)
        while True:
            answers.clear()
            yield step, answers.append
            step = steps.send(answers[0])
    except StopIteration:
        return
    finally:
        steps.close()


def step_to_json(step: Step) -> dict[str, Any]:
    """Return the JSON form of a step, undo included."""
    document: dict[str, Any] = {"kind": type(step).__name__.lower()}
    for each in fields(step):
        if not each.init:
            continue
        value = getattr(step, each.name)
        if isinstance(value, Step):
            value = step_to_json(value)
        document[each.name] = dict(value) if isinstance(value, Mapping) else value
    return document


def step_from_json(document: Mapping[str, Any]) -> Step:
    """Parse the JSON form. Raises ValueError when it is invalid."""
    values = dict(document)
    try:
        kind = _step_type(values.pop("kind"))
        if values.get("undo") is not None:
            values["undo"] = step_from_json(values["undo"])
        check_written(kind, values)
        return kind(**values)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"not a step: {error}") from error


def _step_type(kind: str) -> type[Step]:
    """Return the class of that kind of step. Raises ValueError for an unknown one."""
    if kind not in modules_in(_TYPES):
        raise ValueError(f"there is no kind of step {kind!r}")
    found: type[Step] = getattr(import_module(f"{_TYPES}.{kind}"), kind.capitalize())
    return found
