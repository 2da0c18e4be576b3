"""The ports and what implements them on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ci_ops.core.ports.lines import Lines
from ci_ops.core.ports.place import LOCAL
from ci_ops.core.ports.store import Store
from ci_ops.core.ports.templates import Templates
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import clean_env

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("port", [Lines, Store, Templates])
def test_the_local_implementation_answers_every_call_of_its_port(port: type, tmp_path: Path) -> None:
    world = RealWorld(env=clean_env(), stop=StopSignal())
    store = world.at(LOCAL).store(tmp_path)
    implementations: dict[type, object] = {
        Lines: store.lines("a.jsonl"),
        Store: store,
        Templates: world.templates,
    }
    implementation = implementations[port]
    calls = {name for name in vars(port) if not name.startswith("_")}
    assert calls
    assert {name for name in calls if callable(getattr(implementation, name, None))} == calls
