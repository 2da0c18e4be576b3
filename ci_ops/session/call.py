"""A call: one command with the options that were given for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from ci_ops.core.errors import UsageError
from ci_ops.core.modules import modules_in
from ci_ops.core.text.nearmiss import did_you_mean
from ci_ops.core.traits import Traits


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One command, with the options that the command line or an action's inputs give."""

    traits: Traits
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, command: str, options: Mapping[str, Any] | None = None) -> Call:
        """Return the call without options that were left empty. Raises UsageError for an unknown command."""
        given = {name: value for name, value in (options or {}).items() if value not in {None, "", ()}}
        return cls(traits=traits_of(command), options=given)

    @property
    def command(self) -> str:
        """The name of the command."""
        return self.traits.command

    @property
    def is_dry(self) -> bool:
        """True for a dry run, which changes and sends nothing."""
        return bool(self.get("dry_run", False))

    @property
    def asks_forge(self) -> bool:
        """True when a token was given and the command uses one."""
        return self.traits.asks_forge(self.options)

    @property
    def used_sections(self) -> frozenset[str]:
        """The sections of the configuration whose variables must be set."""
        return self.traits.uses

    def get(self, name: str, default: Any = "") -> Any:
        """Return the value of the option."""
        return self.options.get(name, default)

    def overrides(self) -> dict[str, tuple[object, str]]:
        """Return the values that override the file: key → value and the flag it came from. Raises UsageError."""
        found: dict[str, tuple[object, str]] = {
            path: (self.get(name), f"--{name.replace('_', '-')}")
            for name, path in self.traits.overrides.items()
            if name in self.options
        }
        target = {name: self.get(name) for name in ("run", "undo", "rollback") if name in self.options}
        if target:
            run = target.get("run") or target.get("rollback")
            if not run:
                raise UsageError("`undo` is given without `run`", where="undo", hint="Give `run` too.")
            values = {"type": "command", **target, "run": run}
            found["deploy.target"] = (values, "--run" if "run" in target else "--rollback")
        return found


def traits_of(command: str) -> Traits:
    """Return the traits of the flow with that name. Raises UsageError for an unknown command."""
    known = modules_in("ci_ops.flows")
    traits = getattr(import_module(f"ci_ops.flows.{command}"), "TRAITS", None) if command in known else None
    if not isinstance(traits, Traits):
        raise UsageError(f"there is no command {command!r}{did_you_mean(command, known)}", where="command")
    return traits
