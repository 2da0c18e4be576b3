"""The state of a simulated service, determined by its files and its revision alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SLOW_ANSWERS = 2
"""Requests that a release with a slow start answers with 503."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How a release behaves; the first letter of its revision selects it."""

    letter: str
    sentence: str
    passes: bool = False


BEHAVIOURS = {
    each.letter: each
    for each in (
        Behaviour(letter="0", sentence="passes", passes=True),
        Behaviour(letter="1", sentence="reports no commit"),
        Behaviour(letter="a", sentence="passes after a slow start", passes=True),
        Behaviour(letter="b", sentence="fails before it is live"),
        Behaviour(letter="c", sentence="exits at start"),
        Behaviour(letter="d", sentence="fails while it is being activated"),
        Behaviour(letter="e", sentence="answers that it is not healthy"),
        Behaviour(letter="f", sentence="is never loaded by the server"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The revision and the health of a service at one moment."""

    revision: str
    """Commit that its processes serve; empty when no release was ever started."""
    is_up: bool
    """False when its processes have died: every connection is closed without an answer."""
    is_unhealthy: bool
    """True when its health endpoint answers 503."""
    is_slow: bool
    """True when the first answers of its health endpoint are 503."""
    hides_commit: bool
    """True when it reports no commit: then no client can measure what is live."""

    @property
    def is_healthy(self) -> bool:
        """True when a client that waits for a slow start gets passing answers."""
        return bool(self.revision) and self.is_up and not self.is_unhealthy

    def serves(self, revision: str) -> bool:
        """Return True when a client gets passing answers of that commit."""
        return self.is_healthy and not self.hides_commit and self.revision == revision


def condition_of(folder: Path) -> Condition:
    """Return the condition of the service whose files are in that folder."""
    revision, _, state = _text(folder / "served").strip().partition(" ")
    letter = revision[:1]
    unhealthy = revision in _text(folder / "unhealthy").split()
    return Condition(
        revision=revision,
        is_up=bool(revision) and state != "dead",
        is_unhealthy=letter == "e" or unhealthy,
        is_slow=letter == "a",
        hides_commit=letter == "1",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
