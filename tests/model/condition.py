"""What a service of the model's world answers: decided by its files and its revision alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SLOW_ANSWERS = 2
"""How often a release answers 503 where its first start is slow."""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of a release; the first letter of its revision says which."""

    letter: str
    sentence: str
    is_good: bool = False


FATES = {
    fate.letter: fate
    for fate in (
        Fate(letter="0", sentence="is good", is_good=True),
        Fate(letter="1", sentence="does not tell its commit"),
        Fate(letter="a", sentence="is good after a while", is_good=True),
        Fate(letter="b", sentence="fails before anything is live"),
        Fate(letter="c", sentence="ends its process when it is started"),
        Fate(letter="d", sentence="fails while it is made live"),
        Fate(letter="e", sentence="says that it is not healthy"),
        Fate(letter="f", sentence="is never taken up by the server"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A service at one moment: what it serves, and how it is."""

    revision: str
    """The commit that its processes serve; empty when no release was ever started."""
    is_up: bool
    """False when its processes have died: every connection is closed without an answer."""
    is_sick: bool
    """True when it answers 503 where health is asked."""
    is_slow: bool
    """True when its first answers about health are 503."""
    is_mute: bool
    """True when it does not tell its commit: then nobody can measure what is live."""

    @property
    def is_healthy(self) -> bool:
        """True when a client that waits a little gets good answers."""
        return bool(self.revision) and self.is_up and not self.is_sick

    def serves(self, revision: str) -> bool:
        """True when a client gets good answers of that commit."""
        return self.is_healthy and not self.is_mute and self.revision == revision


def condition_of(folder: Path) -> Condition:
    """The service whose files are in that folder."""
    revision, _, state = _text(folder / "served").strip().partition(" ")
    letter = revision[:1]
    sick = revision in _text(folder / "sick").split()
    return Condition(
        revision=revision,
        is_up=bool(revision) and state != "dead",
        is_sick=letter == "e" or sick,
        is_slow=letter == "a",
        is_mute=letter == "1",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
