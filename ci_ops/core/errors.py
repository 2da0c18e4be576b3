"""Errors that say what happened, where, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.reasons import REASONS, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class CiOpsError(Exception):
    """An expected failure: a sentence, a location, advice and a reason."""

    def __init__(self, what: str, *, reason: str, where: str = "", hint: str = "") -> None:
        self.what = what
        self.where = where
        self.reason: Reason = REASONS[reason]
        self.hint = hint or self.reason.advice
        super().__init__(f"{where}: {what}" if where else what)

    @property
    def exit_code(self) -> int:
        """The exit code of the process for this error."""
        return self.reason.exit_code


class UsageError(CiOpsError):
    """The command line, an input or the environment of the command is wrong."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, reason="invalid-usage", where=where, hint=hint)


class StorageError(UsageError):
    """A state folder cannot be used, e.g. because the disk is full; this is no usage error."""

    def __init__(self, what: str, *, where: str, is_full: bool) -> None:
        hint = "Check the folder's owner and that it is on a local disk."
        super().__init__(
            what, where=where, hint="Make room on that disk, then run again." if is_full else hint
        )
        if is_full:
            self.reason = REASONS["inconclusive"]


class Inconclusive(CiOpsError):
    """Something that a verdict needs could not be requested or read."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, reason="inconclusive", where=where, hint=hint)


class OutOfTime(Inconclusive):
    """A deadline left no time to start or finish something."""

    def __init__(self, what: str) -> None:
        super().__init__(
            what, hint="Raise the `deadline` of the section, or let what it waits for take less time."
        )


class LockHeld(CiOpsError):
    """Another process holds the environment's lock."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, reason="lock-held", where=where, hint=hint)


class Interrupted(CiOpsError):
    """A signal requested a stop; no further step may start."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        name = "interrupted" if signal_number == 2 else "terminated"
        super().__init__(f"stopped by signal {signal_number}", reason=name)


class Problem:
    """One problem of a configuration, with its location."""

    __slots__ = ("location", "path", "sentence")

    def __init__(self, sentence: str, *, path: str, location: str) -> None:
        self.sentence = sentence
        self.path = path
        self.location = location

    def __str__(self) -> str:
        return " ".join(
            part
            for part in (
                f"{self.location}" if self.location else "",
                f"{self.path}:" if self.path else "",
                self.sentence,
            )
            if part
        )


class ConfigError(CiOpsError):
    """Every problem of a configuration, not only the first."""

    def __init__(self, problems: Iterable[Problem], *, hint: str = "", folder: Path | None = None) -> None:
        self.problems = tuple(problems)
        self.folder = folder
        """What the problems' places are relative to; None where the current folder is."""
        sentences = "\n".join(str(problem) for problem in self.problems)
        super().__init__(sentences, reason="invalid-config", hint=hint)
