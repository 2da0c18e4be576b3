"""What the configuration says, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ci_ops.config.named import Named
from ci_ops.config.shapes import WRITTEN
from ci_ops.core.fields import Duration
from ci_ops.core.plugin import Channel, Check, Target
from ci_ops.core.suppress import Suppression
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.weburl import read_url

NamedCheck = Named[Check]
NamedTarget = Named[Target]
NamedChannel = Named[Channel]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadinessSection:
    """What is looked at before a deployment."""

    checks: tuple[NamedCheck, ...] = ()
    """The checks by name; none means those that fit the project."""
    deadline: Duration = 120.0
    """How long answers that may still change are asked for again."""
    fail_on: Literal["fail", "warn"] = "fail"
    """`warn` lets warnings block too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploySection:
    """How a release gets live."""

    target: NamedTarget | None = None
    """Where to, and how."""
    verify: bool = True
    """False leaves verifying, and rolling back, to a later step."""
    pass_env: tuple[str, ...] = ()
    """Variables of the runner that commands are not handed otherwise, such as ACTIONS_ID_TOKEN_REQUEST_TOKEN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifySection:
    """What is looked at once a release is live."""

    url: str = ""
    """The service's address; with a path it is the health address as typed."""
    checks: tuple[NamedCheck, ...] = ()
    """The checks by name; none means health, revision and TLS of the address."""
    deadline: Duration = 120.0
    """How long answers that may still change are asked for again."""
    timeout: Duration = 10.0
    """For one try of one check."""
    on_error: Literal["rollback", "hold"] = "rollback"
    """What follows when the checks could not look: go back, or keep the release for people to judge."""
    fail_on: Literal["fail", "warn"] = "fail"
    """`warn` lets warnings block too."""

    def __post_init__(self) -> None:
        if self.timeout <= 0:
            raise ValueError("timeout: expected more than 0 seconds")
        try:
            self.url and read_url(self.url)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Which events go to which channels."""

    to: tuple[str, ...]
    """Names of channels, or `all`."""
    events: tuple[str, ...] = ()
    """Such as `deployment.failed` or `rollback.*`; none means every event."""
    environments: tuple[str, ...] = ()
    """Only in these environments; none means in each."""
    min_severity: Literal["pass", "warn", "fail"] = "pass"
    """Nothing below it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifySection:
    """Who is told."""

    channels: tuple[NamedChannel, ...] = ()
    """The channels by name."""
    routes: tuple[Route, ...] = ()
    """What goes where; without any, every channel hears of everything."""
    deadline: Duration = 10.0
    """For one event at one channel, all tries together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything the user has said, for one environment."""

    version: Literal[1] = 1
    """Of this file's form."""
    service: str = ""
    """The service's name in records and messages."""
    readiness: ReadinessSection = ReadinessSection()
    """Checks before a deployment."""
    deploy: DeploySection = DeploySection()
    """How a release gets live."""
    verify: VerifySection = VerifySection()
    """Checks once it is live."""
    notify: NotifySection = NotifySection()
    """Who is told."""
    ignore: Mapping[str, Suppression] = field(default_factory=dict)
    """Findings that do not count, by rule: `<check>/<rule>` or `<check>/*`."""
    environment: str = field(default="production", metadata={WRITTEN: False})
    """The environment that this is for."""
    file: Path | None = field(default=None, compare=False, metadata={WRITTEN: False})
    """Where it was read from; None without a file."""
    secrets: tuple[Secret, ...] = field(default=(), metadata={WRITTEN: False})
    """Every secret in it, to be hidden and masked wherever text leaves."""

    def needs(self) -> frozenset[str]:
        """The lock groups of the drivers that its plugins need."""
        target = (self.deploy.target,) if self.deploy.target else ()
        named = (*self.readiness.checks, *self.verify.checks, *self.notify.channels, *target)
        return frozenset(each.plugin.needs for each in named) - {""}
