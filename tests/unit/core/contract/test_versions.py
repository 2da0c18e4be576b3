from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.contract.versions import plain_clauses, satisfies


@pytest.mark.parametrize(
    ("version", "specifier", "allowed"),
    [
        ("2.32.1", ">=2.32", True),
        ("2.31", ">=2.32", False),
        ("2.32", "==2.32.0", True),
        ("2.32.1", "==2.32.*", True),
        ("2.33", "==2.32.*", False),
        ("2.33", "!=2.32.*", True),
        ("2.32.5", "!=2.32.*", False),
        ("1.5", "~=1.4", True),
        ("2.0", "~=1.4", False),
        ("1.4.9", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("3", ">2,<4", True),
        ("4.0", ">2,<4", False),
        ("4.0", "<=4", True),
        ("10.0", ">9", True),
        ("1.0", "!=1", False),
        ("1.0", "===1.0", True),
        ("v1.0", "(>=1.0)", True),
        ("1.0", "", True),
        ("1.0rc1", ">=1.0", None),
        ("1.0", ">=1.0rc1", None),
        ("1.0", "^1.0", None),
        ("1!1.0", ">=1.0", None),
    ],
)
def test_plain_versions_are_judged_and_others_are_not(
    version: str, specifier: str, *, allowed: bool | None
) -> None:
    assert satisfies(version, specifier) is allowed


def test_clauses_are_the_same_in_any_order_and_spacing() -> None:
    assert plain_clauses(">=1, <2") == plain_clauses("<2,>=1") == frozenset({(">=", "1"), ("<", "2")})
    assert plain_clauses("@ https://host/x.whl") is None


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=4), st.lists(st.integers(0, 99), min_size=1, max_size=4)
)
def test_of_two_versions_exactly_one_comparison_holds(one: list[int], other: list[int]) -> None:
    version, limit = ".".join(map(str, one)), ".".join(map(str, other))
    held = [operator for operator in ("<", "==", ">") if satisfies(version, f"{operator}{limit}")]
    assert len(held) == 1
    assert satisfies(version, f"<={limit}") is (held != [">"])
    assert satisfies(version, f"!={limit}") is (held != ["=="])
