"""Commands run at a place, with what belongs to the step and in the environment of that place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.deadline import Deadline
from ci_ops.core.errors import LockHeld, OutOfTime, UsageError
from ci_ops.core.ports.lease import Holder
from ci_ops.core.ports.place import LOCAL
from ci_ops.edge.world import RealWorld
from ci_ops.targets.releases import Releases
from tests.support.deployments import Bench, a_world, listed, shell

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.edge.place import LocalPlace


class BareWorld(RealWorld):
    """A machine whose programs inherit nothing of ours, as those of another host."""

    def at(self, place: str) -> LocalPlace:
        return RealWorld(env={"PATH": self.env["PATH"], "HOST_OWN": "there"}).at(place)


def test_the_variables_of_a_deployment_reach_a_command_that_inherits_nothing(tmp_path: Path) -> None:
    world = BareWorld(env={**a_world().env, "OURS": "not there"})
    bench = Bench(tmp_path, world=world, env={"DEPLOYMENT_ID": "the-id"})
    step = shell("one", 'echo "$DEPLOYMENT_ID|$HOST_OWN|${OURS-unset}" > said')

    assert bench.executor().run(listed([step])).failed is None

    assert bench.file("said") == "the-id|there|unset\n"


def test_a_variable_of_the_step_wins_over_the_environment(tmp_path: Path) -> None:
    bench = Bench(tmp_path, world=a_world(DEPLOYMENT_ID="another"), env={"DEPLOYMENT_ID": "the-id"})
    bench.executor().run(listed([shell("one", 'echo "$DEPLOYMENT_ID" > said')]))
    assert bench.file("said") == "the-id\n"


def test_a_place_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(UsageError, match="cannot reach the place 'ssh://shop'"):
        bench.executor().run(listed([shell("one", "touch here", place="ssh://shop")]))
    assert not (tmp_path / "here").exists()


def test_a_place_within_a_deadline_starts_nothing_afterwards(tmp_path: Path) -> None:
    world = a_world()
    place = world.within(Deadline.after(0.0, world.clock)).at(LOCAL)
    with pytest.raises(OutOfTime):
        place.process.run("touch here", timeout_seconds=30.0, directory=tmp_path)
    assert not (tmp_path / "here").exists()


def test_journal_and_lease_lie_where_the_target_says(tmp_path: Path) -> None:
    state = Releases(path=str(tmp_path / "shop")).state_place()
    place = a_world().at(state.place)
    assert not place.has_folder(state.directory)

    place.store(state.directory).lines("a.jsonl").append("x")
    held = place.lease(state.directory).acquire(Holder(name="mona", since=datetime.now(UTC)))

    assert place.has_folder(tmp_path / "shop" / ".ci-ops")
    bounded = a_world().within(Deadline.after(30.0, a_world().clock)).at(state.place)
    assert bounded.has_folder(state.directory)
    assert bounded.store(state.directory).lines("a.jsonl").read() == ("x",)
    with pytest.raises(LockHeld, match="mona"):
        bounded.lease(state.directory).acquire(Holder(name="hubot", since=datetime.now(UTC)))
    held.release()
