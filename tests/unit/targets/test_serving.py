"""Reload, or restart where the reload fails: what a server that has ended needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.release_host import Host, numbered

RELOAD = 'test -e "{0}/up" || {{ echo "no process" >&2; exit 3; }}\necho reload >> "{0}/log"'
RESTART = 'touch "{0}/up"\necho restart >> "{0}/log"'
HEALTH = 'test -e "{0}/up"'


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose server is a file `up`, which a restart makes."""
    settings = {"reload": RELOAD, "restart": RESTART, "health": HEALTH}
    (tmp_path / "up").touch()
    shell = {name: text.format(tmp_path) for name, text in settings.items()}
    return Host(tmp_path, health_deadline=2.0, **shell)


@pytest.fixture
def log(host: Host) -> Path:
    return host.path.parent / "log"


def test_a_server_that_runs_is_only_reloaded(host: Host, log: Path) -> None:
    host.deploy(1)
    assert log.read_text() == "reload\n"


def test_a_server_that_is_down_is_restarted_with_the_new_release(host: Host, log: Path) -> None:
    (host.path.parent / "up").unlink()
    host.deploy(1)
    assert log.read_text() == "restart\n"


def test_a_server_that_answers_and_refuses_the_reload_is_left_alone(host: Host, log: Path) -> None:
    with_refusal = {**vars(host.target), "reload": "echo 'bad configuration' >&2; exit 4"}
    host.target = type(host.target)(**with_refusal)
    execution = host.run(numbered(1))
    assert execution.failed is not None
    assert "bad configuration" in execution.failed.output
    assert not log.exists()


def test_the_way_back_restarts_a_server_that_has_ended(host: Host, log: Path) -> None:
    first = host.deploy(1)
    second = host.deploy(2, previous=first.id)
    (host.path.parent / "up").unlink()
    assert host.executor(second).undo().failed is None
    assert host.live == first.revision
    assert log.read_text() == "reload\nreload\nrestart\n"


def test_the_way_back_restarts_a_server_that_takes_the_reload_and_stays_silent(host: Host, log: Path) -> None:
    deaf = {**vars(host.target), "reload": f'echo reload >> "{log}"'}
    first = host.deploy(1)
    second = host.deploy(2, previous=first.id)
    host.target = type(host.target)(**deaf)
    third = host.deploy(3, previous=second.id)
    (host.path.parent / "up").unlink()
    assert host.executor(third).undo().failed is None
    assert log.read_text().splitlines()[-2:] == ["reload", "restart"]


def test_a_rollback_restarts_too(host: Host, log: Path) -> None:
    first = host.deploy(1)
    host.deploy(2)
    (host.path.parent / "up").unlink()
    back = numbered(3, kind="rollback", release=first.id, revision=first.revision)
    steps = host.target.rollback_steps(back, first)
    assert host.executor(back).run(steps, scope="rollback").failed is None
    assert host.live == first.revision
    assert log.read_text().splitlines()[-1] == "restart"


def test_without_a_reload_it_is_always_restarted(host: Host, log: Path) -> None:
    host.target = type(host.target)(**{**vars(host.target), "reload": ""})
    first = host.deploy(1)
    assert host.executor(host.deploy(2, previous=first.id)).undo().failed is None
    assert log.read_text() == "restart\n" * 3
