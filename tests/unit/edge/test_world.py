"""The bundle: cheap, frozen, made once, and light to import."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.ports.place import LOCAL
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import RealClock, StopSignal
from ci_ops.edge.world import RealWorld

if TYPE_CHECKING:
    from ci_ops.core.ports.world import World

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "requests",
    "urllib3",
    "jinja2",
    "yaml",
    "backoff",
    "github",
    "click",
    "ssl",
    "asyncio",
    "subprocess",
}
PORTS = ("clock", "env", "http", "process", "redact", "stop", "templates", "tls")

IMPORTED = """
import json, sys
from ci_ops.edge.world import RealWorld
world = RealWorld.from_environment()
world.env, world.clock.now(), world.stop.requested, world.redact("x")
{more}
print(json.dumps(sorted(sys.modules)))
"""


def modules_after(more: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(more=more)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_the_bundle_loads_nothing_heavy_before_it_is_used() -> None:
    assert not HEAVY & modules_after("")


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ("world.process", {"subprocess"}),
        ("world.at('local').store", set()),
        ("world.tls", {"ssl"}),
        ("world.templates", {"asyncio", "jinja2", "ssl", "subprocess"}),
        ("world.http", {"requests", "ssl", "urllib3"}),
        ("world.waits()", set()),
    ],
)
def test_each_port_loads_only_what_it_needs(more: str, allowed: set[str]) -> None:
    assert HEAVY & modules_after(more) <= allowed


WITHOUT_POSIX = """
import os, pkgutil, sys
from importlib import import_module
for name in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[name] = None
for name in ("setsid", "killpg", "fork", "getuid", "uname"):
    delattr(os, name)
import ci_ops.edge
for module in pkgutil.iter_modules(ci_ops.edge.__path__):
    print(import_module(f"ci_ops.edge.{module.name}").__name__)
"""


def test_every_module_can_be_imported_without_what_only_posix_has() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_POSIX], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "ci_ops.edge.lock" in done.stdout.split()


def test_it_is_a_world_with_every_port() -> None:
    world: World = RealWorld(env={"A": "1"})
    for name in PORTS:
        assert getattr(world, name) is getattr(world, name)
    assert dict(world.env) == {"A": "1"}


def test_what_is_handed_in_is_used() -> None:
    stop = StopSignal()
    redact = Redactor(["a-long-secret"])
    clock = RealClock(stop)
    world = RealWorld(env={"PATH": "/usr/bin:/bin"}, clock=clock, stop=stop, redact=redact)
    assert (world.stop, world.clock, world.redact) == (stop, clock, redact)
    assert world.process.run("echo a-long-secret", timeout_seconds=9).stdout == "***\n"


def test_the_bundle_cannot_be_changed() -> None:
    given = {"A": "1"}
    world = RealWorld(env=given)
    given["A"] = "2"
    assert world.env["A"] == "1"
    with pytest.raises(TypeError):
        world.env["A"] = "3"  # type: ignore[index]
    with pytest.raises(AttributeError):
        world.http = world.http  # type: ignore[misc]
    with pytest.raises(AttributeError):
        world.other = 1  # type: ignore[attr-defined]


def test_the_processs_own_environment_is_one_call_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NAME_OF_OURS", "here")
    world = RealWorld.from_environment()
    assert world.env["A_NAME_OF_OURS"] == "here"


def test_threads_that_ask_at_the_same_time_get_the_same_port() -> None:
    world = RealWorld(env={})
    start = threading.Barrier(8)
    seen: list[object] = []

    def ask() -> None:
        start.wait()
        seen.append((world.process, world.http, world.templates, world.tls))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1


def test_stores_and_waits_come_from_the_world_too(tmp_path: Path) -> None:
    world = RealWorld(env={})
    place = world.at(LOCAL)
    place.store(tmp_path).lines("a.jsonl").append("x")
    assert place.store(tmp_path).names("") == ("a.jsonl",)
    assert 0 <= next(world.waits(base_seconds=0.1, cap_seconds=0.1)) <= 0.1
