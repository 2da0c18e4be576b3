"""Every kind of step is one class that says everything about itself."""

from __future__ import annotations

import json
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
from tests.support.deployments import a_world, listed, shell

if TYPE_CHECKING:
    from collections.abc import Mapping

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
