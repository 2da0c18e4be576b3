"""A world with a deadline: nothing that its ports start outlives it."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from ci_ops.core.bounded import BoundedWorld
from ci_ops.core.deadline import Deadline
from ci_ops.core.errors import OutOfTime
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.world import World
from ci_ops.core.result import Result
from ci_ops.core.subject import Subject
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import a_subject, checked, clean_env

HOUR_SECONDS = 3600.0
SHORT_SECONDS = 0.2
LOCAL = {"listeners", "env", "redact", "templates"}
"""Ports that wait for nothing outside this machine."""

Use = Callable[[World, int], object]


def ask(world: World, port: int) -> object:
    return world.http.request("GET", f"http://127.0.0.1:{port}/", timeout_seconds=HOUR_SECONDS)


def shake_hands(world: World, port: int) -> object:
    return world.tls.certificate("127.0.0.1", port, address="", timeout_seconds=HOUR_SECONDS)


def run_program(world: World, _port: int) -> object:
    program = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(3600)"]
    return world.process.run(program, timeout_seconds=HOUR_SECONDS)


def look_up(world: World, _port: int) -> object:
    return world.http.addresses("http://127.0.0.1/", timeout_seconds=HOUR_SECONDS)


def sleep(world: World, _port: int) -> object:
    world.clock.sleep(HOUR_SECONDS)
    return None


def wait_for_stop(world: World, _port: int) -> object:
    return world.stop.wait(HOUR_SECONDS)


USES: dict[str, Use] = {
    "http": ask,
    "tls": shake_hands,
    "process": run_program,
    "clock": sleep,
    "stop": wait_for_stop,
}
"""For each port that waits: a use that would take an hour."""


@contextmanager
def silent_server() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    port = server.getsockname()[1]
    assert isinstance(port, int)
    return port


def a_world() -> RealWorld:
    """Return a world whose ports are loaded, which takes longer than these deadlines."""
    world = RealWorld(env=clean_env(), stop=StopSignal())
    assert {type(port).__module__ for port in (world.http, world.tls, world.process)}
    return world


def bounded(world: World, seconds: float) -> World:
    return world.within(Deadline.after(seconds, world.clock))


def test_every_port_either_honours_the_deadline_or_waits_for_nothing() -> None:
    ports = {name for name, value in vars(World).items() if isinstance(value, property)}
    assert ports == set(USES) | LOCAL


def test_a_handshake_of_one_version_ends_at_the_deadline_and_tells_nothing() -> None:
    with silent_server() as server:
        world = bounded(a_world(), SHORT_SECONDS)
        answer = world.tls.accepts(
            "127.0.0.1", port_of(server), version="TLSv1.2", address="", timeout_seconds=HOUR_SECONDS
        )
    assert answer is None


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_a_port_starts_ends_at_the_deadline(use: Use) -> None:
    with silent_server() as server:
        started = time.monotonic()
        try:
            answer = use(bounded(a_world(), SHORT_SECONDS), port_of(server))
        except (HttpError, OutOfTime) as error:
            answer = error
        assert time.monotonic() - started >= SHORT_SECONDS * 0.9
        assert time.monotonic() - started < HOUR_SECONDS / 60
    assert getattr(answer, "timed_out", True)
    assert getattr(answer, "kind", "timeout") == "timeout"


@pytest.mark.parametrize("use", [ask, look_up, shake_hands, run_program], ids=lambda use: use.__name__)
def test_nothing_is_started_after_the_deadline(use: Use) -> None:
    with silent_server() as server:
        server.setblocking(False)
        with pytest.raises((HttpError, OutOfTime), match="no time was left"):
            use(bounded(a_world(), 0.0), port_of(server))
        with pytest.raises(BlockingIOError):  # nobody has connected
            server.accept()


@pytest.mark.parametrize(("outer", "inner"), [(0.0, HOUR_SECONDS), (HOUR_SECONDS, 0.0)])
def test_of_two_deadlines_the_earlier_one_holds(outer: float, inner: float) -> None:
    world = bounded(bounded(a_world(), outer), inner)
    with pytest.raises(OutOfTime):
        world.clock.sleep(1.0)


def test_within_its_deadline_a_world_is_as_it_was() -> None:
    stop = StopSignal()
    world = RealWorld(env={**clean_env(), "A": "b"}, stop=stop)
    near = bounded(world, HOUR_SECONDS)
    assert isinstance(near, BoundedWorld)
    assert (near.env, near.redact, near.templates) == (world.env, world.redact, world.templates)
    assert near.listeners is world.listeners
    assert near.at("local").env == world.at("local").env
    assert near.http.addresses("http://127.0.0.1/", timeout_seconds=1.0) == ("127.0.0.1",)
    assert near.process.run([sys.executable, "-c", "print(5)"], timeout_seconds=60.0).stdout == "5\n"
    near.clock.sleep(0.001)
    assert near.clock.now().tzinfo is not None
    stop.request(15)
    assert near.stop.requested == 15
    assert near.stop.wait(HOUR_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Slow(Check):
    """A check that uses one port for an hour."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.VERIFY, Phase.READINESS})
    rules: ClassVar[dict[str, Rule]] = {}

    use: Use
    port: int
    found: list[str] = field(default_factory=list)

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        del subject
        try:
            self.use(world, self.port)
        except HttpError as error:
            self.found.append(error.kind)
        yield self.result(Status.FAIL, "It took too long.", measured=1)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_no_check_outlives_the_deadline_of_a_verification(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci_ops.checks._repeat.MIN_TRY_SECONDS", SHORT_SECONDS)
    with silent_server() as server:
        plugin = Slow(use=use, port=port_of(server))
        started = time.monotonic()
        (result,) = checked(
            [Named(name="slow", plugin=plugin)], a_subject(), a_world(), deadline_seconds=SHORT_SECONDS
        )
        assert time.monotonic() - started < HOUR_SECONDS / 60
    assert result.status in {Status.FAIL, Status.ERROR}


def test_in_readiness_a_programs_own_timeout_holds() -> None:
    def wait(world: World, _port: int) -> object:
        return world.process.run([sys.executable, "-c", ""], timeout_seconds=60.0)

    (result,) = checked(
        [Named(name="slow", plugin=Slow(use=wait, port=0))],
        a_subject(),
        a_world(),
        phase=Phase.READINESS,
        deadline_seconds=0.0,
    )
    assert result.sentence == "It took too long."
