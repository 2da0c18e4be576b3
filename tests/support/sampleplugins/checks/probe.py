"""A check with a field of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

from ci_ops.core.fields import Duration, Secret, Shell
from ci_ops.core.plugin import Check, Phase, Rule


class Level(StrEnum):
    """How loud."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When it is slow."""

    warn: Duration = 0.5
    fail: Duration = 2.0

    def __post_init__(self) -> None:
        if self.warn > self.fail:
            raise ValueError("warn: expected at most `fail`")


@dataclass(frozen=True, kw_only=True)
class Probe(Check):
    """Looks at something.

    Only the first line is the schema's.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset(Phase)
    rules: ClassVar[Mapping[str, Rule]] = {"slow": Rule(sentence="It is slow.", advice="Make it fast.")}

    text: str = "nothing"
    """A text,
    described on two lines.
    """
    count: int = 1
    ratio: float = 0.5
    deep: bool = False
    wait: Duration = 1.5
    token: Secret | None = None
    run_: Shell = ""
    mode: Literal["fast", "slow", 3] = "fast"
    level: Level = Level.LOW
    tags: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    numbers: list[int] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    expected: Any = None
    day: date = date(2026, 1, 31)
    folder: Path = Path("here")
    status: int | tuple[int, ...] = 200
    size: int | Duration | None = None
    extra: Any | None = None
    choices: tuple[Literal["a", "b"], ...] = ("a",)
    from_: str = ""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count: expected at least 1, not {self.count}")
        if self.from_ and not self.text.isascii():
            raise ValueError(f"from and {self.text!r} do not go together")
        if self.token and self.token.reveal().startswith("bad"):
            raise ValueError(f"token: {self.token.reveal()!r} is not accepted")
