"""What the command line, or an action's inputs, ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ci_ops.core.errors import UsageError

_OVERRIDES = {
    "url": "verify.url",
    "deadline": "verify.deadline",
    "on_error": "verify.on-error",
    "fail_on": "verify.fail-on",
}
_GITHUB_ONLY_WITH = {"readiness": "status_context", "verify": "deployment_id"}
"""Looks that have nothing to say to GitHub without that option."""
_READINESS_OVERRIDES = {"url": "verify.url", "deadline": "readiness.deadline", "fail_on": "readiness.fail-on"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line, or an action's inputs, ask for."""

    command: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, command: str, options: Mapping[str, Any]) -> Request:
        """The request with only the options that say something."""
        given = {name: value for name, value in options.items() if value not in {None, "", ()}}
        return cls(command=command, options=given)

    def get(self, name: str, default: Any = "") -> Any:
        """The option's value."""
        return self.options.get(name, default)

    @property
    def asks_github(self) -> bool:
        """True when a token was given and there is a use for it: GitHub's client takes time to install."""
        only_with = _GITHUB_ONLY_WITH.get(self.command)
        return bool(self.get("token")) and (only_with is None or bool(self.get(only_with)))

    def overrides(self) -> dict[str, tuple[object, str]]:
        """What goes over the file's own words, each with the flag it came from."""
        names = _READINESS_OVERRIDES if self.command == "readiness" else _OVERRIDES
        found: dict[str, tuple[object, str]] = {
            path: (self.get(name), f"--{name.replace('_', '-')}")
            for name, path in names.items()
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
