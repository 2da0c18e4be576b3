"""The lock files of the actions are in step with pyproject.toml, whole and hashed."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import parts
from tests.support.action_files import workflow
from tests.support.loading import load_by_path

LOCKS = parts.ROOT / "actions" / "locks"
TOOL = load_by_path(parts.ROOT / "tools" / "locks.py")
EXTRA_OF_GROUP = {"core": TOOL.CORE_EXTRA, **{group: group for group in TOOL.GROUPS}}


def pins(group: str) -> list[Requirement]:
    """What the lock file of one group of actions pins."""
    return pins_in(LOCKS / f"{group}.txt")


def pins_in(path: Path) -> list[Requirement]:
    """What one lock file pins."""
    blocks = re.split(r"\n(?=\S)", path.read_text().strip())
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


@pytest.mark.parametrize("path", [*(LOCKS / f"{group}.txt" for group in EXTRA_OF_GROUP), TOOL.BUILD])
def test_every_line_is_a_pin_or_a_hash(path: Path) -> None:
    assert re.fullmatch(
        r"(?:[a-z0-9-]+==[\w.]+(?: ; [^\n\\]+)? (?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+\n)+",
        path.read_text(),
    )


def test_what_builds_a_release_is_pinned_as_pyproject_says() -> None:
    document = tomllib.loads((parts.ROOT / "pyproject.toml").read_text())
    wanted = {Requirement(line) for line in document["dependency-groups"]["build"]}
    assert {Requirement(line) for line in document["build-system"]["requires"]} <= wanted
    locked = pins_in(TOOL.BUILD)
    assert {(each.name, str(each.specifier)) for each in wanted} <= {
        (each.name, str(each.specifier)) for each in locked
    }
    assert closure(list(wanted)) <= {canonicalize_name(each.name) for each in locked}


def test_a_job_that_signs_or_publishes_installs_nothing_but_by_hash() -> None:
    release = workflow(parts.ROOT / ".github" / "workflows" / "release.yml")
    signing = [job for job in release["jobs"].values() if "id-token" in job["permissions"]]
    assert len(signing) == 2
    commands = [step["run"].partition(" #")[0] for job in signing for step in job["steps"] if "run" in step]
    installing = [each for each in commands if "make " in each]
    assert installing == [
        "make dist",
        "make .venv/bin/uv && .venv/bin/uv publish --trusted-publishing always dist/*",
    ]
    assert not [each for each in commands if re.search(r"pip3? |pipx|uvx|uv (tool|pip|run|build)", each)]
    makefile = (parts.ROOT / "Makefile").read_text().replace("\\\n", " ")
    (install,) = re.findall(r"pip .*install .*", makefile.partition("$(BIN)/uv:\n")[2])
    assert "--require-hashes" in install
    assert "tools/build.txt" in install
