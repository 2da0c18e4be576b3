import gc
import os

import pytest

from ci_ops.service._process import forks


class _Thing:
    def __init__(self) -> None:
        self.forks = 0
        forks.tell_after_fork(self)

    def after_fork(self) -> None:
        self.forks += 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_what_lives_is_told_in_the_child_and_not_in_the_parent() -> None:
    thing = _Thing()

    child = os.fork()
    if child == 0:
        os._exit(thing.forks)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert thing.forks == 0


def test_what_no_longer_lives_is_forgotten() -> None:
    thing = _Thing()
    assert thing in forks._known
    del thing
    gc.collect()

    assert not [one for one in forks._known if isinstance(one, _Thing)]
