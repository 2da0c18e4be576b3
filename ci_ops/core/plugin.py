"""The base classes of all plugin families; a plugin's fields are its configuration."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ci_ops.core.health.status import Status
from ci_ops.core.ports.place import LOCAL
from ci_ops.core.result import Finding, Location, Result

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.delivery.step import StepResult, Steps
    from ci_ops.core.delivery.steps.command import Command
    from ci_ops.core.message import Message
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.ports.world import World
    from ci_ops.core.report import Report
    from ci_ops.core.subject import Subject

OBSERVED_CHARACTERS = 500
"""What a finding shows of anything from outside; more would hide the rest."""


class Phase(StrEnum):
    """The phase in which a check runs."""

    READINESS = "readiness"
    VERIFY = "verify"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One kind of finding: its description and its advice."""

    sentence: str
    advice: str


class Plugin:
    """Base of every plugin: a name from its module, and perhaps a driver."""

    family_name: ClassVar[str] = ""
    """Of the family's base: the folder and the section's key, such as `checks`."""
    family_word: ClassVar[str] = "plugin"
    """Of the family's base: what one of its plugins is called, such as `check`."""
    needs: ClassVar[str] = ""
    """The lock group of the driver it needs beside the core; empty for none."""

    @property
    def groups(self) -> frozenset[str]:
        """The lock groups that it needs as it is configured; `needs`, unless a setting decides."""
        return frozenset({self.needs}) - {""}

    @classmethod
    def plugin_name(cls) -> str:
        """The name in the configuration: `TlsExpiry` is `tls-expiry`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()


class Check(Plugin):
    """Measures one thing and yields the results."""

    family_name: ClassVar[str] = "checks"
    family_word: ClassVar[str] = "check"

    phases: ClassVar[frozenset[Phase]] = frozenset()
    after: ClassVar[tuple[str, ...]] = ()
    """Checks that run before this one when they are configured too."""
    rules: ClassVar[Mapping[str, Rule]] = {}
    """Every rule it may report, without the `<plugin>/` in front."""
    starts_programs: ClassVar[bool] = False
    """True when it runs child programs: a stop request waits until they are ended."""

    @property
    def max_tries(self) -> int | None:
        """The maximum number of tries; None when only the deadline limits it."""
        return None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Measure once and yield the results; transient ones are retried by the machinery."""
        raise NotImplementedError

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Return the check configured for the project at `root`; None where it does not apply."""
        del root
        return None

    def result(self, status: Status, sentence: str, *, measured: int, **more: Any) -> Result:
        """Return a result of this plugin; the machinery inserts the configured name."""
        return Result(check=self.plugin_name(), status=status, sentence=sentence, measured=measured, **more)

    def finding(self, rule: str, severity: Status, sentence: str = "", **more: Any) -> Finding:
        """Return a finding under one of this plugin's rules, by default with the rule's advice."""
        known = self.rules[rule]
        found = Finding(
            rule=f"{self.plugin_name()}/{rule}",
            severity=severity,
            sentence=sentence or known.sentence,
            **{"advice": known.advice, **more},
        )
        return replace(found, observed=shorten(found.observed))


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """The releases of a target as measured on its host or platform, never as recorded."""

    release: str = ""
    """Id of the deployment whose release is live; empty where the target cannot tell or nothing is live."""
    revision: str = ""
    """Commit of the live release where the target itself names it."""
    is_vacant: bool = False
    """True when the target measured that no release is live."""
    available: frozenset[str] | None = None
    """Ids of the releases that can be made live again; None where the target cannot tell."""

    @property
    def is_known(self) -> bool:
        """True when it states which release is live, or that none is."""
        return bool(self.release) or self.is_vacant


@dataclass(frozen=True, kw_only=True, slots=True)
class StatePlace:
    """The location of the journal, the ledger and the lease of an environment."""

    directory: Path
    place: str = LOCAL
    """The place of that folder; `local` is the machine that runs ci-ops."""


Measurement = Generator["Command", "StepResult", Placement]
"""Commands that change nothing, each answered by its result; the generator returns what they showed."""


class Target(Plugin):
    """Generates the steps that make a release live, and those that roll it back."""

    family_name: ClassVar[str] = "targets"
    family_word: ClassVar[str] = "target"
    logs: str = ""
    """A command that prints the end of the server's log; empty where none is named."""

    def deploy_steps(self, record: DeploymentRecord) -> Steps:
        """Generate the steps that make `record` live."""
        raise NotImplementedError

    def rollback_steps(self, record: DeploymentRecord, to: DeploymentRecord) -> Steps:
        """Generate the steps that make the earlier deployment `to` live again."""
        raise NotImplementedError

    def measure(self) -> Measurement | None:
        """Return the commands that measure which release is live; None where the target cannot tell.

        The generator raises ValueError for output that it cannot parse.
        """
        return None

    def state_place(self) -> StatePlace | None:
        """Return where journal, ledger and lease are stored beside the releases.

        None stands for the folder of the job or project.
        """
        return None

    def release_directory(self, record: DeploymentRecord) -> str:
        """Return the folder of that release; empty when there is none."""
        del record
        return ""


class Channel(Plugin):
    """Delivers messages to one kind of service."""

    family_name: ClassVar[str] = "channels"
    family_word: ClassVar[str] = "channel"

    is_general: ClassVar[bool] = False
    """True when it recognises whole classes of addresses that another kind may know better."""

    def send(self, message: Message, world: World) -> str:
        """Deliver the message; return its reference there, or empty. Raises Undeliverable."""
        raise NotImplementedError

    @classmethod
    def recognise(cls, address: str) -> Self | None:
        """Return the channel for an address a user typed; None when it belongs to another kind."""
        del address
        return None


class Format(Plugin):
    """Renders a report."""

    family_name: ClassVar[str] = "formats"
    family_word: ClassVar[str] = "format"

    extension: ClassVar[str] = ""
    """Of files that hold it, such as `.json`."""

    def render(self, report: Report, templates: Templates) -> str:
        """Return the whole text with a final line end."""
        raise NotImplementedError


def family_bases() -> dict[str, type[Plugin]]:
    """Return the base class of each family, by the family's name."""
    return {base.family_name: base for base in Plugin.__subclasses__() if base.__module__ == __name__}


def shorten(text: str, limit: int = OBSERVED_CHARACTERS) -> str:
    """Return the text visibly truncated to `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


__all__ = [
    "Channel",
    "Check",
    "Finding",
    "Format",
    "Location",
    "Measurement",
    "Phase",
    "Placement",
    "Plugin",
    "Result",
    "Rule",
    "StatePlace",
    "Status",
    "Target",
    "family_bases",
    "shorten",
]
