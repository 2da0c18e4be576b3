"""Which generation a process belongs to, in real children."""

import copy
import os

import pytest

from ci_ops.service.gunicorn_hooks import on_reload
from ci_ops.service.lifecycle.generations import Generations


def _in_a_child(generations: Generations) -> bool:
    """What a child forked now says after one more reload of its parent."""
    go_on, told = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.read(go_on[0], 1)
        os.write(told[1], b"1" if generations.is_replaced else b"0")
        os._exit(0)
    generations.begin()
    os.write(go_on[1], b"x")
    answer = os.read(told[0], 1)
    os.waitpid(child, 0)
    for descriptor in (*go_on, *told):
        os.close(descriptor)
    return answer == b"1"


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_reload_replaces_the_workers_that_there_are_and_not_those_to_come() -> None:
    generations = Generations()
    before = generations.is_replaced
    replaced = _in_a_child(generations)

    child = os.fork()
    if child == 0:
        os._exit(generations.is_replaced)

    assert (before, replaced) == (False, True)
    assert os.waitpid(child, 0)[1] == 0


def test_the_hook_of_gunicorn_says_so_to_the_workers_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    master = Generations()
    worker = copy.copy(master)
    monkeypatch.setattr("ci_ops.service.gunicorn_hooks.generations", master)
    on_reload(None)

    assert (master.is_replaced, worker.is_replaced) == (False, True)
