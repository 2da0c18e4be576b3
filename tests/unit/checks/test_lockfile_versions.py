from __future__ import annotations

import pytest

from ci_ops.checks.lockfile.pep440 import (
    allows,
    is_same_marker,
    is_same_python,
    is_same_specifier,
    is_same_version,
    parse_requirement,
    pinned_version,
)
from ci_ops.checks.lockfile.poetry import allows_any


@pytest.mark.parametrize(
    ("specifier", "version", "allowed"),
    [
        (">=2,<3", "2.5", True),
        (">=2,<3", "3.0", False),
        (">=2", "3.0rc1", True),
        ("==1.0", "1.0+cu118", True),
        ("~=1.4.2", "1.5", False),
        ("", "1", True),
        ("nonsense", "1", None),
        (">=1", "nonsense", None),
    ],
)
def test_versions_are_held_against_specifiers_as_installers_do(
    specifier: str, version: str, *, allowed: bool | None
) -> None:
    assert allows(specifier, version) is allowed


@pytest.mark.parametrize(
    ("specifier", "version"),
    [("==1.2", "1.2"), ("===1.2", "1.2"), ("==1.*", ""), ("==1,!=2", ""), (">=1", ""), ("", ""), ("?", "")],
)
def test_a_pin_is_one_clause_of_one_version(specifier: str, version: str) -> None:
    assert pinned_version(specifier) == version


def test_spellings_of_one_thing_are_the_same() -> None:
    assert is_same_version("1.0", "1.0.0")
    assert is_same_version("1.0+local", "1.0")
    assert not is_same_version("1.0", "1.1")
    assert is_same_version("odd", "odd")
    assert is_same_specifier("<2,>=1.0", ">=1,<2")
    assert not is_same_specifier("<2", "<=2")
    assert parse_requirement("=1") is None


@pytest.mark.parametrize(
    ("ranges", "locked", "is_same"),
    [
        ([">=3.11,<4"], ">=3.11, <4", True),
        (["~=3.11"], ">=3.11, <4", True),
        (["==3.12.*"], ">=3.12,<3.13", True),
        ([">=3.11", ">=3.10,<3.14"], ">=3.11, <3.14", True),
        ([">=3.11"], ">=3.11, <3.14", False),
        ([">=3.11.4"], ">=3.11", False),
        ([">=3.11"], "", False),
        ([">=3.11"], "nonsense", True),
    ],
)
def test_ranges_of_python_are_compared_by_what_they_accept(
    ranges: list[str], locked: str, *, is_same: bool
) -> None:
    assert is_same_python(ranges, locked) is is_same


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("python_version < '3.13'", "python_full_version < '3.13'", True),
        ("platform_system == 'Windows'", "sys_platform == 'win32'", True),
        ("python_version >= '3.9'", "", True),
        ("sys_platform == 'win32'", "", False),
        ("sys_platform == 'win32'", "sys_platform != 'linux'", False),
        ("platform_machine == 'arm64'", "platform_machine == 'aarch64'", False),
        ("implementation_name == 'pypy'", "platform_python_implementation == 'PyPy'", True),
        ("extra == 'web'", "extra == 'Web'", True),
        ("extra == 'web'", "extra == 'all'", False),
        ("nonsense", "", False),
    ],
)
def test_markers_are_compared_by_where_they_hold(one: str, other: str, *, is_same: bool) -> None:
    assert is_same_marker(one, other, python=">=3.11", extras=("web", "all")) is is_same


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("^1.2.3", "1.9", "2.0"),
        ("^0.2.3", "0.2.9", "0.3"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0.0", "0.0.9", "0.1"),
        ("^0", "0.9", "1.0"),
        ("^2", "2.7", "3"),
        ("~1.2.3", "1.2.9", "1.3"),
        ("~1.2", "1.2.9", "1.3"),
        ("~1", "1.9", "2"),
        ("1.2.*", "1.2.7", "1.3"),
        ("1.2.3", "1.2.3", "1.2.4"),
        ("=1.2.3", "1.2.3", "1.2.4"),
        (">=1.2 <1.5", "1.4", "1.5"),
        (">=1.2,<1.5", "1.4", "1.5"),
        ("^1.2 || ^3.0", "3.1", "2.0"),
        ("^1.2|^3.0", "1.5", "2.0"),
        ("~=1.4", "1.9", "2.0"),
        ("!=1.4", "1.5", "1.4"),
    ],
)
def test_poetrys_constraints_mean_what_its_documentation_says(constraint: str, good: str, bad: str) -> None:
    assert allows_any((constraint,), good) is True
    assert allows_any((constraint,), bad) is False
    assert allows_any(("^9", constraint), good) is True


def test_a_constraint_that_is_not_understood_is_not_judged() -> None:
    assert allows_any(("latest",), "1.0") is None
    assert allows_any(("*",), "1.0") is True
