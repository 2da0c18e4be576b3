"""Every kind of step is one class that says everything about itself."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.core.delivery import steps as folder
from ci_ops.core.delivery.context import Context
from ci_ops.core.delivery.dry_run import dry_run
from ci_ops.core.delivery.step import Observation, Step, step_from_json, step_to_json
from ci_ops.core.modules import modules_in
from tests.support.deployments import Bench, a_world, begin_step, listed, shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KINDS = modules_in(folder.__name__)
VALUES: Mapping[str, Any] = {"str": "text", "float": 1.5, "bool": False, "Mapping[str, str]": {"a": "b"}}
"""A value for each type that a field may have."""


def kind(name: str) -> type[Step]:
    found: type[Step] = getattr(import_module(f"{folder.__name__}.{name}"), name.capitalize())
    return found


def built(name: str, **more: str) -> Step:
    """A step with a value of its own in every field, and an undo where it can have one."""
    cls = kind(name)
    values: dict[str, Any] = {each.name: VALUES.get(str(each.type)) for each in fields(cls) if each.init}
    values |= {"undo": shell("back", "true"), **more} if "undo" in values else {}
    return cls(**values)


@pytest.mark.parametrize("name", KINDS)
def test_every_field_survives_being_written(name: str) -> None:
    step = built(name)
    assert all(getattr(step, each.name) is not None for each in fields(step) if each.init)
    assert step_from_json(json.loads(json.dumps(step_to_json(step)))) == step


@pytest.mark.parametrize("name", KINDS)
def test_a_dry_run_shows_its_text(name: str) -> None:
    (outcome,) = dry_run(listed([built(name)]))
    assert outcome.run == built(name).text
    assert "text" in outcome.run


@pytest.mark.parametrize("name", KINDS)
def test_it_says_how_it_is_performed_and_how_its_change_is_probed(name: str) -> None:
    cls = kind(name)
    assert cls.perform is not Step.perform
    assert issubclass(cls, Observation) or cls.has_happened is not Step.has_happened


def test_what_no_type_says_is_an_error() -> None:
    bare = Step(title="t", key="k", timeout_seconds=1.0)
    nowhere = Context(world=a_world(), root=Path(), variables={})
    for call in (lambda: bare.text, lambda: bare.perform(nowhere)):
        with pytest.raises(NotImplementedError):
            call()
    assert bare.has_happened(nowhere) is None


def test_nothing_can_tell_of_a_change_without_a_probe() -> None:
    nowhere = Context(world=a_world(), root=Path(), variables={})
    assert [built(name, probe="").has_happened(nowhere) for name in KINDS] == [None] * len(KINDS)


NEW_KIND = '''
from dataclasses import dataclass
from ci_ops.core.delivery.step import Step, StepResult

@dataclass(frozen=True, kw_only=True, slots=True)
class Touch(Step):
    """Make an empty file."""

    path: str
    timeout_seconds: float = 1.0

    @property
    def text(self):
        return f"make {self.path}"

    def perform(self, context):
        (context.root / self.path).touch()
        return StepResult(ok=True, code=0, output=self.path)

    def has_happened(self, context):
        return (context.root / self.path).exists()
'''


@pytest.fixture
def touch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Step]]:
    """A type of step in a module that nothing of ours names."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "touch.py").write_text(NEW_KIND)
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path / "more")])
    modules_in.cache_clear()
    yield kind("touch")
    modules_in.cache_clear()
    del sys.modules[f"{folder.__name__}.touch"]


def test_a_new_type_is_one_class(touch: type[Step], tmp_path: Path) -> None:
    values: dict[str, Any] = {"title": "make it", "key": "one", "path": "made", "no_undo": "a test"}
    step, bench = touch(**values), Bench(tmp_path)
    assert [each.run for each in dry_run(listed([step]))] == ["make made"]
    begin_step(bench.journal(), step)

    (outcome,) = bench.executor().run(listed([step])).outcomes
    assert (outcome.replayed, outcome.run, (tmp_path / "made").exists()) == (False, "make made", True)

    (tmp_path / "made").unlink()
    (outcome,) = bench.executor().run(listed([step])).outcomes
    assert (outcome.replayed, (tmp_path / "made").exists()) == (True, False)
    assert [entry.step for entry in bench.journal().entries] == [step]
