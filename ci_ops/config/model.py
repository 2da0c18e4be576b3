"""The sections of the configuration as frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ci_ops.config.shapes import WRITTEN, key_of
from ci_ops.core.fields import Duration
from ci_ops.core.named import Named, NamedChannel, NamedCheck, NamedTarget
from ci_ops.core.route import Route
from ci_ops.core.suppress import Suppression
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.weburl import read_url

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ci_ops.core.plugin import Plugin

MAX_REQUESTS_PER_SECOND = 10_000

Section = TypeVar("Section", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadinessSection:
    """Checks of the project before a deployment."""

    checks: tuple[NamedCheck, ...] = ()
    """The checks by name; none means those that fit the project."""
    deadline: Duration = 120.0
    """How long answers that may still change are asked for again."""
    fail_on: Literal["fail", "warn"] = "fail"
    """`warn` lets warnings block too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploySection:
    """How a release becomes live."""

    target: NamedTarget | None = None
    """Where to, and how."""
    verify: bool = True
    """False leaves verifying, and rolling back, to a later step."""
    pass_env: tuple[str, ...] = ()
    """Variables of the runner that commands are not handed otherwise, such as ACTIONS_ID_TOKEN_REQUEST_TOKEN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifySection:
    """Checks of the live service after a deployment."""

    url: str = ""
    """The service's address; with a path it is the health address as typed."""
    checks: tuple[NamedCheck, ...] = ()
    """The checks by name; none means health, revision and TLS of the address."""
    deadline: Duration = 120.0
    """How long answers that may still change are asked for again. Those that seldom change are given up after a
    sixth of it: a name that does not exist, a 404 while the shipped revision answers, a refusal by this machine
    after the server's processes were seen to end. Whatever a check calls ends with it: a program is terminated."""
    timeout: Duration = 10.0
    """For one try of one check."""
    max_rate: float = 0.0
    """Maximum requests per second to one host; 0 (default) for what the service's RateLimit headers allow, else 50."""
    on_error: Literal["rollback", "hold"] = "rollback"
    """What follows when the checks could not look: go back, or keep the release for people to judge."""
    fail_on: Literal["fail", "warn"] = "fail"
    """`warn` lets warnings block too."""

    def __post_init__(self) -> None:
        if self.timeout <= 0:
            raise ValueError("timeout: expected more than 0 seconds")
        if not 0 <= self.max_rate <= MAX_REQUESTS_PER_SECOND:
            raise ValueError(f"max-rate: a number of requests per second from 0 to {MAX_REQUESTS_PER_SECOND}")
        try:
            self.url and read_url(self.url)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifySection:
    """Channels, and the routes of events to them."""

    channels: tuple[NamedChannel, ...] = ()
    """The channels by name."""
    routes: tuple[Route, ...] = ()
    """What goes where; without any, every channel hears of everything."""
    deadline: Duration = 10.0
    """For one event at one channel, all tries together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The effective configuration for one environment."""

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

    def plugins(self) -> Iterator[tuple[str, Named[Plugin]]]:
        """Yield every entry that configures a plugin, of any family, with its path in the file."""
        yield from _named_in(self, "")

    def needs(self) -> frozenset[str]:
        """The lock groups that its plugins require."""
        enabled = (each.plugin.groups for _, each in self.plugins() if each.enabled)
        return frozenset(group for groups in enabled for group in groups)

    def enabled(self) -> Config:
        """Return the configuration without the entries that say `enabled: false`."""
        return _enabled(self)


def _named_in(section: Any, path: str) -> Iterator[tuple[str, Named[Plugin]]]:
    for each in fields(section):
        value, key = getattr(section, each.name), f"{path}{key_of(each.name)}"
        if isinstance(value, Named):
            yield key, value
        elif isinstance(value, tuple):
            yield from ((f"{key}.{one.name}", one) for one in value if isinstance(one, Named))
        elif is_dataclass(value):
            yield from _named_in(value, f"{key}.")


def _enabled(section: Section) -> Section:
    changes: dict[str, Any] = {}
    for each in fields(section):
        value = getattr(section, each.name)
        if isinstance(value, Named):
            changes[each.name] = value if value.enabled else None
        elif isinstance(value, tuple):
            changes[each.name] = tuple(one for one in value if not isinstance(one, Named) or one.enabled)
        elif is_dataclass(value) and not isinstance(value, type):
            changes[each.name] = _enabled(value)
    return replace(section, **changes)
