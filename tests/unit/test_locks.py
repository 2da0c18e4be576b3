"""The lock files of the actions are in step with pyproject.toml, whole and hashed."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import parts
from tests.support.loading import load_by_path

LOCKS = parts.ROOT / "actions" / "locks"
TOOL = load_by_path(parts.ROOT / "tools" / "locks.py")
EXTRA_OF_GROUP = {"core": TOOL.CORE_EXTRA, **{group: group for group in TOOL.GROUPS}}


def pins(group: str) -> list[Requirement]:
    """What one lock file pins."""
    blocks = re.split(r"\n(?=\S)", (LOCKS / f"{group}.txt").read_text().strip())
    return [Requirement(re.sub(r"\s*\\\n.*", "", block, flags=re.DOTALL)) for block in blocks]


def extra(name: str) -> list[Requirement]:
    """What one extra of pyproject.toml asks for."""
    project = tomllib.loads((parts.ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(line) for line in project["optional-dependencies"][name]]


def closure(requirements: list[Requirement]) -> set[str]:
    """The names of all packages that these need, as installed here."""
    found: set[str] = set()
    waiting = [(requirement.name, frozenset(requirement.extras)) for requirement in requirements]
    while waiting:
        name, extras = waiting.pop()
        if canonicalize_name(name) in found and not extras:
            continue
        found.add(canonicalize_name(name))
        for line in requires(name) or ():
            needed = Requirement(line)
            markers = [{"extra": each} for each in (*extras, "")]
            if needed.marker is None or any(map(needed.marker.evaluate, markers)):
                waiting.append((needed.name, frozenset(needed.extras)))
    return found


def test_there_is_one_file_per_group() -> None:
    assert {path.stem for path in LOCKS.iterdir()} == set(EXTRA_OF_GROUP)


@pytest.mark.parametrize("group", EXTRA_OF_GROUP)
def test_what_an_extra_asks_for_is_pinned_within_its_bounds(group: str) -> None:
    pinned = {pin.name: str(pin.specifier).removeprefix("==") for pin in (*pins("core"), *pins(group))}
    for wanted in extra(EXTRA_OF_GROUP[group]):
        name = canonicalize_name(wanted.name)
        assert name in pinned, f"{name} is not locked: make locks"
        assert wanted.specifier.contains(pinned[name]), f"{name} {pinned[name]}: make locks"


@pytest.mark.parametrize("group", EXTRA_OF_GROUP)
def test_everything_that_is_needed_is_locked(group: str) -> None:
    locked = {pin.name for pin in (*pins("core"), *pins(group))}
    assert closure(extra(EXTRA_OF_GROUP[group])) <= locked


@pytest.mark.parametrize("group", TOOL.GROUPS)
def test_a_group_repeats_nothing_of_core(group: str) -> None:
    assert not {pin.name for pin in pins(group)} & {pin.name for pin in pins("core")}


@pytest.mark.parametrize("group", EXTRA_OF_GROUP)
def test_every_line_is_a_pin_or_a_hash(group: str) -> None:
    text = (LOCKS / f"{group}.txt").read_text()
    assert re.fullmatch(
        r"(?:[a-z0-9-]+==[\w.]+(?: ; [^\n\\]+)? (?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+\n)+", text
    )
