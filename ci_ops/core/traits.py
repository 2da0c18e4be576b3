"""The traits of a command: what it uses, changes, overrides, keeps and requests from the forge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERIFY_OVERRIDES: Mapping[str, str] = {
    "url": "verify.url",
    "deadline": "verify.deadline",
    "on_error": "verify.on-error",
    "fail_on": "verify.fail-on",
}
"""Option → key of the configuration that it overrides, for commands that verify."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """The properties that distinguish one command from the others, declared beside its flow."""

    command: str
    """Its name, as typed and as in the report."""
    uses: frozenset[str] = frozenset({"deploy", "verify"})
    """Sections of the configuration whose variables must be set; a channel without its secret stops no deployment."""
    overrides: Mapping[str, str] = field(default_factory=lambda: VERIFY_OVERRIDES)
    """Option → key of the configuration that it overrides."""
    changes: bool = False
    """True when it changes the service, and so must be able to keep its state."""
    keeps_report: bool = False
    """True when later commands of the job want its report."""
    notifies: bool = True
    """True when it sends events to channels."""
    recipients: str = ""
    """The option that names the channels or addresses to send to; empty where the configuration alone does."""
    names_silent_channels: bool = False
    """True when a channel whose variables are not set is left out, and named."""
    reports_problems: bool = False
    """True when a check may report the configuration's problems with everything else."""
    answers_from_ledger: bool = False
    """True when its answer is what the ledger says: one that cannot be read or written is no answer."""
    uses_forge: bool = True
    """False when there is nothing to ask of the forge."""
    forge_with: str = ""
    """The option without which there is nothing to ask of the forge; empty where there always is."""
    needs_revision: bool = True
    """False when the commit matters only to a configured check `revision`."""

    def asks_forge(self, options: Mapping[str, Any]) -> bool:
        """Return True when a token was given and is used: the forge's client takes time to install."""
        return bool(options.get("token")) and (not self.forge_with or bool(options.get(self.forge_with)))
