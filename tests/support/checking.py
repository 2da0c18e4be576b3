"""Subjects, worlds and checks for the tests of the family `checks`."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_ops.checks._run import run_checks
from ci_ops.core.health.status import Status
from ci_ops.core.named import NamedCheck
from ci_ops.core.plugin import Check, Phase
from ci_ops.core.ports.http import Http, HttpError, Response
from ci_ops.core.ports.tls import Certificate, Tls
from ci_ops.core.report import reason_for
from ci_ops.core.result import Result
from ci_ops.core.subject import Subject
from ci_ops.edge.world import RealWorld
from tests.support.jump_clock import JumpClock
from tests.support.sample_service import SampleService, text
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ci_ops.core.ports.world import World
    from ci_ops.edge.clock import StopSignal

OLD = "1" * 7 + "a" * 33
NEW = "2" * 7 + "b" * 33


def a_world(**env: str) -> RealWorld:
    """The real world with a clean environment, and a clock whose waiting takes no time."""
    return RealWorld(env=clean_env(**env), clock=JumpClock())


def clean_env(**env: str) -> dict[str, str]:
    """What programs need to be found, and nothing else."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **env}


def a_subject(root: Path = Path("/nonexistent"), **more: Any) -> Subject:
    """A deployment of NEW over OLD."""
    return Subject(
        **{"root": root, "revision": NEW, "previous_revision": OLD, "timeout_seconds": 5.0, **more}
    )


def the_result(check: Check, subject: Subject, world: World) -> Result:
    """The one result of asking once."""
    (result,) = check.run(subject, world)
    return result


def rules_of(result: Result) -> list[str]:
    """The rules of its findings, in order, without the plugin's name."""
    return [finding.rule.partition("/")[2] for finding in result.findings]


def assert_refusals_say_nothing(check: Check, service: SampleService) -> None:
    """Whatever the probe alone is refused, the check was not measured, and tells the way through."""
    for answer, rule in ((text("", 429), "throttled"), (text("", 403, Retry_After="900"), "blocked")):
        service.does_elsewhere(lambda _, answer=answer: answer)  # type: ignore[misc]
        result = the_result(check, a_subject(url=service.url("/health")), a_world())
        assert (result.status, set(rules_of(result)), result.measured) == (Status.ERROR, {rule}, 0)
        assert result.transient
        assert all("CI_OPS_PROBE_KEY" in finding.advice for finding in result.findings)
        assert reason_for([result]) == "refused"


def one_second() -> Iterator[float]:
    """Waits of one second, without end."""
    return itertools.repeat(1.0)


def checked(
    named: Sequence[NamedCheck],
    subject: Subject,
    world: World,
    *,
    phase: Phase = Phase.VERIFY,
    deadline_seconds: float = 10.0,
    on_result: Callable[[Result], None] | None = None,
    on_retry: Callable[[str, str, float], None] | None = None,
) -> tuple[Result, ...]:
    """What the machinery says of these checks."""
    return run_checks(
        named,
        subject,
        world,
        phase=phase,
        deadline_seconds=deadline_seconds,
        waits=one_second,
        on_result=on_result,
        on_retry=on_retry,
    )


class _HttpWithoutIpv6:
    """Real HTTP, on a machine that has no way to IPv6 addresses, to a name with these addresses."""

    def __init__(self, inner: Http, addresses: tuple[str, ...]) -> None:
        self._inner = inner
        self._addresses = addresses

    def request(self, method: str, url: str, *, connect_to: str = "", **more: Any) -> Response:
        if ":" in connect_to:
            raise HttpError("route", "Network is unreachable", transient=True)
        return self._inner.request(method, url, connect_to=connect_to, **more)

    def addresses(self, url: str, *, timeout_seconds: float) -> tuple[str, ...]:
        del timeout_seconds
        if not self._addresses:
            raise HttpError("dns", f"{url} cannot be resolved", transient=True)
        return self._addresses


class _TlsWithoutIpv6:
    """Real handshakes, on a machine that has no way to IPv6 addresses."""

    def __init__(self, inner: Tls) -> None:
        self._inner = inner

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        if ":" in address:
            raise HttpError("route", "Network is unreachable", transient=True)
        return self._inner.certificate(host, port, address=address, timeout_seconds=timeout_seconds)

    def accepts(
        self, host: str, port: int, *, version: str, address: str, timeout_seconds: float
    ) -> bool | None:
        if ":" in address:
            return None
        return self._inner.accepts(
            host, port, version=version, address=address, timeout_seconds=timeout_seconds
        )


class _WorldWithoutIpv6(RealWorld):
    def __init__(self, addresses: tuple[str, ...], env: Mapping[str, str]) -> None:
        super().__init__(env=clean_env(**env), clock=JumpClock())
        self._addresses = addresses

    @property
    def http(self) -> Http:
        return _HttpWithoutIpv6(super().http, self._addresses)

    @property
    def tls(self) -> Tls:
        return _TlsWithoutIpv6(super().tls)


def a_world_without_ipv6(*addresses: str, **env: str) -> RealWorld:
    """A machine without IPv6; every name has these addresses there, or cannot be resolved for none."""
    return _WorldWithoutIpv6(addresses, env)


def asking_to_stop(stop: StopSignal, *, once: Callable[[], bool]) -> threading.Thread:
    """A thread, already started, that asks to stop as soon as something is so."""

    def ask() -> None:
        wait_until(once)
        stop.request(15)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread
